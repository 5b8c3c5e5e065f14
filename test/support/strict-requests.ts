/** A request as the one way to read its bytes gives it. */
export interface StrictRequest {
  readonly method: string;
  readonly target: string;
  /** As [name, value, …], names as they came. */
  readonly headers: readonly string[];
  readonly body: string;
}

/** What a connection's bytes are: whole requests, then perhaps the beginning of one; or why they are neither. */
export interface StrictReading {
  readonly requests: readonly StrictRequest[];
  /** What follows the last whole request. */
  readonly rest: string;
  readonly problem: string | undefined;
}

const LINE = /^([^\r\n\0]*)\r\n/;
const REQUEST_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([\x21-\x7e\x80-\xff]+) HTTP\/1\.1$/;
const FIELD_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+): ?([\t\x20-\x7e\x80-\xff]*)$/;
const CHUNK = /^([0-9a-f]{1,8})\r\n/i;

/**
 * Reads requests as bytes (latin1) that no two parsers could read differently, and calls everything else a problem: every
 * line ends in CRLF, there is one Host, and the framing is Transfer-Encoding: chunked without extensions and trailers, or
 * one Content-Length in plain digits, or none (RFC 9112, 6). What passes here can't smuggle anything.
 */
export function readStrictly(bytes: string): StrictReading {
  const requests: StrictRequest[] = [];
  let rest = bytes;
  for (;;) {
    const read = rest === '' ? 'incomplete' : readOne(rest);
    if (typeof read === 'string') {
      return { requests, rest, problem: read === 'incomplete' ? undefined : `${read} in ${JSON.stringify(rest)}` };
    }
    requests.push(read.request);
    rest = read.rest;
  }
}

function readOne(bytes: string): { readonly request: StrictRequest; readonly rest: string } | string {
  const start = LINE.exec(bytes);
  if (start === null) return /[\n\0]|\r[^\n]/.test(bytes) ? 'an odd request line' : 'incomplete';
  const requestLine = REQUEST_LINE.exec(start[1]!);
  if (requestLine === null) return `the request line ${JSON.stringify(start[1])}`;
  const [, method = '', target = ''] = requestLine;
  const headers: string[] = [];
  let at = start[0].length;
  for (;;) {
    const line = LINE.exec(bytes.slice(at));
    if (line === null) return /\n|\0|\r[^\n]/.test(bytes.slice(at)) ? 'an odd line in the head' : 'incomplete';
    at += line[0].length;
    if (line[1] === '') break;
    const field = FIELD_LINE.exec(line[1]!);
    if (field === null) return `the field line ${JSON.stringify(line[1])}`;
    headers.push(field[1]!, field[2]!);
  }
  const body = readBody(headers, bytes.slice(at));
  if (typeof body === 'string') return body;
  return { request: { method, target, headers, body: body.body }, rest: body.rest };
}

function readBody(headers: readonly string[], bytes: string): { body: string; rest: string } | string {
  const all = (name: string) => headers.filter((_, i) => i % 2 === 1 && headers[i - 1]!.toLowerCase() === name);
  const lengths = all('content-length');
  const codings = all('transfer-encoding');
  if (all('host').length !== 1) return 'not exactly one Host';
  if (lengths.length + codings.length > 1) return 'more than one framing';
  const [coding] = codings;
  if (coding !== undefined) return coding === 'chunked' ? readChunks(bytes) : `the coding ${coding}`;
  const [length] = lengths;
  if (length === undefined) return { body: '', rest: bytes };
  if (!/^(?:0|[1-9]\d*)$/.test(length)) return `the length ${length}`;
  if (bytes.length < Number(length)) return 'incomplete';
  return { body: bytes.slice(0, Number(length)), rest: bytes.slice(Number(length)) };
}

function readChunks(bytes: string): { body: string; rest: string } | string {
  let body = '';
  let rest = bytes;
  for (;;) {
    const chunk = CHUNK.exec(rest);
    if (chunk === null) return /^[0-9a-f]{0,8}\r?$/i.test(rest) ? 'incomplete' : 'an odd chunk';
    const size = Number.parseInt(chunk[1]!, 16);
    rest = rest.slice(chunk[0].length);
    if (rest.length < size + 2) return 'incomplete';
    if (rest.slice(size, size + 2) !== '\r\n') return size === 0 ? 'a trailer' : 'a chunk that is longer than it says';
    body += rest.slice(0, size);
    rest = rest.slice(size + 2);
    if (size === 0) return { body, rest };
  }
}
