import { nearest } from './nearest.js';
import type { Unit } from '../policies/rules/option-types.js';
import { type ConfigNode, entryOf } from './nodes.js';

/** What of a JSON Schema, and of our annotations in it, the config code looks at. */
export interface SchemaNode {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly patternProperties?: Readonly<Record<string, SchemaNode>>;
  readonly required?: readonly string[];
  readonly items?: SchemaNode;
  readonly anyOf?: readonly SchemaNode[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly pattern?: string;
  readonly minItems?: number;
  readonly minProperties?: number;
  readonly description?: string;
  readonly unit?: Unit;
  /** What a map's keys are. */
  readonly keyUnit?: Unit;
  /** What is allowed, where `unit` does not say it. */
  readonly allowed?: readonly string[];
  /** A union whose branches are told apart by a key, in the branches' order. */
  readonly byKey?: readonly string[];
  /** A union of a policy's options and false. */
  readonly orFalse?: boolean;
  /** It must be in the file though all that it holds may be left out. */
  readonly explicit?: boolean;
  /** Where else keys may stand, and which; for errors about keys in the wrong place. */
  readonly other?: { readonly place: string; readonly keys: readonly string[] };
}

/** The JSON types of a schema, unions' branches included. */
export function typesOf(schema: SchemaNode): readonly string[] {
  if (schema.anyOf !== undefined) return schema.anyOf.flatMap(typesOf);
  return typeof schema.type === 'string' ? [schema.type] : (schema.type ?? []);
}

/** The JSON type of a node. */
export function typeOf(node: ConfigNode): string {
  if (node.kind === 'map') return 'object';
  if (node.kind === 'list') return 'array';
  return node.value === null ? 'null' : typeof node.value;
}

/** Which branch of a union a node is meant for; undefined if that can not be told. */
export function branchIndex(schema: SchemaNode, node: ConfigNode): number | undefined {
  const { anyOf = [], byKey } = schema;
  const type = typeOf(node);
  if (byKey !== undefined) {
    const indices = byKey.flatMap((key, index) => (entryOf(node, key) === undefined ? [] : [index]));
    return indices.length === 1 ? indices[0] : undefined;
  }
  const fits = anyOf.findIndex((branch) => {
    if (branch.const !== undefined) return node.kind === 'scalar' && node.value === branch.const;
    return typesOf(branch).some((has) => has === type || (has === 'integer' && type === 'number'));
  });
  return fits < 0 ? undefined : fits;
}

/** The schema that a node is meant for: the branch, where there are several. */
export function schemaFor(schema: SchemaNode, node: ConfigNode): SchemaNode | undefined {
  if (schema.anyOf === undefined) return schema;
  const index = branchIndex(schema, node);
  const branch = index === undefined ? undefined : schema.anyOf[index];
  return branch === undefined ? undefined : schemaFor(branch, node);
}

/** The schema of a map's key; undefined for an unknown key. */
export function propertySchema(schema: SchemaNode, key: string): SchemaNode | undefined {
  if (schema.properties !== undefined && Object.hasOwn(schema.properties, key)) return schema.properties[key];
  return Object.values(schema.patternProperties ?? {})[0];
}

/** The known key that an unknown one was meant to be. */
export function meantKey(schema: SchemaNode, unknown: string): string | undefined {
  return nearest(unknown, Object.keys(schema.properties ?? {}));
}
