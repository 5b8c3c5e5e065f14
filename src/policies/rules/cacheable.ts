/**
 * Which answers may be kept for the fallback step `stale`, after RFC 9111: what a shared cache may store, and may give
 * although it is stale. An answer that must be validated before it is given can't be given when its origin is down.
 */

/** The headers of a message, by their names in lower case. */
export type HeaderReader = (name: string) => string | undefined;

export interface StoreRules {
  /** Keeps answers also against Cache-Control, of either side. */
  readonly overrideCacheControl: boolean;
  /** Whether answers are kept apart by the credentials they were given for. */
  readonly keyedByAuthorization: boolean;
  /** Bytes. */
  readonly maxBodySize: number;
}

/** What a new answer does to the one that is kept. */
export type StoreVerdict =
  /** It takes its place. */
  | 'store'
  /** The one that is kept was confirmed (304). */
  | 'confirm'
  /** What is kept must not be given any more. */
  | 'evict'
  | 'leave';

const STORABLE = new Set([200, 203, 301]);

/** The origin denies what it gave before: it is gone, or not for this caller any more. */
const EVICTING = new Set([401, 403, 404, 410]);

/** Directives of an answer that forbid to store it, or to give it without asking its origin. */
const FORBIDDING = ['no-store', 'no-cache', 'private', 'must-revalidate', 'proxy-revalidate', 's-maxage'] as const;

/** An answer that was chosen by more headers is not kept: each look-up has to compare them all. */
const MOST_VARY_NAMES = 32;

/** Methods that change nothing (RFC 9110, 9.2.1, and the IANA registry); any other invalidates what is kept of its URL. */
const SAFE = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PROPFIND', 'REPORT', 'SEARCH', 'QUERY']);

/** What is to be done with the answer to a GET or HEAD that was asked for whole. */
export function judgeAnswer(
  method: string,
  status: number,
  request: HeaderReader,
  answer: HeaderReader,
  rules: StoreRules,
): StoreVerdict {
  if (EVICTING.has(status)) return 'evict';
  if (status === 304) return mayKeep(request, answer, rules) ? 'confirm' : 'evict';
  if (!STORABLE.has(status) || !mayKeep(request, answer, rules)) return 'leave';
  const length = Number(answer('content-length') ?? 0);
  return method !== 'HEAD' && length > rules.maxBodySize ? 'leave' : 'store';
}

function mayKeep(request: HeaderReader, answer: HeaderReader, rules: StoreRules): boolean {
  if (answer('set-cookie') !== undefined) return false;
  const vary = varyNames(answer('vary'));
  if (vary.includes('*') || vary.length > MOST_VARY_NAMES) return false;
  if (rules.overrideCacheControl) return true;
  const control = parseCacheControl(answer('cache-control'));
  if (control.size > 0 && FORBIDDING.some((directive) => control.has(directive))) return false;
  if (parseCacheControl(request('cache-control')).has('no-store')) return false;
  // RFC 9111, 3.5: credentials' answers are for their bearer, unless they say otherwise.
  return rules.keyedByAuthorization || request('authorization') === undefined || control.has('public');
}

export function isSafe(method: string): boolean {
  return SAFE.has(method);
}

/** Whether an answer tells that what was kept of its URL may have changed (RFC 9111, 4.4). */
export function invalidates(method: string, status: number): boolean {
  return !isSafe(method) && status >= 200 && status < 400;
}

/** The headers that an answer was chosen by, in lower case, in order, each once. */
export function varyNames(vary: string | undefined): readonly string[] {
  if (vary === undefined) return [];
  const names = vary.toLowerCase().split(',');
  return [...new Set(names.map((name) => name.trim()).filter((name) => name !== ''))].sort();
}

/** The age, in milliseconds, that an answer came with; 0 if it says none (RFC 9111, 5.1). */
export function ageOf(answer: HeaderReader): number {
  return (seconds(answer('age')?.split(',', 1)[0]) ?? 0) * 1_000;
}

/** How long, in milliseconds, an answer is fresh by its own word; 0 if it says nothing (RFC 9111, 4.2.1). */
export function freshnessOf(answer: HeaderReader): number {
  const control = parseCacheControl(answer('cache-control'));
  const said = seconds(control.get('s-maxage')) ?? seconds(control.get('max-age'));
  if (said !== undefined) return said * 1_000;
  const lifetime = Date.parse(answer('expires') ?? '') - Date.parse(answer('date') ?? '');
  return Number.isNaN(lifetime) ? 0 : Math.max(0, lifetime);
}

function seconds(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,10}$/.test(text.trim()) ? Number(text) : undefined;
}

const NO_DIRECTIVES: ReadonlyMap<string, string> = new Map();

const DIRECTIVE = /([^\s,;="]+)(?:\s*=\s*("(?:[^"\\]|\\.)*"|[^\s,]*))?/g;

/** Directives by their names in lower case, each with its argument, or ''. What is in quotes is no directive. */
export function parseCacheControl(text: string | undefined): ReadonlyMap<string, string> {
  if (text === undefined) return NO_DIRECTIVES;
  const directives = new Map<string, string>();
  for (const [, name, argument = ''] of text.matchAll(DIRECTIVE)) {
    directives.set(name!.toLowerCase(), argument.replace(/^"|"$/g, ''));
  }
  return directives;
}
