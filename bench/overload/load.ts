/**
 * More calls than can be answered, open loop: each is made when it is due, whatever became of those before, its time counts
 * from then, and the app gives up after a while, as apps do.
 * `node load.js PORT CALLS_PER_SECOND SECONDS CONNECTIONS IN_TIME_MS GIVE_UP_MS` prints an OverloadReport. Calls that find no
 * connection free wait for one, as in an app's pool. On bare sockets: an HTTP client of Node's costs more than the proxy that is to be overloaded.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { overloadReport, type Outcome } from './report.js';

const [port = 0, callsPerSecond = 0, seconds = 0, connections = 0, inTimeMs = 0, giveUpMs = 0] = process.argv
  .slice(2)
  .map(Number);

/** How often calls that are due are made, in milliseconds. */
const EVERY_MS = 1;

/** What connections get to be accepted before the load begins, in milliseconds. */
const SETTLE_MS = 500;

const REQUEST = Buffer.from('GET / HTTP/1.1\r\nHost: overloaded\r\n\r\n');

interface Call {
  readonly dueAt: number;
  connection: Connection | undefined;
  over: boolean;
}

const outcomes: Outcome[] = [];
const idle: Connection[] = [];
let open = 0;

/** One connection, with at most one call on its way. */
class Connection {
  readonly #socket: Socket;
  #call: Call | undefined;
  #status = 0;
  /** Bytes of the answer that are still to come; NaN before its head. */
  #left = NaN;

  constructor() {
    open++;
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.#socket
      .on('error', () => {})
      .on('close', () => {
        open--;
        const place = idle.indexOf(this);
        if (place >= 0) idle.splice(place, 1);
        this.#end(0);
      });
    this.#socket.on('data', (chunk) => {
      this.#take(chunk);
    });
  }

  async connected(): Promise<this> {
    await once(this.#socket, 'connect');
    return this;
  }

  make(call: Call): void {
    call.connection = this;
    this.#call = call;
    this.#left = NaN;
    this.#socket.write(REQUEST);
  }

  close(): void {
    this.#socket.destroy();
  }

  /** Answers come in one piece, or their heads do. */
  #take(chunk: Buffer): void {
    if (Number.isNaN(this.#left)) {
      const head = chunk.indexOf('\r\n\r\n');
      const text = chunk.toString('latin1', 0, head);
      this.#status = Number(text.slice(9, 12));
      this.#left = Number(/\r\ncontent-length: *(\d+)/i.exec(text)?.[1]) - (chunk.length - head - 4);
    } else {
      this.#left -= chunk.length;
    }
    if (this.#left > 0) return;
    idle.push(this);
    this.#end(this.#status);
  }

  #end(status: number): void {
    const call = this.#call;
    this.#call = undefined;
    if (call !== undefined) end(call, status);
  }
}

function end(call: Call, status: number): void {
  if (call.over) return;
  call.over = true;
  outcomes.push({ status, tookMs: performance.now() - call.dueAt });
  sendWaiting();
}

/** Calls that wait for a connection; `sent` are out of it. */
const waiting: Call[] = [];
let sent = 0;

function sendWaiting(): void {
  while (sent < waiting.length) {
    const call = waiting[sent]!;
    if (!call.over) {
      const connection = idle.pop() ?? (open < connections ? new Connection() : undefined);
      if (connection === undefined) return;
      connection.make(call);
    }
    sent++;
  }
}

/** The first call that may still have to be given up: they come in the order of their times. */
let next = 0;

function giveUp(now: number): void {
  for (; next < waiting.length && waiting[next]!.dueAt + giveUpMs <= now; next++) {
    const call = waiting[next]!;
    if (call.over) continue;
    if (call.connection === undefined) end(call, 0);
    else call.connection.close();
  }
}

// An app that has been running for a while has its connections. They are accepted one in a round of the loop.
while (open < connections) {
  const batch = Array.from({ length: Math.min(50, connections - open) }, () => new Connection());
  idle.push(...(await Promise.all(batch.map((connection) => connection.connected()))));
}
await delay(SETTLE_MS);

const beganAt = performance.now();
const total = callsPerSecond * seconds;
let latestMs = 0;
while (next < total) {
  const now = performance.now();
  while (waiting.length < total) {
    const dueAt = beganAt + (waiting.length * 1_000) / callsPerSecond;
    if (dueAt > now) break;
    latestMs = Math.max(latestMs, now - dueAt);
    waiting.push({ dueAt, connection: undefined, over: false });
  }
  sendWaiting();
  giveUp(now);
  await delay(EVERY_MS);
}
while (outcomes.length < total) await delay(EVERY_MS);
process.stdout.write(JSON.stringify(overloadReport(outcomes, seconds, inTimeMs, latestMs)), () => process.exit(0));
