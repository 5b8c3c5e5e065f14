/**
 * Counters over the last `windowMs`, in a ring of buckets by the clock. What is older than the window is gone also after
 * idleness, because buckets are cleared by time and not by use. Exact: no decay, no mean.
 */
export class BucketWindow {
  readonly #bucketMs: number;
  readonly #buckets: number;
  readonly #fields: number;
  readonly #counts: Float64Array;
  readonly #totals: Float64Array;
  #current = Number.NEGATIVE_INFINITY;

  /** @param fields how many counters stand side by side */
  constructor(windowMs: number, fields: number, buckets = 10) {
    this.#bucketMs = windowMs / buckets;
    this.#buckets = buckets;
    this.#fields = fields;
    this.#counts = new Float64Array(buckets * fields);
    this.#totals = new Float64Array(fields);
  }

  /** Adds to a counter of the bucket that is current now; returns that bucket's number, for `amend`. */
  add(now: number, field: number, amount = 1): number {
    this.#advance(now);
    this.#put(this.#current, field, amount);
    return this.#current;
  }

  /** Adds to a counter of an earlier bucket, unless that has left the window. */
  amend(now: number, bucket: number, field: number, amount: number): void {
    this.#advance(now);
    if (bucket > this.#current - this.#buckets && bucket <= this.#current) this.#put(bucket, field, amount);
  }

  total(now: number, field: number): number {
    this.#advance(now);
    return this.#totals[field] ?? 0;
  }

  clear(): void {
    this.#counts.fill(0);
    this.#totals.fill(0);
    this.#current = Number.NEGATIVE_INFINITY;
  }

  #put(bucket: number, field: number, amount: number): void {
    const at = (bucket % this.#buckets) * this.#fields + field;
    this.#counts[at] = (this.#counts[at] ?? 0) + amount;
    this.#totals[field] = (this.#totals[field] ?? 0) + amount;
  }

  #advance(now: number): void {
    const bucket = Math.floor(now / this.#bucketMs);
    if (bucket <= this.#current) return;
    if (bucket - this.#current >= this.#buckets) {
      this.#counts.fill(0);
      this.#totals.fill(0);
    } else {
      for (let passed = this.#current + 1; passed <= bucket; passed++) this.#forget(passed % this.#buckets);
    }
    this.#current = bucket;
  }

  #forget(slot: number): void {
    for (let field = 0; field < this.#fields; field++) {
      const at = slot * this.#fields + field;
      this.#totals[field] = (this.#totals[field] ?? 0) - (this.#counts[at] ?? 0);
      this.#counts[at] = 0;
    }
  }
}
