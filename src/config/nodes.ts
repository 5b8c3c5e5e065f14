/** Where a value in force comes from: the file's own entry, its `defaults`, or Outrigger itself. */
export type Origin = 'own' | 'defaults' | 'built-in';

export type ScalarValue = string | number | boolean | null;

/** A step into the file: a key or a list's index. */
export type PathStep = string | number;

interface NodeBase {
  /** Offset in the file's text; undefined for what is built in. */
  readonly offset: number | undefined;
  readonly origin: Origin;
}

export interface ScalarNode extends NodeBase {
  readonly kind: 'scalar';
  readonly value: ScalarValue;
  /** The text the value was read from, after substitution and without quotes. */
  readonly text: string;
  /** The text as written if it held `${…}`: such values may be secrets and are not shown. */
  readonly template: string | undefined;
}

export interface ListNode extends NodeBase {
  readonly kind: 'list';
  readonly items: readonly ConfigNode[];
}

export interface Entry {
  readonly key: string;
  readonly keyOffset: number | undefined;
  readonly value: ConfigNode;
}

export interface MapNode extends NodeBase {
  readonly kind: 'map';
  readonly entries: readonly Entry[];
}

/** A value of the file that knows where it stands. */
export type ConfigNode = ScalarNode | ListNode | MapNode;

/** The entry of a key; the last one where a key is given twice. */
export function entryOf(node: ConfigNode | undefined, key: string): Entry | undefined {
  if (node?.kind !== 'map') return undefined;
  if (node.entries.length > FEW) return indexOf(node).get(key);
  return node.entries.findLast((entry) => entry.key === key);
}

/** To search so many entries costs no more than to look one up. */
const FEW = 32;

const indexes = new WeakMap<MapNode, ReadonlyMap<string, Entry>>();

/** A map of thousands, such as of upstreams, is not searched for each of them. */
function indexOf(node: MapNode): ReadonlyMap<string, Entry> {
  let index = indexes.get(node);
  if (index === undefined) {
    index = new Map(node.entries.map((entry) => [entry.key, entry]));
    indexes.set(node, index);
  }
  return index;
}

/** The node under a path, or undefined. */
export function nodeAt(node: ConfigNode | undefined, ...path: readonly PathStep[]): ConfigNode | undefined {
  let at = node;
  for (const step of path) {
    if (typeof step === 'string') at = entryOf(at, step)?.value;
    else at = at?.kind === 'list' ? at.items[step] : undefined;
  }
  return at;
}

/** The string under a path, or undefined if there is none. */
export function stringAt(node: ConfigNode | undefined, ...path: readonly PathStep[]): string | undefined {
  const found = nodeAt(node, ...path);
  return found?.kind === 'scalar' && typeof found.value === 'string' ? found.value : undefined;
}

/** The items of the list under a path; none if it is no list. */
export function itemsAt(node: ConfigNode | undefined, ...path: readonly PathStep[]): readonly ConfigNode[] {
  const found = nodeAt(node, ...path);
  return found?.kind === 'list' ? found.items : [];
}

/** The entries of the map under a path; none if it is no map. */
export function entriesAt(node: ConfigNode | undefined, ...path: readonly PathStep[]): readonly Entry[] {
  const found = nodeAt(node, ...path);
  return found?.kind === 'map' ? found.entries : [];
}

/** Plain JavaScript values. A key named `__proto__` is an own property like any other. */
export function toValue(node: ConfigNode): unknown {
  switch (node.kind) {
    case 'scalar':
      return node.value;
    case 'list':
      return node.items.map(toValue);
    case 'map':
      return Object.fromEntries(node.entries.map((entry) => [entry.key, toValue(entry.value)]));
  }
}

/** A node for a value that Outrigger brings along. */
export function builtIn(value: unknown): ConfigNode {
  // Not spread from one base: V8 gives each object that is cloned so a shape of its own, and these are many and stay.
  const offset = undefined;
  const origin = 'built-in';
  if (Array.isArray(value)) return { offset, origin, kind: 'list', items: value.map(builtIn) };
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).map(([key, item]) => ({ key, keyOffset: undefined, value: builtIn(item) }));
    return { offset, origin, kind: 'map', entries };
  }
  const scalar = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : null;
  return { offset, origin, kind: 'scalar', value: scalar, text: String(value), template: undefined };
}

/** The same tree, said to come from `defaults`. */
export function asDefaults(node: ConfigNode): ConfigNode {
  const origin = 'defaults';
  switch (node.kind) {
    case 'scalar':
      return { ...node, origin };
    case 'list':
      return { ...node, origin, items: node.items.map(asDefaults) };
    case 'map':
      return { ...node, origin, entries: node.entries.map((entry) => ({ ...entry, value: asDefaults(entry.value) })) };
  }
}

/** Lays a node over another: maps deeply, lists and scalars replaced. */
export function merge(under: ConfigNode | undefined, over: ConfigNode | undefined): ConfigNode | undefined {
  if (over === undefined) return under;
  if (under?.kind !== 'map' || over.kind !== 'map') return over;
  const kept = under.entries.filter((entry) => entryOf(over, entry.key) === undefined);
  const laid = over.entries.map((entry) => ({
    ...entry,
    value: merge(entryOf(under, entry.key)?.value, entry.value) ?? entry.value,
  }));
  return { ...over, entries: [...kept, ...laid] };
}

/** A path as people write it: `routes[0].retry.maxAttempts`. */
export function pathText(path: readonly PathStep[]): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (!/^[^\s.[\]"']+$/.test(step)) text += `[${JSON.stringify(step)}]`;
    else text += text === '' ? step : `.${step}`;
  }
  return text;
}

/** Where a node of a merged route or upstream was written: under its own path, or under `defaults`. */
export function ownPath(node: ConfigNode, path: readonly PathStep[]): readonly PathStep[] {
  if (node.origin !== 'defaults') return path;
  return ['defaults', path[0] === 'routes' ? 'route' : 'upstream', ...path.slice(2)];
}
