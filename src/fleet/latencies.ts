/** How far two latencies may be apart and still count as one: 2 %. */
const STEP = Math.log(1.02);
/** What is shorter is as good as nothing, in milliseconds. */
const LEAST_MS = 0.1;
/** Up to about ten minutes. */
const BUCKETS = 790;

/** How long calls took, in buckets that are 2 % wide each: small, and good enough for percentiles. */
export class Latencies {
  readonly #counts = new Uint32Array(BUCKETS);

  add(ms: number): void {
    const bucket = ms <= LEAST_MS ? 0 : Math.min(BUCKETS - 1, 1 + Math.floor(Math.log(ms / LEAST_MS) / STEP));
    this.#counts[bucket]!++;
  }

  addAll(others: Latencies): void {
    for (let i = 0; i < BUCKETS; i++) this.#counts[i]! += others.#counts[i]!;
  }

  get total(): number {
    return this.#counts.reduce((sum, count) => sum + count, 0);
  }

  /** Milliseconds within which this share of the calls had ended; undefined without any. @param share from 0 to 1 */
  quantile(share: number): number | undefined {
    const { total } = this;
    if (total === 0) return undefined;
    let left = Math.max(1, Math.ceil(share * total));
    const bucket = this.#counts.findIndex((count) => (left -= count) <= 0);
    // The middle of the bucket.
    return bucket === 0 ? 0 : LEAST_MS * Math.exp((bucket - 0.5) * STEP);
  }
}
