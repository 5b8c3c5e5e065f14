import { pino, type DestinationStream } from 'pino';
import type { Clock } from '../runtime/clock.js';

/** What waits while the reader of stdout is slow; beyond so many bytes new lines are dropped and counted. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;

/**
 * Standard output for the log, written without blocking the calls that are served meanwhile: a proxy must neither stand
 * still nor grow because somebody does not read its log. A reader that goes away (EPIPE) ends the log and not the
 * process; other failures to write, such as a full disk, are passed over. What still waits when the process exits is
 * written then, but out of order if a write is under way: wait for `flushed` before.
 */
export class StdoutStream implements DestinationStream {
  readonly #stream = pino.destination({ dest: 1, sync: false, maxLength: MAX_WAITING_BYTES });
  #busy = false;
  #dropped = 0;

  constructor() {
    this.#stream.on('drop', () => {
      this.#dropped++;
    });
    this.#stream.on('drain', () => {
      this.#busy = false;
      if (this.#dropped > 0) this.#sayDropped();
    });
    this.#stream.on('error', () => {
      this.#busy = false;
    });
  }

  write(line: string): void {
    this.#busy = true;
    this.#stream.write(line);
  }

  /** Waits until all lines are written, at most so long, in milliseconds. */
  flushed(clock: Clock, withinMs: number): Promise<void> {
    if (!this.#busy) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = clock.setTimer(withinMs, resolve);
      const done = () => {
        timer.cancel();
        resolve();
      };
      this.#stream.once('drain', done);
      this.#stream.once('error', done);
    });
  }

  #sayDropped(): void {
    const dropped = this.#dropped;
    this.#dropped = 0;
    this.write(`${JSON.stringify({ level: 'warn', msg: 'log lines dropped', dropped })}\n`);
  }
}
