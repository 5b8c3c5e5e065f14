import { createHash } from 'node:crypto';

/** One call of the app. Its answer follows from it: whoever gets another's, or half of it, can tell. */
export interface Call {
  readonly id: number;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** When its head must be there, in milliseconds from the end of the request. */
  readonly deadlineMs: number;
  readonly expected: Expected;
}

export interface Expected {
  readonly checksum: string;
  readonly size: number;
}

/** Of all routes. */
export const TIMEOUT_MS = 700;
const SHORT_TIMEOUT_MS = 250;

const KIB = 1024;
const ANSWER_SIZES = [0, 1, 100, 1_000, 10 * KIB, 100 * KIB];
const BODY_SIZES = [0, 1, 1_000, 10 * KIB, 60 * KIB, 200 * KIB];

/** POST without a key stands for payments: it must not be done twice. */
export const DONE_ONCE = 'POST';

const METHODS = ['GET', 'GET', 'GET', 'GET', 'HEAD', 'PUT', 'DELETE', DONE_ONCE, DONE_ONCE];
const ROUTES = ['plain', 'plain', 'hedged', 'stale', 'patient'];

/** Calls of all kinds, with what the app may be given for them. */
export function drawCall(id: number, random: () => number): Call {
  const one = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)]!;
  const method = one(METHODS);
  const route = one(ROUTES);
  const size = one(ANSWER_SIZES);
  // Those that may be answered by what is kept ask for the same few things again and again.
  const name = route === 'stale' ? `kept-${id % 20}` : String(id);
  const path = `/${route}/${name}?size=${size}&chunked=${id % 2}`;
  const body = method === 'PUT' || method === DONE_ONCE ? Buffer.alloc(one(BODY_SIZES), `${id} `) : Buffer.alloc(0);
  const short = random() < 0.1;
  return {
    id,
    method,
    path,
    headers: {
      'x-call': String(id),
      ...(short ? { 'x-request-timeout-ms': String(SHORT_TIMEOUT_MS) } : {}),
      ...(method === 'GET' || method === 'HEAD' ? {} : { 'content-length': String(body.length) }),
    },
    body,
    deadlineMs: short ? SHORT_TIMEOUT_MS : TIMEOUT_MS,
    expected: { checksum: checksumOf(method, path, body), size: method === 'HEAD' ? 0 : size },
  };
}

export function checksumOf(method: string, path: string, body: Buffer): string {
  // HEAD has the fields that GET would have.
  return createHash('sha256')
    .update(`${method === 'HEAD' ? 'GET' : method}\n${path}\n`)
    .update(body)
    .digest('hex');
}

/** The body of the answer with this checksum. */
export function payloadOf({ checksum, size }: Expected): Buffer {
  return Buffer.alloc(size, checksum);
}
