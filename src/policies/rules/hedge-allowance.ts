/**
 * How many hedges may be under way or lost at once: each call brings a share of one, and few are saved up. One that wins
 * gives its place back.
 *
 * The budget alone looks at ten seconds, so that one moment could take all of it: a queue that chance has made long brings
 * every sidecar of a fleet to hedge nearly all its calls at once, and the hedges keep the queue long. Source: Finagle's
 * backup requests, which have a bound of their own in proportion to the percentile for the same reason; and docs/hedge.md
 * for what a fleet does with and without.
 */
export class HedgeAllowance {
  readonly #perCall: number;
  readonly #most: number;
  #left: number;

  /**
   * @param perCall what a call brings, from 0 to 1
   * @param most so many are saved up
   */
  constructor(perCall: number, most: number) {
    this.#perCall = perCall;
    this.#most = most;
    this.#left = most;
  }

  /** A call came that may be hedged. */
  deposit(): void {
    this.#add(this.#perCall);
  }

  get isSpent(): boolean {
    // Ten tenths may miss one by the last bit.
    return this.#left < 1 - 1e-9;
  }

  take(): void {
    this.#left--;
  }

  /** It won, or was not made after all. */
  giveBack(): void {
    this.#add(1);
  }

  #add(amount: number): void {
    this.#left = Math.min(this.#most, this.#left + amount);
  }
}
