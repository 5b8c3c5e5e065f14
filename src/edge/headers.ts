import { withoutNames } from './header-edits.js';

/** What becomes of a header on its way, by name; a name that is not listed goes on as it is. */
type Fate =
  | 'hop'
  | 'host'
  | 'length'
  | 'coding'
  | 'connection'
  | 'via'
  | 'forwarded-for'
  | 'forwarded-proto'
  | 'forwarded-host'
  | 'forwarded'
  | 'traceparent'
  | 'tracestate';

/**
 * Request headers that don't simply go on. RFC 9110, 7.6.1 names those of one connection; Proxy-Authorization is meant for
 * the first proxy (11.7.2) and would hand its secret to the upstream; Expect is answered here; trailers of requests can't
 * be sent on, so none are announced; how often and how long this may be tried is said anew for each attempt.
 */
const REQUEST_FATES: ReadonlyMap<string, Fate> = new Map([
  ['connection', 'connection'],
  ['keep-alive', 'hop'],
  ['proxy-connection', 'hop'],
  ['te', 'hop'],
  ['trailer', 'hop'],
  ['upgrade', 'hop'],
  ['expect', 'hop'],
  ['proxy-authorization', 'hop'],
  ['x-retry-attempt', 'hop'],
  ['x-request-timeout-ms', 'hop'],
  ['transfer-encoding', 'coding'],
  ['content-length', 'length'],
  ['host', 'host'],
  ['via', 'via'],
  ['x-forwarded-for', 'forwarded-for'],
  ['x-forwarded-proto', 'forwarded-proto'],
  ['x-forwarded-host', 'forwarded-host'],
  ['forwarded', 'forwarded'],
  ['traceparent', 'traceparent'],
  ['tracestate', 'tracestate'],
]);

/**
 * Response headers that don't go on: those of one connection, Proxy-Authenticate (for the next client on the chain only,
 * 11.7.1), and what we say ourselves about the call.
 */
const RESPONSE_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
  'proxy-authenticate',
  'x-outrigger-attempts',
  'x-outrigger-fallback',
]);

/** What a Connection header cannot have taken out: without it the message would mean something else. */
const PROTECTED = new Set(['content-length', 'host']);

/** A request's head, taken apart. */
export interface RequestHead {
  /** The headers that go on, names and values as they came, as [name, value, …]. */
  readonly headers: string[];
  readonly host: string | undefined;
  /** How many Host headers there are. */
  readonly hosts: number;
  readonly contentLength: string | undefined;
  readonly transferEncoding: string | undefined;
  readonly via: readonly string[];
  readonly forwardedFor: readonly string[];
  readonly forwardedProto: string | undefined;
  readonly forwardedHost: string | undefined;
  readonly forwarded: readonly string[];
  /** The span that the app asks by, where calls are traced: then each attempt names its own. */
  readonly traceparent: string | undefined;
  readonly tracestate: string | undefined;
}

const NONE: readonly string[] = [];

/** Whether a request has a body: its framing says so (RFC 9112, 6). Node has refused a length that is no number. */
export function hasBody({
  contentLength,
  transferEncoding,
}: Pick<RequestHead, 'contentLength' | 'transferEncoding'>): boolean {
  return transferEncoding !== undefined || (contentLength !== undefined && Number(contentLength) > 0);
}

/** Takes the raw headers of a request apart in one pass. `traced`: what it says of its trace does not go on as it came. */
export function readRequestHead(raw: readonly string[], traced = false): RequestHead {
  const headers: string[] = [];
  let host: string | undefined;
  let hosts = 0;
  let contentLength: string | undefined;
  let transferEncoding: string | undefined;
  let connection: string | undefined;
  let via = NONE;
  let forwardedFor = NONE;
  let forwardedProto: string | undefined;
  let forwardedHost: string | undefined;
  let forwarded = NONE;
  let traceparent: string | undefined;
  let tracestate: string | undefined;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!;
    const value = raw[i + 1]!;
    switch (REQUEST_FATES.get(name.toLowerCase())) {
      case undefined:
        headers.push(name, value);
        break;
      case 'hop':
        break;
      case 'host':
        host = value;
        hosts++;
        break;
      case 'length':
        contentLength = value;
        headers.push(name, value);
        break;
      case 'coding':
        transferEncoding = joined(transferEncoding, value);
        break;
      case 'connection':
        connection = joined(connection, value);
        break;
      case 'via':
        via = [...via, value];
        break;
      case 'forwarded-for':
        forwardedFor = [...forwardedFor, value];
        break;
      case 'forwarded-proto':
        forwardedProto ??= value;
        break;
      case 'forwarded-host':
        forwardedHost ??= value;
        break;
      case 'forwarded':
        forwarded = [...forwarded, value];
        break;
      case 'traceparent':
        if (traced) traceparent = joined(traceparent, value);
        else headers.push(name, value);
        break;
      case 'tracestate':
        if (traced) tracestate = joined(tracestate, value);
        else headers.push(name, value);
        break;
    }
  }
  return {
    headers: withoutConnectionOptions(headers, connection),
    host,
    hosts,
    contentLength,
    transferEncoding,
    via,
    forwardedFor,
    forwardedProto,
    forwardedHost,
    forwarded,
    traceparent,
    tracestate,
  };
}

function joined(known: string | undefined, value: string): string {
  return known === undefined ? value : `${known}, ${value}`;
}

/** Connection names further headers of this connection (RFC 9110, 7.6.1). */
function withoutConnectionOptions(headers: string[], connection: string | undefined): string[] {
  if (connection === undefined) return headers;
  // What nearly every client sends, and then nothing is left to do.
  if (connection === 'keep-alive' || connection === 'close') return headers;
  const named = new Set<string>();
  for (const option of connection.toLowerCase().split(',')) {
    const name = option.trim();
    if (name !== '' && !PROTECTED.has(name)) named.add(name);
  }
  return withoutNames(headers, named);
}

/** A response's headers as undici gives them: raw and flat, or by name where a policy made the answer up. */
export type ResponseHeadersSource =
  readonly (Buffer | string)[] | Readonly<Record<string, string | readonly string[] | undefined>>;

/** The response headers that go on, as [name, value, …]; bytes are taken as latin1, as they are on the wire. */
export function readResponseHeaders(source: ResponseHeadersSource): string[] {
  const headers: string[] = [];
  let connection: string | undefined;
  const take = (name: string, value: string) => {
    const lower = name.toLowerCase();
    if (!RESPONSE_HOP.has(lower)) headers.push(name, value);
    else if (lower === 'connection') connection = joined(connection, value);
  };
  if (isFlat(source)) {
    for (let i = 0; i + 1 < source.length; i += 2) take(text(source[i]!), text(source[i + 1]!));
  } else {
    for (const [name, value] of Object.entries(source)) {
      if (value === undefined) continue;
      if (typeof value === 'string') take(name, value);
      else for (const one of value) take(name, one);
    }
  }
  return withoutConnectionOptions(headers, connection);
}

function isFlat(source: ResponseHeadersSource): source is readonly (Buffer | string)[] {
  return Array.isArray(source);
}

function text(value: Buffer | string): string {
  return typeof value === 'string' ? value : value.toString('latin1');
}

/** A header's value among raw ones; several lines of it are joined as RFC 9110, 5.3 says. The name in lower case. */
export function headerOf(raw: readonly string[], name: string): string | undefined {
  let value: string | undefined;
  for (let i = 0; i < raw.length; i += 2) {
    const candidate = raw[i]!;
    if (candidate.length !== name.length || candidate.toLowerCase() !== name) continue;
    value = value === undefined ? raw[i + 1]! : `${value}${name === 'cookie' ? '; ' : ', '}${raw[i + 1]!}`;
  }
  return value;
}
