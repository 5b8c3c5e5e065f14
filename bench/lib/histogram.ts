/** Each bucket is so much wider than the one before: percentiles are right within a hundredth. */
const GROWTH = 1.02;
const LEAST_MS = 0.001;

/** Times in milliseconds, counted in buckets: millions of them take no more room than one. */
export class Histogram {
  readonly #counts: number[] = [];
  #total = 0;

  add(ms: number): void {
    const bucket = Math.max(0, Math.ceil(Math.log(ms / LEAST_MS) / Math.log(GROWTH)));
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#total++;
  }

  /** The time that the given share of all does not exceed. NaN of none. */
  percentile(share: number): number {
    let left = share * this.#total;
    if (this.#total === 0) return NaN;
    for (let bucket = 0; bucket < this.#counts.length; bucket++) {
      left -= this.#counts[bucket] ?? 0;
      // The middle of the bucket.
      if (left <= 0) return LEAST_MS * GROWTH ** (bucket - 0.5);
    }
    return NaN;
  }
}
