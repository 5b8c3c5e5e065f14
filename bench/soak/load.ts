/**
 * The soak's load, open loop: each call is made when it is due, whatever became of those before.
 * `node load.js PORT CALLS_PER_SECOND SECONDS WINDOW_SECONDS` prints a LoadWindow as a line of JSON for each window. It
 * speaks HTTP over sockets of its own: Node's client would need more than a core for what a proxy does with half of one.
 */
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { Histogram } from '../lib/histogram.js';
import type { LoadWindow } from './plan.js';

const [port = 0, callsPerSecond = 1, seconds = 1, windowSeconds = 1] = process.argv.slice(2).map(Number);

const REQUEST = Buffer.from('GET /item HTTP/1.1\r\nhost: soak\r\n\r\n');
const GIVE_UP_MS = 10_000;
/** With so many under way the machine is too busy for the load: calls that are due then are not made. */
const MOST_UNDER_WAY = 1_000;
/** Calls are made so often, those that are due together. */
const TICK_MS = 1;

let times = new Histogram();
let calls = 0;
let good = 0;
let unmade = 0;
let latestMs = 0;
const idle: Connection[] = [];
const busy = new Set<Connection>();

/** One call at a time. */
class Connection {
  readonly #socket: Socket = connect({ port, host: '127.0.0.1', noDelay: true });
  #sentAt = 0;
  #head = '';
  /** Bytes of the body that are to come; undefined: the head is. */
  #left: number | undefined;
  #status = '';

  constructor() {
    this.#socket.on('data', (chunk) => this.#read(chunk));
    this.#socket.on('error', () => {});
    this.#socket.once('close', () => {
      const at = idle.indexOf(this);
      if (at >= 0) idle.splice(at, 1);
      busy.delete(this);
    });
  }

  call(): void {
    busy.add(this);
    this.#sentAt = performance.now();
    this.#head = '';
    this.#left = undefined;
    this.#socket.write(REQUEST);
  }

  giveUp(now: number): void {
    if (now - this.#sentAt > GIVE_UP_MS) this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    let size = chunk.length;
    if (this.#left === undefined) {
      this.#head += chunk.toString('latin1');
      const end = this.#head.indexOf('\r\n\r\n');
      if (end < 0) return;
      size = this.#head.length - end - 4;
      this.#readHead(this.#head.slice(0, end + 2));
    }
    this.#left! -= size;
    if (this.#left !== 0) return;
    if (this.#status === '200') good++;
    busy.delete(this);
    idle.push(this);
  }

  #readHead(head: string): void {
    this.#status = head.slice(9, 12);
    this.#left = Number(/\r\ncontent-length: (\d+)\r\n/i.exec(head)?.[1]);
    if (head.includes('\r\nx-outrigger-attempts: 1\r\n')) times.add(performance.now() - this.#sentAt);
  }
}

function endWindow(): void {
  const window: LoadWindow = {
    calls,
    good,
    unmade,
    p50Ms: times.percentile(0.5),
    p99Ms: times.percentile(0.99),
    latestMs,
  };
  process.stdout.write(`${JSON.stringify(window)}\n`);
  times = new Histogram();
  calls = good = unmade = latestMs = 0;
}

const beganAt = performance.now();
let windowEnds = windowSeconds * 1_000;
let made = 0;
for (let elapsed = 0; elapsed < seconds * 1_000; elapsed = performance.now() - beganAt) {
  const due = Math.floor((elapsed * callsPerSecond) / 1_000);
  latestMs = Math.max(latestMs, elapsed - (made * 1_000) / callsPerSecond);
  for (; made < due; made++) {
    if (busy.size >= MOST_UNDER_WAY) {
      unmade++;
      continue;
    }
    calls++;
    (idle.pop() ?? new Connection()).call();
  }
  if (elapsed >= windowEnds) {
    endWindow();
    windowEnds += windowSeconds * 1_000;
    for (const connection of busy) connection.giveUp(performance.now());
  }
  await delay(TICK_MS);
}
for (const until = performance.now() + GIVE_UP_MS; busy.size > 0 && performance.now() < until;) await delay(100);
if (calls > 0) endWindow();
process.exit(0);
