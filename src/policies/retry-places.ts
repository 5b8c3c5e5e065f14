import type { Attempt, Call, Clock } from './policy.js';
import type { BudgetPlace, RetryBudget } from './rules/budget.js';

/** Whether a retry of a call needs a place: not while nobody has had any work with the call and another endpoint may take it. */
export function needsPlace(
  budget: RetryBudget,
  call: Call,
  untried: ((call: Call) => boolean) | undefined,
  now: number,
): boolean {
  return call.sent || untried?.(call) !== true || !budget.unsentMayGo(now);
}

/** The places of one call's retries in the budget. Made at its first retry: most calls have none. */
export class RetryPlaces {
  readonly #budget: RetryBudget;
  readonly #call: Call;
  readonly #clock: Clock;
  /** That of the retry that is planned or under way, if it needs one. */
  #current: BudgetPlace | undefined;
  /** Those of retries that failed: in vain only if the call fails. */
  #earlier: BudgetPlace[] | undefined;
  /** Retries made without a place. */
  #without = 0;

  constructor(budget: RetryBudget, call: Call, clock: Clock) {
    this.#budget = budget;
    this.#call = call;
    this.#clock = clock;
  }

  /** Whether one more retry fits, which is then planned. */
  plan(needed: boolean): boolean {
    const place = needed ? this.#budget.take(this.#clock.now()) : undefined;
    if (needed && place === undefined) return false;
    if (this.#current !== undefined) (this.#earlier ??= []).push(this.#current);
    this.#current = place;
    return true;
  }

  /** The retry that was planned is made. */
  make(attempt: Attempt): void {
    if (this.#current !== undefined) return;
    this.#without++;
    attempt.mayRepeat = () => this.#repeat(attempt);
  }

  /** It was not made after all; `attempt` is what has been refused, if it had begun. */
  notMade(attempt?: Attempt): void {
    this.#current?.notMade(this.#clock.now());
    if (attempt?.mayRepeat !== undefined) this.#without--;
  }

  /** The call succeeded, so that none of its retries was in vain. */
  giveBack(): void {
    const now = this.#clock.now();
    this.#current?.giveBack(now);
    for (const place of this.#earlier ?? []) place.giveBack(now);
  }

  /** The call failed. */
  inVain(): void {
    if (this.#without > 0 && !this.#call.sent) this.#budget.unsentInVain(this.#clock.now(), this.#without);
  }

  /** No other endpoint takes the attempt; one that was tried needs a place. */
  #repeat(attempt: Attempt): boolean {
    this.#current = this.#budget.take(this.#clock.now());
    if (this.#current === undefined) return false;
    this.#without--;
    attempt.mayRepeat = undefined;
    return true;
  }
}
