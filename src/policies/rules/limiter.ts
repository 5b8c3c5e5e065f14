/** Finds how many may be in flight. A fixed number, or one that follows what it sees. */
export interface LimitRule {
  readonly limit: number;
  /** An attempt ended: how long its head took, how many were in flight when it began, and whether it was dropped. */
  sample(now: number, tookMs: number, inFlight: number, dropped: boolean): void;
}

/** A limit that stays. */
export function fixedLimit(limit: number): LimitRule {
  return { limit, sample: () => undefined };
}

/** Somebody who waits for a place. */
export interface Waiter {
  /** A place is free and taken for the waiter. */
  admitted(): void;
}

/**
 * Places for attempts in flight, and a queue for those who wait: first in, first out. A waiter that leaves gives its place
 * in the queue up, so that nobody behind it is starved.
 */
export class Limiter {
  readonly #rule: LimitRule;
  readonly #queueSize: number;
  /** A Set keeps the order of arrival and forgets in constant time. */
  readonly #queue = new Set<Waiter>();
  #inFlight = 0;
  #admitting = false;

  constructor(rule: LimitRule, queueSize: number) {
    this.#rule = rule;
    this.#queueSize = queueSize;
  }

  get limit(): number {
    return this.#rule.limit;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  get queued(): number {
    return this.#queue.size;
  }

  /** Takes a place if one is free. Nobody overtakes the queue. */
  tryTake(): boolean {
    if (this.#inFlight >= this.#rule.limit || this.#queue.size > 0) return false;
    this.#inFlight++;
    return true;
  }

  /** Whether one more would neither get a place nor could wait for one, were nobody let in beyond the limit. */
  get isFull(): boolean {
    return this.#inFlight >= this.#rule.limit + this.#queueSize;
  }

  /** Takes a place whatever the limit says: shadow mode only counts. */
  takeAnyway(): void {
    this.#inFlight++;
  }

  /** Queues up; false when the queue is full. */
  enqueue(waiter: Waiter): boolean {
    if (this.#queue.size >= this.#queueSize) return false;
    this.#queue.add(waiter);
    return true;
  }

  /** The waiter gives up. */
  leave(waiter: Waiter): void {
    this.#queue.delete(waiter);
  }

  /** Tells what an attempt saw, so that an adaptive limit can follow. */
  sample(now: number, tookMs: number, inFlight: number, dropped: boolean): void {
    this.#rule.sample(now, tookMs, inFlight, dropped);
    this.#admit();
  }

  /** Gives a place back. */
  release(): void {
    this.#inFlight--;
    this.#admit();
  }

  #admit(): void {
    // One who is admitted may give its place back at once, when it is refused further down: the loop that runs goes on
    // with it. Each starting a loop of its own, a long queue before an open circuit would overflow the stack.
    if (this.#admitting) return;
    this.#admitting = true;
    try {
      for (const waiter of this.#queue) {
        if (this.#inFlight >= this.#rule.limit) return;
        this.#queue.delete(waiter);
        this.#inFlight++;
        waiter.admitted();
      }
    } finally {
      this.#admitting = false;
    }
  }
}
