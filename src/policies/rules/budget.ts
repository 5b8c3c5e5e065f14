import { BucketWindow } from './bucket-window.js';

const CALLS = 0;
const RETRIES = 1;
const FAILED = 2;

export interface BudgetRules {
  readonly failedRatio: number;
  readonly totalRatio: number;
  readonly minPerSecond: number;
  readonly windowMs: number;
}

/** A retry's place in the budget. */
export interface BudgetPlace {
  /** Its call succeeded: retries that help are not rationed, and only their total is bounded. */
  giveBack(now: number): void;
  /** The retry was not made after all: nobody bears its load. */
  notMade(now: number): void;
}

/**
 * How many retries an upstream may be sent, over the last window. Two bounds, each at least minPerSecond · window:
 * retries of calls that failed all the same, or are not over yet ≤ failedRatio · calls, and all retries ≤ totalRatio · calls.
 *
 * Source: Finagle's and Linkerd's retry budget, with the refund on success of AWS's standard mode, here of all retries of
 * the call that succeeds. With one ratio alone a brownout of 27 % failures exhausts a budget of 20 % although every call
 * succeeds; with a refund of the last retry alone one of 30 % does, where calls have five attempts.
 */
export class RetryBudget {
  readonly #rules: BudgetRules;
  readonly #floor: number;
  readonly #window: BucketWindow;

  constructor(rules: BudgetRules) {
    this.#rules = rules;
    this.#floor = (rules.minPerSecond * rules.windowMs) / 1_000;
    this.#window = new BucketWindow(rules.windowMs, 3);
  }

  /** A call arrived: it brings the budget its share. */
  deposit(now: number): void {
    this.#window.add(now, CALLS);
  }

  /** A place for one retry, or undefined if it does not fit. */
  take(now: number): BudgetPlace | undefined {
    if (this.remaining(now) < 1) return undefined;
    this.#window.add(now, RETRIES);
    const bucket = this.#window.add(now, FAILED);
    let given = false;
    const giveBack = (later: number) => {
      if (given) return;
      given = true;
      this.#window.amend(later, bucket, FAILED, -1);
    };
    return {
      giveBack,
      notMade: (later) => {
        if (!given) this.#window.amend(later, bucket, RETRIES, -1);
        giveBack(later);
      },
    };
  }

  /** How many retries still fit now; may be below zero when calls have left the window. */
  remaining(now: number): number {
    const calls = this.#window.total(now, CALLS);
    const failed = Math.max(this.#rules.failedRatio * calls, this.#floor) - this.#window.total(now, FAILED);
    const all = Math.max(this.#rules.totalRatio * calls, this.#floor) - this.#window.total(now, RETRIES);
    // A product such as 0.1 · 10 000 may miss the whole number by the last bit.
    return Math.min(failed, all) + 1e-9;
  }
}
