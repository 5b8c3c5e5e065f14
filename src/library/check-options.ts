import { checkValues } from '../config/check-values.js';
import { fill } from '../config/fill.js';
import { Issues, SourceText } from '../config/issues.js';
import type { ConfigNode } from '../config/nodes.js';
import { normalise } from '../config/normalise.js';
import { propertySchema, schemaFor, type SchemaNode, typeOf, typesOf } from '../config/schema-node.js';
import { validate } from '../config/validate.js';

/**
 * Holds options against their schema, as the policy file is, and says of what is wrong the key and the remedy. Throws a
 * TypeError for an unknown key, one that is missing or a value of the wrong type, else a RangeError for a value that is
 * not allowed, such as a text that is no duration.
 */
export function checkOptions(given: unknown, schema: SchemaNode): void {
  const node = toNode(given);
  const issues = new Issues(new SourceText('', ''));
  validate(node, schema, [], issues);
  const typed = issues.size === 0 || isTyped(node, schema);
  checkValues(normalise(node, schema), schema, [], issues);
  const wrong = issues.size;
  fill(schema, node, [], issues);
  const [first, ...more] = issues.sorted();
  if (first === undefined) return;
  const { path, message, suggestion } = first;
  const remedy = suggestion === undefined || message.startsWith(suggestion) ? '' : `; ${suggestion}`;
  const rest = more.length === 0 ? '' : ` (and ${more.length} more)`;
  const text = `${path === '' ? 'the options' : path}: ${message}${remedy}${rest}`;
  throw typed && wrong > 0 ? new RangeError(text) : new TypeError(text);
}

/** Whether all keys are known and all values of their type, whatever their range. */
function isTyped(node: ConfigNode, schema: SchemaNode): boolean {
  const own = schemaFor(schema, node);
  if (own === undefined) return false;
  const type = typeOf(node);
  if (!typesOf(own).some((has) => has === type || (has === 'integer' && type === 'number'))) return false;
  if (node.kind === 'scalar') return true;
  if (node.kind === 'list') return node.items.every((item) => own.items === undefined || isTyped(item, own.items));
  return node.entries.every(({ key, value }) => {
    const property = propertySchema(own, key);
    return property !== undefined && isTyped(value, property);
  });
}

/** A key whose value is undefined is one that is left out. */
function toNode(value: unknown): ConfigNode {
  const base = { offset: undefined, origin: 'own' } as const;
  if (Array.isArray(value)) return { ...base, kind: 'list', items: value.map(toNode) };
  // Bytes may stand for a text, as the body of an answer.
  if (value instanceof Uint8Array) return { ...base, kind: 'scalar', value: '', text: '', template: undefined };
  if (typeof value === 'object' && value !== null) {
    const given = Object.entries(value).filter(([, item]) => item !== undefined);
    const entries = given.map(([key, item]) => ({ key, keyOffset: undefined, value: toNode(item) }));
    return { ...base, kind: 'map', entries };
  }
  const scalar = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : null;
  return { ...base, kind: 'scalar', value: scalar, text: String(value), template: undefined };
}
