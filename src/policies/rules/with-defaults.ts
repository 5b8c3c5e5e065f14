import type { Static, TSchema } from '@sinclair/typebox';

/** Some of an option object's values, at any depth. */
export type Some<T> = T extends readonly (infer Item)[]
  ? readonly Some<Item>[]
  : T extends Uint8Array
    ? T
    : T extends object
      ? { readonly [K in keyof T]?: Some<T[K]> }
      : T;

/** What there is of a schema to fill in from. */
interface Node {
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly required?: readonly string[];
  readonly items?: Node;
  readonly anyOf?: readonly Node[];
}

/**
 * A policy's options with the defaults of its schema filled in, as the config does for the policy file. Nothing is checked
 * here: the type says what is allowed, and a policy throws a RangeError for a text that is no duration, size or ratio.
 */
export function withDefaults<S extends TSchema>(schema: S, given: Some<Static<S>> | undefined): Static<S> {
  return filled(schema, given);
}

function filled(node: Node, given: unknown): unknown {
  if (given === undefined && node.default !== undefined) return node.default;
  if (Array.isArray(given)) {
    const { items } = node;
    return items === undefined ? given : given.map((item: unknown) => filled(items, item));
  }
  if (given !== undefined && !isObject(given)) return given;
  const { properties, required = [] } = branchOf(node, given);
  if (properties === undefined) return given;
  const result: Record<string, unknown> = { ...given };
  for (const [key, property] of Object.entries(properties)) {
    if (result[key] === undefined && !required.includes(key)) continue;
    const value = filled(property, result[key]);
    if (value !== undefined) result[key] = value;
  }
  return result;
}

/** Of several kinds of objects, the one that has all keys given. */
function branchOf(node: Node, given: Readonly<Record<string, unknown>> | undefined): Node {
  if (node.anyOf === undefined || given === undefined) return node;
  const keys = Object.keys(given);
  return (
    node.anyOf.find(({ properties }) => properties !== undefined && keys.every((key) => key in properties)) ?? node
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
}
