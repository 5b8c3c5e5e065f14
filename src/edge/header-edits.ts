import type { HeaderEdits } from './route.js';

/** Headers that say how a message is framed on one connection: no edit may touch them. */
const FRAMING = new Set([
  'connection',
  'content-length',
  'expect',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Header edits, ready to be applied. */
export interface CompiledEdits {
  /** Names in lower case that are taken out: the removed ones and those that are set anew. */
  readonly drop: ReadonlySet<string>;
  /** What is put in, as [name, value, …]. */
  readonly add: readonly string[];
}

/** Routes without edits, nearly all, share one. */
const NONE: CompiledEdits = { drop: new Set(), add: [] };

/** Throws a RangeError for a header that says how a message is framed. */
export function compileEdits(edits: HeaderEdits): CompiledEdits {
  const names = [...edits.remove, ...Object.keys(edits.set)].map((name) => name.toLowerCase());
  const forbidden = names.find((name) => FRAMING.has(name));
  if (forbidden !== undefined) {
    throw new RangeError(`the header '${forbidden}' belongs to the connection and cannot be set or removed`);
  }
  if (names.length === 0) return NONE;
  return { drop: new Set(names), add: Object.entries(edits.set).flat() };
}

/** The same headers with the edits made; the same array where there are none. */
export function applyEdits(headers: string[], edits: CompiledEdits): string[] {
  if (edits.drop.size === 0) return headers;
  const edited = withoutNames(headers, edits.drop);
  edited.push(...edits.add);
  return edited;
}

/** All headers but the ones named. */
export function withoutNames(headers: readonly string[], lowerCaseNames: ReadonlySet<string>): string[] {
  const kept: string[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    if (!lowerCaseNames.has(headers[i]!.toLowerCase())) kept.push(headers[i]!, headers[i + 1]!);
  }
  return kept;
}
