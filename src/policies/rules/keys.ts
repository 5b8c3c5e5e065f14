import { createHash } from 'node:crypto';
import { isSecretName } from './secret-names.js';

/** What a key template can name. */
export interface KeyContext {
  readonly endpoint: string;
  readonly upstream: string;
  readonly route: string;
  header(name: string): string | undefined;
}

/** A compiled key template. */
export interface KeyTemplate {
  /** The text as it was written. */
  readonly text: string;
  /** Whether the key depends on the endpoint, so that it is only known once one is chosen. */
  readonly perEndpoint: boolean;
  /** Whether requests decide on the key, so that its values are not known in advance. */
  readonly perRequest: boolean;
  of(context: KeyContext): string;
  /** Matches the keys that an endpoint of an upstream can have, whatever the route and the request. */
  keysOf(context: Pick<KeyContext, 'endpoint' | 'upstream'>): RegExp;
}

type Part = (context: KeyContext) => string;

const PLACEHOLDER = /\{([^{}]*)\}/g;

/**
 * Compiles a template such as `{upstream}:{header:x-tenant}`. A header that a request does not have is `-`; one over 64
 * characters counts by its beginning and a hash, one whose name says that it is a secret by a hash alone: keys are seen in
 * metrics, logs and the API.
 * Throws a RangeError for a placeholder that does not exist.
 */
export function compileKey(text: string): KeyTemplate {
  const parts: Part[] = [];
  let from = 0;
  for (const match of text.matchAll(PLACEHOLDER)) {
    literal(parts, text.slice(from, match.index));
    parts.push(placeholder(match[1] ?? '', text));
    from = match.index + match[0].length;
  }
  literal(parts, text.slice(from));
  const only = parts.length === 1 ? parts[0] : undefined;
  return {
    text,
    perEndpoint: text.includes('{endpoint}'),
    perRequest: text.includes('{header:'),
    of: only ?? ((context) => parts.reduce((key, part) => key + part(context), '')),
    keysOf: (context) => new RegExp(`^${patternOf(text, context)}$`, 's'),
  };
}

function patternOf(text: string, { endpoint, upstream }: Pick<KeyContext, 'endpoint' | 'upstream'>): string {
  const known: Readonly<Record<string, string | undefined>> = { endpoint, upstream };
  // Every other piece is a placeholder's name.
  return text
    .split(PLACEHOLDER)
    .map((piece, i) => (i % 2 === 0 ? piece : known[piece]))
    .map((piece) => piece?.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&') ?? '.*')
    .join('');
}

function literal(parts: Part[], text: string): void {
  if (text !== '') parts.push(() => text);
}

function placeholder(name: string, text: string): Part {
  if (name === 'endpoint') return (context) => context.endpoint;
  if (name === 'upstream') return (context) => context.upstream;
  if (name === 'route') return (context) => context.route;
  const header = /^header:([!#$%&'*+.^_`|~\w-]+)$/.exec(name)?.[1]?.toLowerCase();
  if (header !== undefined) {
    const shown = isSecretName(header) ? hidden : bounded;
    return (context) => shown(context.header(header) ?? '-');
  }
  throw new RangeError(
    `'${text}': unknown placeholder {${name}}; there are {endpoint}, {upstream}, {route} and {header:NAME}`,
  );
}

/** Keys are labels of metrics: what a header may add to one, in characters. */
const MAX_VALUE = 64;

/** A long value's beginning, and a hash that tells it from others that begin so. */
function bounded(value: string): string {
  if (value.length <= MAX_VALUE) return value;
  const hash = hashOf(value);
  return `${value.slice(0, MAX_VALUE - hash.length - 1)}~${hash}`;
}

/** What tells a secret from others, and no more. */
function hidden(value: string): string {
  return value === '-' ? value : `~${hashOf(value)}`;
}

function hashOf(value: string): string {
  return createHash('sha256').update(value).digest('base64url').slice(0, 16);
}

/** The key that all share for whom there is no room. */
export const OTHER_KEY = 'other';

/** How many states a new key asks whether they may be forgotten. */
const MOST_ASKED = 16;

/**
 * States by key, bounded: at `maxKeys` the least recently used one that may be forgotten is. When none may, new keys share
 * the state of the key `other`, so that neither traffic nor an attacker can make it grow.
 *
 * Nor can they make it slow: a new key asks a few states only. Those that may not be forgotten count as used, so that the
 * next new key asks others (second chance, F. J. Corbató, A Paging Experiment with the Multics System, 1968).
 */
export class KeyedStates<State> {
  readonly #states = new Map<string, State>();
  readonly #maxKeys: number;
  readonly #create: (key: string) => State;
  readonly #mayForget: (state: State) => boolean;

  constructor(maxKeys: number, create: (key: string) => State, mayForget: (state: State) => boolean = () => true) {
    this.#maxKeys = maxKeys;
    this.#create = create;
    this.#mayForget = mayForget;
  }

  get(key: string): State {
    const found = this.#states.get(key);
    if (found === undefined) return this.#add(key);
    if (this.#states.size * 2 > this.#maxKeys) {
      // Moving a key costs two map operations, and who was used last matters only once the store fills.
      this.#states.delete(key);
      this.#states.set(key, found);
    }
    return found;
  }

  /** A state that exists, without creating or touching it. */
  peek(key: string): State | undefined {
    return this.#states.get(key);
  }

  forget(key: string): void {
    this.#states.delete(key);
  }

  get size(): number {
    return this.#states.size;
  }

  entries(): IterableIterator<[string, State]> {
    return this.#states.entries();
  }

  #add(key: string): State {
    if (this.#states.size >= this.#maxKeys && !this.#makeRoom()) {
      const other = this.#states.get(OTHER_KEY);
      if (other !== undefined) return other;
      key = OTHER_KEY;
    }
    const state = this.#create(key);
    this.#states.set(key, state);
    return state;
  }

  #makeRoom(): boolean {
    let left = Math.min(MOST_ASKED, this.#states.size);
    for (const [key, state] of this.#states) {
      if (left-- === 0) return false;
      this.#states.delete(key);
      if (key !== OTHER_KEY && this.#mayForget(state)) return true;
      this.#states.set(key, state);
    }
    return false;
  }
}
