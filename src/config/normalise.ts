import type { ConfigNode, Entry, ScalarNode } from './nodes.js';
import { propertySchema, schemaFor, type SchemaNode } from './schema-node.js';

/**
 * Makes values what their schema means, before anything is checked: text that YAML reads as a number or a truth value
 * (a header's value, a status among classes) becomes the text again, and header names become lower case, so that they
 * merge and compare.
 */
export function normalise(node: ConfigNode, schema: SchemaNode | undefined): ConfigNode {
  const own = schema === undefined ? undefined : schemaFor(schema, node);
  switch (node.kind) {
    case 'scalar':
      return own === undefined ? node : normaliseScalar(node, own);
    case 'list':
      return { ...node, items: node.items.map((item) => normalise(item, own?.items)) };
    case 'map':
      return { ...node, entries: node.entries.map((entry) => normaliseEntry(entry, own)) };
  }
}

function normaliseEntry(entry: Entry, schema: SchemaNode | undefined): Entry {
  const value = normalise(entry.value, schema === undefined ? undefined : propertySchema(schema, entry.key));
  return { ...entry, key: schema?.keyUnit === 'header-name' ? entry.key.toLowerCase() : entry.key, value };
}

function normaliseScalar(node: ScalarNode, schema: SchemaNode): ScalarNode {
  if (typeof node.value === 'string') {
    return schema.unit === 'header-name' ? { ...node, value: node.value.toLowerCase() } : node;
  }
  switch (schema.unit) {
    case 'text':
    case 'name':
    case 'header-value':
      // Nothing is text only where a variable was empty; a key without a value stays a mistake.
      if (node.value === null && node.template === undefined) return node;
      return { ...node, value: node.text };
    case 'class':
    case 'status-range':
      return typeof node.value === 'number' ? { ...node, value: node.text } : node;
    default:
      return node;
  }
}
