/** What the demo upstream answers, path by path. */
import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Clock } from '../runtime/clock.js';
import type { Random } from '../runtime/random.js';

export interface Exchange {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly params: URLSearchParams;
}

export interface Endpoint {
  /** One segment; what follows it in a request's path is ignored. */
  readonly path: string;
  /** For the index. */
  readonly says: string;
  readonly answer: (exchange: Exchange) => void;
}

/** Shares of /flaky's answers, as upper bounds of a draw from [0, 1). */
const FLAKY = { unavailable: 0.3, reset: 0.4, hang: 0.45 };

/** /retry-after answers 503 so often before each 200. */
const REFUSALS = 2;

const MAX_SLOW_MS = 600_000;
const MAX_BIG_MB = 4_096;
const MEGABYTE = Buffer.alloc(1_000_000, 'outrigger ');

/** All endpoints; counters of an instance are its own. */
export function demoEndpoints(clock: Clock, random: Random): readonly Endpoint[] {
  let asked = 0;
  return [
    { path: '/ok', says: '200', answer: ({ res }) => sendText(res, 200, 'ok\n') },
    { path: '/503', says: '503, always', answer: ({ res }) => sendText(res, 503, 'unavailable\n') },
    {
      path: '/flaky',
      says: '503 in 30 % of cases, a reset in 10 %, no answer in 5 %, else 200',
      answer: (exchange) => flaky(exchange, random()),
    },
    {
      path: '/retry-after',
      says: 'twice 503 with Retry-After: 1, then 200',
      answer: ({ res }) => {
        if (asked++ % (REFUSALS + 1) === REFUSALS) sendText(res, 200, 'ok, at last\n');
        else sendText(res, 503, 'in a second, please\n', { 'retry-after': '1' });
      },
    },
    { path: '/slow', says: '?ms=1000: 200, so much later', answer: (exchange) => slow(exchange, clock) },
    { path: '/hang', says: 'never answers', answer: () => undefined },
    {
      path: '/reset',
      says: 'the connection breaks before the head',
      answer: ({ req }) => req.socket.resetAndDestroy(),
    },
    {
      path: '/echo',
      says: 'any method: what arrived, with a digest of the body',
      answer: ({ req, res }) => void echo(req, res).catch(() => res.destroy()),
    },
    { path: '/sse', says: 'server-sent events, one a second', answer: (exchange) => events(exchange, clock) },
    { path: '/big', says: '?mb=10: a body of so many megabytes', answer: big },
    { path: '/cut', says: '200, but the body breaks half-way', answer: cut },
    {
      path: '/garbage',
      says: 'bytes that are no HTTP',
      answer: ({ req }) => req.socket.end('HTTP/1.1 two hundred\r\n\r\n'),
    },
  ];
}

/** Answers with a short text. */
export function sendText(
  res: ServerResponse,
  status: number,
  text: string,
  headers: Record<string, string> = {},
): void {
  send(res, status, text, { 'content-type': 'text/plain; charset=utf-8', ...headers });
}

function send(res: ServerResponse, status: number, text: string, headers: Record<string, string>): void {
  res.writeHead(status, { 'content-length': Buffer.byteLength(text), ...headers }).end(text);
}

function flaky({ req, res }: Exchange, draw: number): void {
  if (draw < FLAKY.unavailable) sendText(res, 503, 'unavailable this time\n');
  else if (draw < FLAKY.reset) req.socket.resetAndDestroy();
  else if (draw >= FLAKY.hang) sendText(res, 200, 'ok this time\n');
}

function slow({ res, params }: Exchange, clock: Clock): void {
  const ms = numberOf(params, 'ms', 1_000, MAX_SLOW_MS);
  if (ms === undefined) return sendText(res, 400, `ms: a number up to ${MAX_SLOW_MS}\n`);
  const timer = clock.setTimer(ms, () => sendText(res, 200, `ok after ${ms} ms\n`));
  res.once('close', () => timer.cancel());
}

async function echo(req: IncomingMessage, res: ServerResponse): Promise<void> {
  const hash = createHash('sha256');
  let length = 0;
  for await (const chunk of req as AsyncIterable<Buffer>) {
    hash.update(chunk);
    length += chunk.length;
  }
  const body = { method: req.method, url: req.url, headers: req.headers, body: { length, sha256: hash.digest('hex') } };
  send(res, 200, `${JSON.stringify(body, undefined, 2)}\n`, { 'content-type': 'application/json' });
}

function events({ res }: Exchange, clock: Clock): void {
  res.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  let count = 0;
  let timer = clock.setTimer(0, function tick() {
    res.write(`id: ${++count}\ndata: {"n":${count}}\n\n`);
    timer = clock.setTimer(1_000, tick);
  });
  res.once('close', () => timer.cancel());
  res.flushHeaders();
}

function big({ res, params }: Exchange): void {
  const mb = numberOf(params, 'mb', 10, MAX_BIG_MB);
  if (mb === undefined) return sendText(res, 400, `mb: a number up to ${MAX_BIG_MB}\n`);
  const total = Math.round(mb * MEGABYTE.length);
  res.writeHead(200, { 'content-type': 'text/plain', 'content-length': total });
  // A reader that goes away ends the pipeline with an error that is nobody's business here.
  pipeline(Readable.from(megabytes(total), { objectMode: false }), res).catch(() => undefined);
}

function* megabytes(total: number): Generator<Buffer> {
  for (let left = total; left > 0; left -= MEGABYTE.length) yield MEGABYTE.subarray(0, left);
}

function cut({ res }: Exchange): void {
  const text = 'half of it, and th';
  res.writeHead(200, { 'content-type': 'text/plain', 'content-length': text.length * 2 });
  res.write(text, () => res.destroy());
}

/** A parameter as a number from 0 to `max`; undefined if it is none. */
function numberOf(params: URLSearchParams, name: string, otherwise: number, max: number): number | undefined {
  const text = params.get(name);
  const value = text === null ? otherwise : Number(text);
  return value >= 0 && value <= max ? value : undefined;
}
