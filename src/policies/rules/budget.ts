import { BucketWindow } from './bucket-window.js';

const CALLS = 0;
const RETRIES = 1;
const FAILED = 2;
const UNSENT = 3;

/** A product such as 0.1 · 10 000 may miss the whole number by the last bit. */
const TOLERANCE = 1e-9;

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
 *
 * A retry of a call of which nothing was sent needs no place when it goes to another endpoint: for the service it is the
 * first that it sees of the call. This holds while such retries reach somebody. Those of calls that reached nobody are
 * counted in the end, as retries that failed, and once they alone are failedRatio · calls, such a retry needs a place like
 * any other. So a dead endpoint costs no call, and an upstream that is wholly down is not sent retries without end: beyond
 * the bounds come those of calls that had not ended yet.
 *
 * Source: gRFC A6 leaves transparent retries, of what never left the client, out of its throttling, which is there to
 * protect the server's application; unlike there, they count in maxAttempts here. Envoy's budget and Finagle's, which its
 * requeues share, count every retry alike.
 */
export class RetryBudget {
  readonly #rules: BudgetRules;
  readonly #floor: number;
  readonly #window: BucketWindow;

  constructor(rules: BudgetRules) {
    this.#rules = rules;
    this.#floor = (rules.minPerSecond * rules.windowMs) / 1_000;
    this.#window = new BucketWindow(rules.windowMs, 4);
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

  /** Whether a retry of a call of which nothing was sent may go to another endpoint without a place. */
  unsentMayGo(now: number): boolean {
    return this.#window.total(now, UNSENT) + 1 <= this.#mostFailed(now) + TOLERANCE;
  }

  /** Retries went without a place, and their call ended without having reached anybody. */
  unsentInVain(now: number, retries: number): void {
    for (const field of [RETRIES, FAILED, UNSENT]) this.#window.add(now, field, retries);
  }

  /** How many retries still fit now; may be below zero when calls have left the window. */
  remaining(now: number): number {
    const failed = this.#mostFailed(now) - this.#window.total(now, FAILED);
    const all = this.#most(now, this.#rules.totalRatio) - this.#window.total(now, RETRIES);
    return Math.min(failed, all) + TOLERANCE;
  }

  #mostFailed(now: number): number {
    return this.#most(now, this.#rules.failedRatio);
  }

  #most(now: number, ratio: number): number {
    return Math.max(ratio * this.#window.total(now, CALLS), this.#floor);
  }
}
