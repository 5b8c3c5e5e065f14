import type { Issues } from './issues.js';
import { builtIn, type ConfigNode, type Entry, entryOf, type MapNode, ownPath, type PathStep } from './nodes.js';
import { meantKey, propertySchema, schemaFor, type SchemaNode } from './schema-node.js';

/**
 * Fills in the built-in defaults, by the schema, and says which keys are missing. What is of the wrong type is left as it
 * is: validation has told.
 */
export function fill(schema: SchemaNode, node: ConfigNode, path: readonly PathStep[], issues: Issues): ConfigNode {
  const own = schemaFor(schema, node);
  // Of what is refused as a whole, nothing can be missing.
  if (own === undefined || issues.has(path)) return node;
  if (node.kind === 'list') {
    const items = own.items;
    if (items === undefined) return node;
    return { ...node, items: node.items.map((item, index) => fill(items, item, [...path, index], issues)) };
  }
  return node.kind === 'map' ? fillMap(own, node, path, issues) : node;
}

function fillMap(schema: SchemaNode, node: MapNode, path: readonly PathStep[], issues: Issues): MapNode {
  const given = node.entries.flatMap((entry) => {
    const known = propertySchema(schema, entry.key);
    return known === undefined ? [] : [{ ...entry, value: fill(known, entry.value, [...path, entry.key], issues) }];
  });
  const added = (schema.required ?? []).flatMap((key): Entry[] => {
    if (entryOf(node, key) !== undefined) return [];
    const property = schema.properties?.[key];
    if (property !== undefined && !needsValue(property)) {
      return [{ key, keyOffset: undefined, value: defaultOf(property, [...path, key], issues) }];
    }
    // A misspelt key has been told already; that it is missing too says nothing new.
    const misspelt = node.entries.some(
      (entry) => propertySchema(schema, entry.key) === undefined && meantKey(schema, entry.key) === key,
    );
    if (!misspelt) issues.add(node.offset, [...ownPath(node, path), key], `'${key}' is missing${hint(property)}`);
    return [];
  });
  return { ...node, entries: [...given, ...added] };
}

/** Whether a key must be in the file: neither it nor, for a map, all that it holds has a default. */
export function needsValue(schema: SchemaNode): boolean {
  if (schema.explicit === true) return true;
  if (schema.default !== undefined) return false;
  if (schema.anyOf !== undefined)
    return schema.orFalse !== true || schema.anyOf[0] === undefined || needsValue(schema.anyOf[0]);
  const { properties } = schema;
  if (properties === undefined) return true;
  return (schema.required ?? []).some((key) => properties[key] === undefined || needsValue(properties[key]));
}

function defaultOf(schema: SchemaNode, path: readonly PathStep[], issues: Issues): ConfigNode {
  if (schema.default !== undefined) return builtInOf(schema);
  return fill(schema, builtIn({}), path, issues);
}

/** Nodes don't change: one for each key's default does for all routes and upstreams. */
const builtIns = new WeakMap<SchemaNode, ConfigNode>();

function builtInOf(schema: SchemaNode): ConfigNode {
  const known = builtIns.get(schema) ?? builtIn(schema.default);
  builtIns.set(schema, known);
  return known;
}

function hint(schema: SchemaNode | undefined): string {
  return schema?.description === undefined ? '' : `: ${schema.description.replace(/\.$/, '')}`;
}
