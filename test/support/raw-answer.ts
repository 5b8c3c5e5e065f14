/** An answer, as somebody finds it who reads the bytes strictly. */
export interface ReceivedAnswer {
  /** Statuses of the interim answers before it. */
  readonly interim: readonly number[];
  /** Undefined: there was none. */
  readonly status: number | undefined;
  readonly reason: string;
  /** By name in lower case; the last of several. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
  /** Names and values of the trailers, one a line. */
  readonly trailers: string;
  /** Whether it is all there, by its length or its last chunk; an answer that ends with its connection always seems so. */
  readonly whole: boolean;
  /** What came behind it. */
  readonly rest: string;
}

const NO_BODY = new Set([204, 304]);

/** Takes the bytes of one answer apart, as latin1. */
export function parseAnswer(received: string, method = 'GET'): ReceivedAnswer {
  const interim: number[] = [];
  let text = received;
  for (;;) {
    const end = text.indexOf('\r\n\r\n');
    const [line = '', ...fields] = text.slice(0, end === -1 ? 0 : end).split('\r\n');
    const [, status, reason = ''] = /^HTTP\/1\.1 (\d{3}) ?(.*)$/.exec(line) ?? [];
    if (status === undefined) return nothing(interim, text);
    const rest = text.slice(end + 4);
    if (status.startsWith('1') && status !== '101') {
      interim.push(Number(status));
      text = rest;
      continue;
    }
    const headers = new Map(
      fields.map((field) => {
        const colon = field.indexOf(':');
        return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()] as const;
      }),
    );
    const head = { interim, status: Number(status), reason, headers };
    if (method === 'HEAD' || NO_BODY.has(head.status)) return { ...head, body: '', trailers: '', whole: true, rest };
    if (headers.get('transfer-encoding') === 'chunked') return { ...head, ...unchunk(rest) };
    const length = Number(headers.get('content-length') ?? rest.length);
    const body = rest.slice(0, length);
    return { ...head, body, trailers: '', whole: body.length === length, rest: rest.slice(length) };
  }
}

function nothing(interim: readonly number[], rest: string): ReceivedAnswer {
  return { interim, status: undefined, reason: '', headers: new Map(), body: '', trailers: '', whole: false, rest };
}

function unchunk(text: string): Pick<ReceivedAnswer, 'body' | 'trailers' | 'whole' | 'rest'> {
  let body = '';
  let at = 0;
  for (;;) {
    const [line, size] = /^([\da-f]+)\r\n/i.exec(text.slice(at, at + 20)) ?? [];
    if (line === undefined || size === undefined) return { body, trailers: '', whole: false, rest: text.slice(at) };
    at += line.length;
    const length = Number.parseInt(size, 16);
    if (length === 0) break;
    const chunk = text.slice(at, at + length);
    body += chunk;
    if (chunk.length < length || text.slice(at + length, at + length + 2) !== '\r\n') {
      return { body, trailers: '', whole: false, rest: '' };
    }
    at += length + 2;
  }
  if (text.startsWith('\r\n', at)) return { body, trailers: '', whole: true, rest: text.slice(at + 2) };
  const end = text.indexOf('\r\n\r\n', at);
  return {
    body,
    trailers: text.slice(at, Math.max(end, at)),
    whole: end !== -1,
    rest: end === -1 ? '' : text.slice(end + 4),
  };
}
