import { readFileSync } from 'node:fs';

/** How often the load generator looks at the clock. */
const EVERY_MS = 10;
/** Longer ago than any call. */
const KEPT_MS = 20_000;

interface Look {
  readonly at: number;
  /** How much later than due this look was: for so long the load generator heard nothing. */
  readonly lateMs: number;
  /** How long the proxy has been ready to run in all, and given no core. */
  readonly waitedMs: number;
}

/**
 * What must not be charged to the proxy when an answer is late: time in which the load generator did not look, and time in
 * which the machine let the proxy's thread wait for a core (/proc/PID/schedstat). What the proxy does with its core is its
 * own affair.
 */
export class Stalls {
  readonly #file: string;
  readonly #timer: NodeJS.Timeout;
  #looks: Look[] = [];
  #due: number;
  longestMs = 0;

  constructor(pid: number) {
    this.#file = `/proc/${pid}/schedstat`;
    this.#due = performance.now() + EVERY_MS;
    this.#timer = setInterval(() => this.#look(), EVERY_MS);
  }

  /** Between two times, in milliseconds. */
  between(from: number, to: number): number {
    this.#look();
    const looks = this.#looks.filter(({ at }) => at >= from - EVERY_MS && at <= to + EVERY_MS);
    const unheard = Math.max(0, ...looks.map(({ lateMs }) => lateMs));
    return unheard + (looks.at(-1)?.waitedMs ?? 0) - (looks[0]?.waitedMs ?? 0);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const at = performance.now();
    const lateMs = Math.max(0, at - this.#due);
    this.#due = at + EVERY_MS;
    this.longestMs = Math.max(this.longestMs, lateMs);
    this.#looks.push({ at, lateMs, waitedMs: this.#waited() });
    if (this.#looks.length > (2 * KEPT_MS) / EVERY_MS) this.#looks = this.#looks.slice(-KEPT_MS / EVERY_MS);
  }

  #waited(): number {
    try {
      return Number(readFileSync(this.#file, 'utf8').split(' ')[1]) / 1e6;
    } catch {
      // A kernel without it, or a proxy that has died: nothing is excused.
      return 0;
    }
  }
}
