/** Counts of the last minute in buckets of one second, by the clock. The second that is running counts. */
const SECONDS = 60;

export class RollingCount {
  static readonly SECONDS = SECONDS;
  readonly #buckets = new Uint32Array(SECONDS);
  #second = 0;
  #total = 0;

  /** `nowMs`: monotonic milliseconds. */
  add(nowMs: number): void {
    this.#advance(nowMs);
    this.#buckets[this.#second % SECONDS]!++;
    this.#total++;
  }

  /** How many were added within the last minute. */
  total(nowMs: number): number {
    this.#advance(nowMs);
    return this.#total;
  }

  /** Empties the buckets whose minute is over, also after idleness. */
  #advance(nowMs: number): void {
    const second = Math.floor(nowMs / 1_000);
    const steps = Math.min(second - this.#second, SECONDS);
    for (let step = 1; step <= steps; step++) {
      const bucket = (second - steps + step) % SECONDS;
      this.#total -= this.#buckets[bucket]!;
      this.#buckets[bucket] = 0;
    }
    this.#second = Math.max(this.#second, second);
  }
}
