import type { Clock, Timer } from '../../src/runtime/clock.js';

interface Entry extends Timer {
  readonly due: number;
  readonly order: number;
  readonly callback: () => void;
  cancelled: boolean;
}

/** A clock that moves only when told to. Timers fire in the order of their due times, then of their creation. */
export class VirtualClock implements Clock {
  #now = 0;
  #order = 0;
  #epoch: number;
  #timers: Entry[] = [];

  constructor(epoch = Date.UTC(2026, 0, 1)) {
    this.#epoch = epoch;
  }

  now(): number {
    return this.#now;
  }

  wallNow(): number {
    return this.#epoch + this.#now;
  }

  /** Sets the wall clock, as an administrator or NTP does; nothing else may notice. */
  stepWall(ms: number): void {
    this.#epoch += ms;
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const entry: Entry = {
      due: this.#now + Math.max(0, delayMs),
      order: this.#order++,
      callback,
      cancelled: false,
      cancel: () => {
        entry.cancelled = true;
        this.#timers = this.#timers.filter((other) => other !== entry);
      },
    };
    this.#timers.push(entry);
    return entry;
  }

  /** How many timers are running: none may be left behind when a call has ended. */
  get pending(): number {
    return this.#timers.length;
  }

  /** Time passes in which no timer fires, as when the event loop is busy: `advance` fires what is overdue then. */
  block(ms: number): void {
    this.#now += ms;
  }

  /** Moves time on, firing what falls due on the way, timers made meanwhile included. */
  advance(ms: number): void {
    const until = this.#now + ms;
    for (let next = this.#next(until); next !== undefined; next = this.#next(until)) {
      this.#now = Math.max(this.#now, next.due);
      this.#timers = this.#timers.filter((other) => other !== next);
      next.callback();
    }
    this.#now = until;
  }

  /** Runs until no timer is left; gives up after `limit` timers, since a periodic one never ends. */
  runAll(limit = 100_000): void {
    for (let fired = 0; this.#timers.length > 0; fired++) {
      if (fired >= limit) throw new Error(`still ${this.#timers.length} timers after ${limit} have fired`);
      const next = this.#next(Infinity);
      if (next !== undefined) this.advance(next.due - this.#now);
    }
  }

  /** Moves on to when the next timer is due, and fires what is due then; false if there is none. */
  step(): boolean {
    const next = this.#next(Infinity);
    if (next !== undefined) this.advance(next.due - this.#now);
    return next !== undefined;
  }

  #next(until: number): Entry | undefined {
    let first: Entry | undefined;
    for (const entry of this.#timers) {
      if (entry.due > until) continue;
      if (first === undefined || entry.due < first.due || (entry.due === first.due && entry.order < first.order)) {
        first = entry;
      }
    }
    return first;
  }
}
