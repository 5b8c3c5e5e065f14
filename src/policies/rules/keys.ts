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
