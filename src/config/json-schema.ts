import type { Unit } from '../policies/rules/option-types.js';
import { needsValue } from './fill.js';
import { ConfigFileSchema } from './schema.js';
import { type SchemaNode, typesOf } from './schema-node.js';

/** Our annotations; validators that are strict refuse keywords they don't know. */
const OURS = new Set(['unit', 'keyUnit', 'allowed', 'byKey', 'orFalse', 'explicit', 'other']);

const SCALARS = new Set(['string', 'number', 'integer', 'boolean']);

const VARIABLE = { $ref: '#/definitions/variable' };

const definitions = {
  variable: {
    description: 'Text that holds ${NAME}, ${NAME:-default} or ${file:PATH}.',
    type: 'string',
    pattern: '\\$\\{[^}]+\\}',
  },
};

/** Types of text that YAML may read as something else, such as the status 503 or a header's value. */
const LOOSE: Readonly<Partial<Record<Unit, Readonly<Record<string, unknown>>>>> = {
  class: { type: ['string', 'integer'], minimum: 100, maximum: 599 },
  'status-range': { type: ['string', 'integer'], minimum: 100, maximum: 599 },
  text: { type: ['string', 'number', 'boolean'] },
  name: { type: ['string', 'number', 'boolean'] },
  'header-value': { type: ['string', 'number', 'boolean'] },
};

/** The JSON Schema of the policy file. */
export function publishedSchema(): Record<string, unknown> {
  const description =
    'Resilience policies for outbound HTTP calls: upstreams carry what protects the service, routes what the caller wants.';
  return jsonSchema(ConfigFileSchema, 'Outrigger policy file', description);
}

/**
 * The JSON Schema of a file of ours, for editors and other tools. It is made of the schema that validates: what has a
 * default need not be given, nor what `defaults` may give; and any scalar may be a string that holds `${…}`.
 */
export function jsonSchema(schema: SchemaNode, title: string, description: string): Record<string, unknown> {
  const $schema = 'http://json-schema.org/draft-07/schema#';
  return { $schema, title, description, ...publish(schema, true), definitions };
}

/** @param whole whether all of the map is given here, so that its keys can be required: true at the root and in lists */
function publish(schema: SchemaNode, whole: boolean): Record<string, unknown> {
  const published: Record<string, unknown> = {};
  for (const [keyword, value] of Object.entries(schema)) {
    if (!OURS.has(keyword) && keyword !== 'required') published[keyword] = value;
  }
  const { properties, patternProperties, items, anyOf } = schema;
  if (properties !== undefined) {
    published.properties = mapValues(properties, (property) => publish(property, false));
    const required = (schema.required ?? []).filter(
      (key) => properties[key] === undefined || needsValue(properties[key]),
    );
    if (whole && required.length > 0) published.required = required;
  }
  if (patternProperties !== undefined) {
    published.patternProperties = mapValues(patternProperties, (property) => publish(property, true));
  }
  if (items !== undefined) published.items = publish(items, true);
  if (anyOf !== undefined)
    published.anyOf = anyOf.map((branch, index) => ({ ...publish(branch, whole), ...marker(schema, branch, index) }));
  if (anyOf !== undefined || items !== undefined || properties !== undefined || patternProperties !== undefined) {
    return anyOf === undefined ? published : withVariable(published, anyOf);
  }
  return scalar(schema, published);
}

/** The key that tells a branch must be there, also where all that it holds has a default. */
function marker({ byKey }: SchemaNode, branch: SchemaNode, index: number): { required?: readonly string[] } {
  const key = byKey?.[index];
  if (key === undefined) return {};
  const { properties = {} } = branch;
  return { required: Object.keys(properties).filter((name) => name === key || needsValue(properties[name] ?? {})) };
}

/** Where false is the only scalar, there is no branch that takes `${…}` yet. */
function withVariable(published: Record<string, unknown>, branches: readonly SchemaNode[]): Record<string, unknown> {
  const taken = branches.some(
    (branch) => branch.const === undefined && typesOf(branch).some((type) => SCALARS.has(type)),
  );
  const constant = branches.some((branch) => branch.const !== undefined);
  if (taken || !constant || !Array.isArray(published.anyOf)) return published;
  const own: readonly unknown[] = published.anyOf;
  return { ...published, anyOf: [...own, VARIABLE] };
}

function scalar(schema: SchemaNode, published: Record<string, unknown>): Record<string, unknown> {
  if (schema.const !== undefined) return published;
  const loose = schema.unit === undefined ? undefined : LOOSE[schema.unit];
  // Free text may hold ${…} as it is.
  const free = schema.type === 'string' && published.pattern === undefined && schema.enum === undefined;
  if (free) return { ...published, ...loose };
  const { description, default: byDefault, ...rest } = published;
  const about = {
    ...(description === undefined ? {} : { description }),
    ...(byDefault === undefined ? {} : { default: byDefault }),
  };
  return { ...about, anyOf: [{ ...rest, ...loose }, VARIABLE] };
}

function mapValues(
  map: Readonly<Record<string, SchemaNode>>,
  change: (schema: SchemaNode) => Record<string, unknown>,
): Record<string, unknown> {
  return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, change(value)]));
}
