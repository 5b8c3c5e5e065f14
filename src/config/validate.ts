import { allowedText, foundText, remedy } from './describe.js';
import type { Issues } from './issues.js';
import { nearest } from './nearest.js';
import { type ConfigNode, type MapNode, type PathStep, type ScalarNode } from './nodes.js';
import { branchIndex, meantKey, propertySchema, type SchemaNode, typeOf, typesOf } from './schema-node.js';

/**
 * Checks a file against its schema, and says at which place what is wrong. Of a union only the branch that was meant is
 * looked at, so that one mistake is told once. What is missing is told when defaults are filled in.
 *
 * A validator for JSON Schemas in general would do, and did: generating its code took a third of the start, for one file
 * of which the keywords are known. A test holds this against such a one.
 */
export function validate(node: ConfigNode, schema: SchemaNode, path: readonly PathStep[], issues: Issues): void {
  if (schema.anyOf !== undefined) {
    const meant = branchIndex(schema, node);
    const branch = meant === undefined ? undefined : schema.anyOf[meant];
    if (branch !== undefined) validate(node, branch, path, issues);
    else tellNoBranch(node, schema, path, issues);
    return;
  }
  if (!hasType(node, typesOf(schema)) || (node.kind === 'scalar' && !isWithin(node, schema))) {
    tellWrong(node, schema, path, issues);
    return;
  }
  if (node.kind === 'scalar') return;
  const [size, least] =
    node.kind === 'map' ? [node.entries.length, schema.minProperties] : [node.items.length, schema.minItems];
  if (size < (least ?? 0)) issues.add(node.offset, path, `found an empty ${node.kind}; at least one entry is needed`);
  if (node.kind === 'map') validateMap(node, schema, path, issues);
  else if (schema.items !== undefined) {
    for (const [index, item] of node.items.entries()) validate(item, schema.items, [...path, index], issues);
  }
}

function validateMap(node: MapNode, schema: SchemaNode, path: readonly PathStep[], issues: Issues): void {
  // Of a key that is given twice, which is told elsewhere, the last counts.
  for (const entry of new Map(node.entries.map((each) => [each.key, each])).values()) {
    const own = [...path, entry.key];
    const property = propertySchema(schema, entry.key);
    const [keyPattern] = Object.keys(schema.patternProperties ?? {});
    if (property === undefined || (keyPattern !== undefined && !matches(keyPattern, entry.key))) {
      issues.add(entry.keyOffset, own, ...unknownKey(schema, entry.key));
    } else validate(entry.value, property, own, issues);
  }
}

function hasType(node: ConfigNode, types: readonly string[]): boolean {
  const type = typeOf(node);
  // YAML has numbers without end, and none that is none.
  if (node.kind === 'scalar' && typeof node.value === 'number' && !Number.isFinite(node.value)) return false;
  return types.includes(type) || (types.includes('integer') && node.kind === 'scalar' && Number.isInteger(node.value));
}

/** Whether a scalar of the right type is what the schema's other keywords allow. */
function isWithin({ value }: ScalarNode, schema: SchemaNode): boolean {
  if (schema.const !== undefined && value !== schema.const) return false;
  if (schema.enum?.includes(value) === false) return false;
  if (typeof value === 'number') return value >= (schema.minimum ?? -Infinity) && value <= (schema.maximum ?? Infinity);
  if (typeof value !== 'string') return true;
  return value.length >= (schema.minLength ?? 0) && (schema.pattern === undefined || matches(schema.pattern, value));
}

const patterns = new Map<string, RegExp>();

/** JSON Schema's patterns are of Unicode, and match anywhere unless they are anchored. */
function matches(pattern: string, text: string): boolean {
  let compiled = patterns.get(pattern);
  if (compiled === undefined) patterns.set(pattern, (compiled = new RegExp(pattern, 'u')));
  return compiled.test(text);
}

function tellWrong(node: ConfigNode, schema: SchemaNode, path: readonly PathStep[], issues: Issues): void {
  // Whatever it is, it was meant to be a secret.
  const secret = path[0] === 'admin' && path[1] === 'token';
  const found = secret ? 'something else' : foundText(node);
  const instead = secret ? undefined : remedy(schema, node);
  issues.add(node.offset, path, `found ${found}; allowed: ${allowedText(schema)}`, instead);
}

function tellNoBranch(node: ConfigNode, schema: SchemaNode, path: readonly PathStep[], issues: Issues): void {
  if (schema.byKey === undefined || node.kind !== 'map') {
    tellWrong(node, schema, path, issues);
    return;
  }
  const keys = node.entries.map((entry) => entry.key);
  const meant = keys.map((key) => nearest(key, schema.byKey ?? [])).find((key) => key !== undefined);
  const found = keys.length === 0 ? 'an empty map' : `a map with ${keys.join(', ')}`;
  const suggestion = meant === undefined || keys.includes(meant) ? undefined : `did you mean '${meant}'?`;
  issues.add(node.offset, path, `found ${found}; allowed: ${allowedText(schema)}`, suggestion);
}

function unknownKey(schema: SchemaNode, key: string): [message: string, suggestion?: string] {
  if (schema.keyUnit === 'header-name') return [`'${key}' is not a header name`];
  if (schema.keyUnit === 'duration') return [`'${key}' is no time; allowed: ${allowedText({ unit: schema.keyUnit })}`];
  if (schema.keyUnit !== undefined)
    return [`'${key}' can not be a name; allowed: ${allowedText({ unit: schema.keyUnit })}`];
  const allowed = `allowed here: ${Object.keys(schema.properties ?? {}).join(', ')}`;
  if (schema.other?.keys.includes(key) === true) {
    return [`unknown key '${key}'; ${allowed}`, `'${key}' stands under ${schema.other.place}`];
  }
  const meant = meantKey(schema, key);
  if (meant === undefined) return [`unknown key '${key}'; ${allowed}`];
  return [`did you mean '${meant}'? Unknown key; ${allowed}`, `did you mean '${meant}'?`];
}
