import type { Config } from './config.js';
import type { ConfigNode, PathStep, ScalarNode } from './nodes.js';
import { nodeAt } from './nodes.js';
import { HIDDEN, redactedValue } from './redact.js';
import { RouteSchema, UpstreamSchema } from './schema.js';
import { propertySchema, type SchemaNode, schemaFor } from './schema-node.js';

/** Whose value counts: the route's or upstream's own, that of `defaults`, or Outrigger's. */
export type Provenance = 'route' | 'defaults.route' | 'upstream' | 'defaults.upstream' | 'built-in';

/** Where something stands in the policy file, from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** One value in force of a route or an upstream. */
export interface ValueInForce {
  /** Within the route or upstream. */
  readonly path: readonly PathStep[];
  /** A scalar, or a list of them, without secrets; `{}` and `[]` where there is nothing. */
  readonly value: unknown;
  readonly from: Provenance;
  /** Undefined for what is built in. */
  readonly place: Place | undefined;
  /** What stood in `${…}` there: variables, and `file:` with a path. */
  readonly variables: readonly string[];
}

/** Which part of the file: a route by its index, an upstream by its name. */
export type Part = readonly ['routes', number] | readonly ['upstreams', string];

/** Every value in force of a route or an upstream, in the file's order, with where it comes from. */
export function valuesInForce(config: Config, part: Part): readonly ValueInForce[] {
  const root = nodeAt(config.effective, ...part);
  if (root === undefined) return [];
  const schema: SchemaNode = part[0] === 'routes' ? RouteSchema : UpstreamSchema;
  return [...new Walk(config, part).values(root, schema, [])];
}

/** Where a route or an upstream begins in the file. */
export function placeOf(config: Config, part: Part): Place | undefined {
  const offset = nodeAt(config.effective, ...part)?.offset;
  return offset === undefined ? undefined : config.source.position(offset);
}

class Walk {
  readonly #config: Config;
  readonly #part: Part;

  constructor(config: Config, part: Part) {
    this.#config = config;
    this.#part = part;
  }

  *values(node: ConfigNode, schema: SchemaNode | undefined, path: readonly PathStep[]): Generator<ValueInForce> {
    const own = schema === undefined ? undefined : schemaFor(schema, node);
    if (node.kind === 'map' && node.entries.length > 0) {
      for (const { key, value } of node.entries) {
        yield* this.values(value, own === undefined ? undefined : propertySchema(own, key), [...path, key]);
      }
    } else if (node.kind === 'list' && node.items.some(({ kind }) => kind !== 'scalar')) {
      for (const [index, item] of node.items.entries()) yield* this.values(item, own?.items, [...path, index]);
    } else {
      yield this.#value(node, own, path);
    }
  }

  #value(node: ConfigNode, schema: SchemaNode | undefined, path: readonly PathStep[]): ValueInForce {
    const { origin, offset } = node;
    const of = this.#part[0] === 'routes' ? 'route' : 'upstream';
    return {
      path,
      value: this.#shown(node, schema, path),
      from: origin === 'own' ? of : origin === 'defaults' ? `defaults.${of}` : 'built-in',
      place: offset === undefined ? undefined : this.#config.source.position(offset),
      variables: variablesIn(node),
    };
  }

  #shown(node: ConfigNode, schema: SchemaNode | undefined, path: readonly PathStep[]): unknown {
    if (node.kind === 'map') return {};
    if (node.kind === 'list')
      return node.items.map((item, index) => this.#shown(item, schema?.items, [...path, index]));
    if (node.template !== undefined && !isHarmless(node, schema)) return HIDDEN;
    return redactedValue(this.#config, node, [...this.#part, ...path]);
  }
}

const HARMLESS_UNITS: ReadonlySet<string | undefined> = new Set([
  'duration',
  'positive-duration',
  'duration-or-off',
  'duration-or-percentile',
  'percentile',
  'size',
  'positive-size',
  'ratio',
  'class',
  'method',
]);

/** Whether a value that came from a variable can't be a secret: a number, a truth value, or text of a known form. */
function isHarmless({ value }: ScalarNode, schema: SchemaNode | undefined): boolean {
  if (typeof value !== 'string') return true;
  return schema?.enum !== undefined || HARMLESS_UNITS.has(schema?.unit);
}

/** Their names only: a default may be a secret. */
function variablesIn(node: ConfigNode): string[] {
  if (node.kind === 'list') return node.items.flatMap(variablesIn);
  if (node.kind === 'map' || node.template === undefined) return [];
  return [...node.template.matchAll(/(?<!\$)\$\{(file:[^}]*|[^}:]*)/g)].map(([, name = '']) => name);
}
