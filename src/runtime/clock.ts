/** A running timer. Cancelling one that has fired or was cancelled does nothing. */
export interface Timer {
  cancel(): void;
}

/** Time, as a parameter: policies are given a clock and never ask the machine. */
export interface Clock {
  /** Monotonic milliseconds (fractions included) since some fixed point; never steps back. */
  now(): number;
  /** Milliseconds since the Unix epoch; only for dates that cross the wire, such as Retry-After. */
  wallNow(): number;
  /** Calls back once, after at least `delayMs` milliseconds. `background`: it does not keep the process alive. */
  setTimer(delayMs: number, callback: () => void, background?: boolean): Timer;
}

/** setTimeout's longest delay; beyond it Node would fire at once. */
const MAX_DELAY_MS = 2_147_483_647;

class SystemTimer implements Timer {
  readonly #handle: NodeJS.Timeout;

  constructor(delayMs: number, callback: () => void, background: boolean) {
    this.#handle = setTimeout(callback, Math.min(Math.ceil(delayMs), MAX_DELAY_MS));
    if (background) this.#handle.unref();
  }

  cancel(): void {
    clearTimeout(this.#handle);
  }
}

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wallNow: () => Date.now(),
  setTimer: (delayMs, callback, background = false) => new SystemTimer(delayMs, callback, background),
};
