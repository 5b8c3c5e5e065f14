import type { Clock, Timer } from '../../runtime/clock.js';

/** Something that falls due once, unless it leaves the queue before. A queue keeps its links in it. */
export interface Due {
  /** Monotonic milliseconds; set by the queue. */
  dueAt: number;
  before: Due | undefined;
  after: Due | undefined;
  fall(): void;
}

/**
 * Timers that all take the same time, behind one timer of the clock: what comes in last falls due last, so that they form
 * a queue, and the timer waits for its head. A call has two such timers and nearly always leaves both early; this way that
 * is six assignments instead of two timers made, listed and thrown away.
 */
export class TimerQueue {
  static readonly #shared = new WeakMap<Clock, Map<number, TimerQueue>>();
  readonly #clock: Clock;
  readonly delayMs: number;
  #first: Due | undefined;
  #last: Due | undefined;
  #timer: Timer | undefined;

  constructor(clock: Clock, delayMs: number) {
    this.#clock = clock;
    this.delayMs = delayMs;
  }

  /**
   * The queue of all who wait as long on a clock. Of a thousand routes in turn each one's own would be empty most of the
   * time, so that each call would start and cancel its timer. For delays of the configuration only: it is kept as long as the
   * clock.
   */
  static shared(clock: Clock, delayMs: number): TimerQueue {
    const queues = TimerQueue.#shared.get(clock) ?? new Map<number, TimerQueue>();
    TimerQueue.#shared.set(clock, queues);
    const queue = queues.get(delayMs) ?? new TimerQueue(clock, delayMs);
    queues.set(delayMs, queue);
    return queue;
  }

  enter(entry: Due, now: number): void {
    entry.dueAt = now + this.delayMs;
    entry.before = this.#last;
    entry.after = undefined;
    if (this.#last === undefined) this.#first = entry;
    else this.#last.after = entry;
    this.#last = entry;
    this.#timer ??= this.#clock.setTimer(this.delayMs, this.#fall);
  }

  /** Entries that have left, or fallen due, may leave again. */
  leave(entry: Due): void {
    const { before, after } = entry;
    if (before === undefined && this.#first !== entry) return;
    if (before === undefined) this.#first = after;
    else before.after = after;
    if (after === undefined) this.#last = before;
    else after.before = before;
    entry.before = undefined;
    entry.after = undefined;
    // An empty queue keeps nobody waiting; while others are in it, the timer stays and looks again when it fires.
    if (this.#first === undefined) {
      this.#timer?.cancel();
      this.#timer = undefined;
    }
  }

  readonly #fall = (): void => {
    this.#timer = undefined;
    const now = this.#clock.now();
    for (let entry = this.#first; entry !== undefined && entry.dueAt <= now; entry = this.#first) {
      this.leave(entry);
      entry.fall();
    }
    const next = this.#first;
    if (next !== undefined) this.#timer ??= this.#clock.setTimer(next.dueAt - now, this.#fall);
  };
}
