import { Agent, request, type IncomingMessage } from 'node:http';
import { drawCall, payloadOf, type Call } from './calls.js';
import type { Stalls } from './stalls.js';

/** How a call ended for the app. All but the last three are what was promised. */
export type Outcome =
  | 'right'
  | 'refused by the service'
  /** A problem document, by its code. */
  | `problem ${string}`
  /** An answer that visibly broke off. */
  | 'broken answer'
  /** The connection broke before an answer. */
  | 'no answer'
  | 'wrong'
  | 'lost'
  | 'not HTTP';

export interface Ended {
  readonly call: Call;
  readonly outcome: Outcome;
  /** What a wrong answer was. */
  readonly answer: string;
  /** How much later than its deadline the head, or the failure before it, was seen, in milliseconds; below 0: in time. */
  readonly lateMs: number;
  /** How much of that the load generator and the machine had. */
  readonly excusedMs: number;
}

/** A call that has no end after so long has none. */
const LOST_AFTER_MS = 20_000;
/** Around the moment when a clock starts, or is over. */
const NEAR_MS = 20;
/** More at once would be a load on the machine, and not on the proxy. */
const MOST_AT_ONCE = 500;

/** Of this process: no two calls have the same number. */
let made = 0;

/** Calls at a steady rate, whatever becomes of those before. */
export class Load {
  readonly #port: number;
  readonly #random: () => number;
  readonly #stalls: Stalls;
  readonly #onEnded: (ended: Ended) => void;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: Infinity, scheduling: 'lifo' });
  #timer: NodeJS.Timeout | undefined;
  #running = 0;
  /** Calls that were due and not made, since too many were under way. */
  skipped = 0;

  constructor(port: number, random: () => number, stalls: Stalls, onEnded: (ended: Ended) => void) {
    this.#port = port;
    this.#random = random;
    this.#stalls = stalls;
    this.#onEnded = onEnded;
  }

  start(callsPerSecond: number): void {
    const startedAt = performance.now();
    let due = 0;
    this.#timer = setInterval(() => {
      const wanted = Math.floor(((performance.now() - startedAt) / 1_000) * callsPerSecond);
      for (; due < wanted; due++) {
        if (this.#running < MOST_AT_ONCE) this.#make();
        else this.skipped++;
      }
    }, 5);
  }

  /** No more calls; returns when the last has ended. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    while (this.#running > 0) await new Promise((resolve) => setTimeout(resolve, 20));
    this.#agent.destroy();
  }

  #make(): void {
    const call = drawCall(made++, this.#random);
    this.#running++;
    const startedAt = performance.now();
    let sentAt = Infinity;
    let seenAt: number | undefined;
    let excusedMs = 0;
    let over = false;
    const seen = () => {
      if (seenAt !== undefined) return;
      seenAt = performance.now();
      const dueAt = sentAt + call.deadlineMs;
      if (seenAt < dueAt) return;
      // Only what delays the clock's start or its end makes a call late.
      excusedMs = this.#stalls.between(startedAt, sentAt + NEAR_MS) + this.#stalls.between(dueAt - NEAR_MS, seenAt);
    };
    const end = (outcome: Outcome, answer = '') => {
      if (over) return;
      over = true;
      seen();
      clearTimeout(lost);
      this.#running--;
      const lateMs = (seenAt ?? startedAt) - Math.min(sentAt, seenAt ?? 0) - call.deadlineMs;
      this.#onEnded({ call, outcome, answer, lateMs, excusedMs });
    };
    const lost = setTimeout(() => {
      end('lost');
      asked.destroy();
    }, LOST_AFTER_MS);
    const { method, path, headers, body } = call;
    const asked = request({ port: this.#port, host: '127.0.0.1', agent: this.#agent, method, path, headers });
    asked.on('finish', () => (sentAt = performance.now()));
    // Node tells a broken connection to the request even once there is an answer.
    let broken: Outcome = 'no answer';
    asked.on('response', (response) => {
      broken = 'broken answer';
      seen();
      read(response, call, end);
    });
    asked.on('error', (error: NodeJS.ErrnoException) =>
      end(error.code?.startsWith('HPE_') === true ? 'not HTTP' : broken),
    );
    asked.end(body);
  }
}

function read(response: IncomingMessage, call: Call, end: (outcome: Outcome, answer?: string) => void): void {
  const chunks: Buffer[] = [];
  response.on('data', (chunk: Buffer) => chunks.push(chunk));
  response.on('error', () => end('broken answer'));
  response.on('close', () => {
    const body = Buffer.concat(chunks);
    if (!response.complete) end('broken answer');
    else end(judge(response, call, body), describe(response, body));
  });
}

function describe({ statusCode, headers }: IncomingMessage, body: Buffer): string {
  return `${statusCode}, ${body.length} bytes (${body.toString('latin1', 0, 20)}…), for ${String(headers['x-seen'])}, checksum ${String(headers['x-checksum']).slice(0, 20)}…`;
}

/** What a whole answer is. */
function judge({ statusCode, headers }: IncomingMessage, { expected, method }: Call, body: Buffer): Outcome {
  if (headers['content-type'] === 'application/problem+json') {
    const status = headers['proxy-status'];
    if (typeof status !== 'string' || (method !== 'HEAD' && body.length === 0)) return 'wrong';
    return `problem ${method === 'HEAD' ? 'of a HEAD' : codeOf(body)}`;
  }
  // 400 is its word for an upload that the network has cut short.
  if ((statusCode === 503 || statusCode === 400) && body.length === 0) return 'refused by the service';
  const right = statusCode === 200 && headers['x-checksum'] === expected.checksum && body.equals(payloadOf(expected));
  return right ? 'right' : 'wrong';
}

function codeOf(body: Buffer): string {
  const problem: unknown = JSON.parse(body.toString());
  return typeof problem === 'object' && problem !== null && 'code' in problem ? String(problem.code) : 'without a code';
}
