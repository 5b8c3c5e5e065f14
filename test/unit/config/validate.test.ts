/** The check of a file against its schema, held against a validator for JSON Schemas in general. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ajv } from 'ajv';
import fc from 'fast-check';
import { Issues, SourceText } from '../../../src/config/issues.js';
import { builtIn } from '../../../src/config/nodes.js';
import { ConfigFileSchema } from '../../../src/config/schema.js';
import { type SchemaNode, typesOf } from '../../../src/config/schema-node.js';
import { validate } from '../../../src/config/validate.js';

/** All that this project's schemas may say, and what of it the check has no need to look at. */
const CHECKED = ['type', 'properties', 'patternProperties', 'additionalProperties', 'items', 'anyOf', 'enum', 'const'];
const BOUNDS = ['minimum', 'maximum', 'minLength', 'pattern', 'minItems', 'minProperties'];
const ELSEWHERE = ['required', 'default', 'description', 'unit', 'keyUnit', 'allowed', 'byKey', 'orFalse', 'explicit'];
const KNOWN = new Set([...CHECKED, ...BOUNDS, ...ELSEWHERE, 'other']);

function* schemasIn(schema: SchemaNode): Generator<SchemaNode> {
  yield schema;
  const { properties = {}, patternProperties = {}, items, anyOf = [] } = schema;
  const below = [...Object.values(properties), ...Object.values(patternProperties), ...anyOf];
  for (const each of items === undefined ? below : [...below, items]) yield* schemasIn(each);
}

/** As `validate` takes it: what is missing is told elsewhere, but a union's branch may be told by the key that is there. */
function withoutRequired(schema: SchemaNode, tellingKey?: string): SchemaNode {
  const mapped = (schemas: Readonly<Record<string, SchemaNode>>) =>
    Object.fromEntries(Object.entries(schemas).map(([key, each]) => [key, withoutRequired(each)]));
  const { properties, patternProperties, items, anyOf, byKey, required: _, ...rest } = schema;
  return {
    ...rest,
    ...(tellingKey === undefined ? {} : { required: [tellingKey] }),
    ...(properties === undefined ? {} : { properties: mapped(properties) }),
    ...(patternProperties === undefined ? {} : { patternProperties: mapped(patternProperties) }),
    ...(items === undefined ? {} : { items: withoutRequired(items) }),
    ...(anyOf === undefined ? {} : { anyOf: anyOf.map((each, index) => withoutRequired(each, byKey?.[index])) }),
  };
}

const ajv = new Ajv({ strict: false, strictNumbers: true, logger: false, allErrors: true });

/** What of a value, by its path's first step, the two refuse. */
function refused(schema: SchemaNode, value: unknown): Set<string | undefined> {
  const issues = new Issues(new SourceText('f.yaml', ''));
  validate(builtIn(value), schema, [], issues);
  return new Set(issues.sorted().map(({ path }) => /^[^.[]*/.exec(path)?.[0]));
}

function refusedByAjv(schema: SchemaNode): (value: unknown) => Set<string | undefined> {
  const check = ajv.compile(withoutRequired(schema));
  return (value) => {
    check(value);
    return new Set(check.errors?.map(({ instancePath }) => instancePath.split('/')[1] ?? ''));
  };
}

const SCALARS: readonly unknown[] = [
  ...[null, true, false, 0, 1, -1, 3, 1.5, 99, 100, 600, 1e21, NaN, Infinity, '', 'a', 'a'.repeat(101), 'off', '5s'],
  ...['0s', '1m30s', '50%', '101%', 'p95', '64KiB', '503', '5xx', '200-299', 'GET', 'get', '/x', '/x/*', 'x-a', 'x a'],
  ...['http://a', 'reset', 'full', '{endpoint}', '{nothing}', '127.0.0.1:0', ' ', '\n', 'é', '\u{1f6f6}'],
];
const COLLECTIONS: readonly unknown[] = [[], {}, ...SCALARS.flatMap((value) => [[value], { a: value }, { on: value }])];

/** All schemas of the file's, each as a property of one. */
const every = new Map([...schemasIn(ConfigFileSchema)].map((schema, index) => [`s${index}`, schema]));
const all: SchemaNode = { type: 'object', properties: Object.fromEntries(every) };
const everywhere = (value: unknown) => Object.fromEntries([...every.keys()].map((key) => [key, value]));
const refusedByAjvOfAll = refusedByAjv(all);

/** The scalars that a schema allows. */
const fitting = new Map<SchemaNode, unknown[]>();
for (const value of SCALARS) {
  const wrong = refusedByAjvOfAll(everywhere(value));
  for (const [key, schema] of every) {
    if (!wrong.has(key)) fitting.set(schema, [...(fitting.get(schema) ?? []), value]);
  }
}

/** Values that mostly fit a schema, so that what is deep in it is reached. */
function valuesFor(schema: SchemaNode): fc.Arbitrary<unknown> {
  const { properties, patternProperties, items, anyOf } = schema;
  const mostly = (arbitrary: fc.Arbitrary<unknown>) =>
    fc.oneof({ weight: 200, arbitrary }, { weight: 1, arbitrary: fc.constantFrom(...SCALARS) });
  const scalars = [...(fitting.get(schema) ?? []), ...(schema.enum ?? []), schema.const ?? schema.default ?? 'a'];
  if (anyOf !== undefined) return mostly(fc.oneof(...anyOf.map(valuesFor)));
  if (items !== undefined) return mostly(fc.array(valuesFor(items), { minLength: schema.minItems ?? 0, maxLength: 2 }));
  if (properties !== undefined) {
    const some = Object.entries(properties).map(([key, each]) =>
      fc.tuple(fc.constant(key), valuesFor(each), fc.nat(2)),
    );
    const zebra = fc.tuple(fc.constant('zebra'), fc.constant(1), fc.integer({ min: 1, max: 200 }));
    return mostly(
      fc
        .tuple(...some, zebra)
        .map((entries) =>
          Object.fromEntries(entries.filter(([, , dice]) => dice === 1).map(([key, value]) => [key, value])),
        ),
    );
  }
  if (patternProperties !== undefined) {
    const [each = {}] = Object.values(patternProperties);
    const key = mostly(fc.constantFrom('a', 'b')).map(String);
    return mostly(fc.dictionary(key, valuesFor(each), { minKeys: schema.minProperties ?? 0, maxKeys: 2 }));
  }
  return mostly(fc.constantFrom(...scalars));
}

test("of each schema in the file's it takes what a validator for JSON Schemas takes, and nothing else", () => {
  for (const value of [...SCALARS, ...COLLECTIONS]) {
    const [own, reference] = [refused(all, everywhere(value)), refusedByAjvOfAll(everywhere(value))];
    const differ = [...every].filter(([key]) => own.has(key) !== reference.has(key)).map(([, schema]) => schema);
    assert.deepEqual(differ, [], JSON.stringify(value));
  }
});

test('of whole files it takes what a validator for JSON Schemas takes, and nothing else', () => {
  const refusedByReference = refusedByAjv(ConfigFileSchema);
  const seen = { taken: 0, refused: 0 };
  fc.assert(
    fc.property(valuesFor(ConfigFileSchema), (value) => {
      const [own, reference] = [refused(ConfigFileSchema, value), refusedByReference(value)];
      assert.equal(own.size > 0, reference.size > 0);
      seen[own.size === 0 ? 'taken' : 'refused']++;
    }),
    { numRuns: 500 },
  );
  // Else it would have shown little.
  assert.ok(seen.taken > 50 && seen.refused > 50, JSON.stringify(seen));
});

test('it knows every keyword of the schema', () => {
  const unknown = [...schemasIn(ConfigFileSchema)]
    .flatMap((schema) => Object.keys(schema))
    .filter((key) => !KNOWN.has(key));
  assert.deepEqual([...new Set(unknown)], []);
});

test('the type of a value, or a key in it, tells which branch of a union is meant', () => {
  for (const { anyOf = [], byKey } of schemasIn(ConfigFileSchema)) {
    const types = anyOf.filter((branch) => branch.const === undefined).flatMap(typesOf);
    if (byKey === undefined) assert.equal(new Set(types).size, types.length, JSON.stringify(anyOf));
    else assert.equal(byKey.length, anyOf.length);
  }
});
