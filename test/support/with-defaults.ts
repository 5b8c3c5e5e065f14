import type { Static, TSchema } from '@sinclair/typebox';

/** Some of an option object's values, at any depth. */
export type Some<T> = T extends readonly (infer Item)[]
  ? readonly Item[]
  : T extends object
    ? { readonly [K in keyof T]?: Some<T[K]> }
    : T;

interface Node {
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly required?: readonly string[];
}

/** A policy's options with the defaults of its schema filled in, as the config does for the policy file. */
export function withDefaults<S extends TSchema>(schema: S, given: Some<Static<S>>): Static<S> {
  return filled(schema, given);
}

function filled(node: Node, given: unknown): unknown {
  if (given === undefined && node.default !== undefined) return node.default;
  const { properties } = node;
  if (properties === undefined || (given !== undefined && !isObject(given))) return given;
  const result: Record<string, unknown> = { ...given };
  for (const [key, property] of Object.entries(properties)) {
    const value = filled(property, result[key]);
    if (value !== undefined && (result[key] !== undefined || node.required?.includes(key) === true)) {
      result[key] = value;
    }
  }
  return result;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
