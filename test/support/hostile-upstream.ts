import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startRawUpstream } from './http-upstream.js';
import { parseAnswer, type ReceivedAnswer } from './raw-answer.js';
import { rawClient } from './raw-client.js';
import { startApp, type RunningApp } from './running-app.js';

/** What an upstream does on a connection: sends bytes (as latin1), waits, ends its side, or resets the connection. */
export type Step = string | { readonly waitMs: number } | { readonly ends: 'FIN' | 'RST' };

export const FIN: Step = { ends: 'FIN' };
export const RST: Step = { ends: 'RST' };

/** Each byte by itself. */
export function bytewise(text: string): Step[] {
  return Array.from({ length: text.length }, (_, i) => text.charAt(i));
}

/** A request as the upstream got it; its body is read only as far as `Content-Length` goes. */
export interface HostileRequest {
  readonly socket: Socket;
  readonly method: string;
  readonly path: string;
  readonly body: string;
  /** From 1, by connection. */
  readonly number: number;
}

export interface Asked extends ReceivedAnswer {
  /** The code of a problem document. */
  readonly code: string | undefined;
  readonly tookMs: number;
}

export interface AskOptions {
  readonly method?: string;
  readonly headers?: string;
  readonly body?: string;
  readonly version?: '1.0' | '1.1';
}

export interface Hostile {
  readonly app: RunningApp;
  readonly origin: string;
  /** Requests, oldest first. */
  readonly seen: readonly HostileRequest[];
  /** How many connections there were. */
  readonly connections: () => readonly Socket[];
  /** What the log says of calls: those that did not end well. */
  readonly log: readonly Readonly<Record<string, unknown>>[];
  /** What the upstream does from now on with requests other than for /good. */
  does(what: readonly Step[] | ((request: HostileRequest) => void)): void;
  ask(path?: string, options?: AskOptions): Promise<Asked>;
  /** Attempts that ended so. */
  attempts(result: string): Promise<number>;
  /** The next call is answered by what belongs to it. */
  nextIsRight(): Promise<void>;
}

export const GOOD = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood';

/** A route without retries to an upstream without a circuit: each call shows one attempt. */
export const PLAIN = {
  upstream: 'circuitBreaker: false',
  route: 'retry: false, attemptTimeout: 500ms, timeout: 2s, idleTimeout: 200ms',
};

/** The whole proxy before an upstream that answers /good as it should, and everything else as it is told. */
export async function startHostile(t: TestContext, policies: Partial<typeof PLAIN> = PLAIN): Promise<Hostile> {
  let what: readonly Step[] | ((request: HostileRequest) => void) = [GOOD];
  const seen: HostileRequest[] = [];
  const readers = new Map<Socket, RequestReader>();
  const upstream = await startRawUpstream(
    (socket) => {
      // Nagle would hold a second write back until the first is acknowledged, and with it what nobody asked for.
      socket.setNoDelay(true);
      readers.set(socket, new RequestReader(socket));
    },
    (socket, received) => {
      for (const request of readers.get(socket)?.read(received) ?? []) {
        seen.push(request);
        if (request.path === '/good') socket.write(GOOD);
        else if (typeof what === 'function') what(request);
        else void play(socket, what);
      }
    },
  );
  t.after(() => upstream.close());
  const log: Readonly<Record<string, unknown>>[] = [];
  const app = await startApp(
    t,
    `upstreams:\n  up: { url: '${upstream.origin}', ${policies.upstream ?? ''} }\n` +
      `routes:\n  - { name: all, match: { path: /* }, upstream: up, ${policies.route ?? ''} }\n`,
    {
      onLog: (line) => {
        if (line.msg === 'call') log.push(line);
      },
    },
  );

  const ask = async (path = '/', { method = 'GET', headers = '', body = '', version = '1.1' }: AskOptions = {}) => {
    const startedAt = performance.now();
    const client = rawClient(app.port);
    const length = body === '' ? '' : `Content-Length: ${body.length}\r\n`;
    client.write(`${method} ${path} HTTP/${version}\r\nHost: a\r\nConnection: close\r\n${headers}${length}\r\n${body}`);
    const { received } = await client.ended();
    const answer = parseAnswer(received, method);
    const code = /"code":"([a-z-]+)"/.exec(answer.body)?.[1];
    return { ...answer, code, tookMs: performance.now() - startedAt };
  };

  return {
    app,
    origin: upstream.origin,
    seen,
    connections: () => upstream.sockets,
    log,
    does(given) {
      what = given;
    },
    ask,
    attempts: async (result) =>
      (await app.metric(
        `attempts_total{route="all",upstream="up",endpoint="${upstream.origin}",result="${result}"}`,
      )) || 0,
    async nextIsRight() {
      const next = await ask('/good');
      assert.deepEqual([next.status, next.body, next.whole], [200, 'good', true], 'the next call is right');
    },
  };
}

export function closeSide(socket: Socket, how: 'FIN' | 'RST'): void {
  if (how === 'FIN') socket.end();
  else socket.resetAndDestroy();
}

/** Does it all, one after the other, as long as there is a connection. */
export async function play(socket: Socket, steps: readonly Step[]): Promise<void> {
  for (const step of steps) {
    if (socket.destroyed) return;
    if (typeof step === 'string') socket.write(step, 'latin1');
    else if ('waitMs' in step) await sleep(step.waitMs);
    else closeSide(socket, step.ends);
  }
}

/** Takes what came over one connection apart. */
class RequestReader {
  readonly #socket: Socket;
  #at = 0;
  #number = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** The requests that have become whole. A chunked body is left to who answers: its request is whole with its head. */
  *read(received: string): Generator<HostileRequest> {
    for (;;) {
      const end = received.indexOf('\r\n\r\n', this.#at);
      if (end === -1) return;
      const head = received.slice(this.#at, end);
      const [method = '', path = ''] = head.split(' ');
      const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
      const body = received.slice(end + 4, end + 4 + length);
      if (body.length < length) return;
      this.#at = end + 4 + length;
      yield { socket: this.#socket, method, path, body, number: ++this.#number };
    }
  }
}
