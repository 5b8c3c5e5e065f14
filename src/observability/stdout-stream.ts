import { constants, openSync, write as writeTo } from 'node:fs';
import { isatty } from 'node:tty';
import type { DestinationStream } from 'pino';
import type { Clock } from '../runtime/clock.js';

/** What waits while the reader of stdout is slow; beyond so many bytes new lines are dropped and counted. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;

/** What is written at once, so that a reader that is slow is not waited for with all that there is. */
const MAX_WRITE_BYTES = 64 * 1024;

/** How soon a reader that had no room is asked again, in milliseconds. */
const FULL_RETRY_MS = 20;

/** How soon writing is tried again after it failed, such as to a full disk, in milliseconds. */
const FAILED_RETRY_MS = 1_000;

/** Nobody will ever read again. */
const GONE: ReadonlySet<string | undefined> = new Set(['EPIPE', 'EBADF', 'ECONNRESET']);

/**
 * Standard output for the log, written without blocking the calls that are served meanwhile: a proxy must neither stand
 * still nor grow because somebody does not read its log, nor end because somebody has ceased to. While the reader is slow
 * or the disk is full, lines wait, and beyond a bound they are dropped; when the reader is gone, all are. What was dropped
 * is counted, and said when lines are written again.
 *
 * pino's own stream writes what is left when the process exits, for as long as it takes: a full pipe or disk would keep the
 * process from ending.
 */
export class StdoutStream implements DestinationStream {
  readonly #clock: Clock;
  /** Whether people read along. */
  readonly isTerminal = isatty(1);
  readonly #descriptor = descriptor();
  #waiting: string[] = [];
  #waitingBytes = 0;
  /** What is being written: the rest of it, and how many lines it began with. */
  #writing: { rest: Buffer; readonly lines: number } | undefined;
  #gone = false;
  #dropped = 0;
  #unsaid = 0;
  #whenFlushed: (() => void)[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether nobody will ever read what is written. */
  get gone(): boolean {
    return this.#gone;
  }

  /** Lines that were not written and will not be. */
  get dropped(): number {
    return this.#dropped;
  }

  write(line: string): void {
    const bytes = Buffer.byteLength(line);
    const waitingBytes = this.#waitingBytes + (this.#writing?.rest.length ?? 0);
    if (this.#gone || waitingBytes + bytes > MAX_WAITING_BYTES) {
      this.#drop(1);
      return;
    }
    this.#waiting.push(line);
    this.#waitingBytes += bytes;
    if (this.#writing === undefined) this.#writeNext();
  }

  /** Waits until all lines are written or lost, at most so long, in milliseconds. */
  flushed(withinMs: number): Promise<void> {
    if (this.#writing === undefined) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = this.#clock.setTimer(withinMs, resolve);
      this.#whenFlushed.push(() => {
        timer.cancel();
        resolve();
      });
    });
  }

  #writeNext(): void {
    if (this.#waiting.length === 0 && this.#unsaid > 0) this.#sayDropped();
    if (this.#waiting.length === 0) {
      this.#writing = undefined;
      for (const flushed of this.#whenFlushed.splice(0)) flushed();
      return;
    }
    let bytes = 0;
    let lines = 0;
    do bytes += Buffer.byteLength(this.#waiting[lines++]!);
    while (lines < this.#waiting.length && bytes < MAX_WRITE_BYTES);
    const rest = Buffer.from(this.#waiting.splice(0, lines).join(''));
    this.#waitingBytes -= bytes;
    this.#writing = { rest, lines };
    this.#writeRest();
  }

  readonly #writeRest = (): void => {
    if (this.#writing !== undefined) writeTo(this.#descriptor, this.#writing.rest, this.#onWritten);
  };

  readonly #onWritten = (error: NodeJS.ErrnoException | null, written: number): void => {
    const writing = this.#writing;
    if (writing === undefined) return;
    if (error === null) {
      writing.rest = writing.rest.subarray(written);
      if (writing.rest.length > 0) this.#writeRest();
      else this.#writeNext();
    } else if (GONE.has(error.code)) {
      this.#gone = true;
      this.#drop(writing.lines + this.#waiting.length);
      this.#waiting = [];
      this.#waitingBytes = 0;
      this.#unsaid = 0;
      this.#writeNext();
    } else {
      const retryMs = error.code === 'EAGAIN' ? FULL_RETRY_MS : FAILED_RETRY_MS;
      this.#clock.setTimer(retryMs, this.#writeRest, true);
    }
  };

  #drop(lines: number): void {
    this.#dropped += lines;
    this.#unsaid += lines;
  }

  #sayDropped(): void {
    const time = new Date(this.#clock.wallNow()).toISOString();
    const dropped = this.#unsaid;
    this.#unsaid = 0;
    this.write(`${JSON.stringify({ level: 'warn', time, dropped, msg: 'log lines dropped' })}\n`);
  }
}

/**
 * What is written to. A terminal that was stopped (Ctrl-S, or nobody is attached) would hold a thread up that the process
 * waits for when it ends, so that it is opened anew without that. Node has pipes and sockets that way already.
 */
function descriptor(): number {
  if (!isatty(1)) return 1;
  try {
    return openSync('/proc/self/fd/1', constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    return 1;
  }
}
