export interface TokenBucketRules {
  /** Tokens gained in each `perMs`. */
  readonly requests: number;
  readonly perMs: number;
  /** What the bucket holds. */
  readonly burst: number;
}

/** A sum of many small gains may miss a whole token by the last bits. */
const ROUNDING = 1e-9;

/**
 * A token bucket: it starts full, gains tokens steadily up to `burst`, and each request takes one. In any time t no more
 * than `burst + t · requests / per` get through.
 */
export class TokenBucket {
  readonly #rules: TokenBucketRules;
  #tokens: number;
  #filledAt = 0;

  constructor(rules: TokenBucketRules) {
    this.#rules = rules;
    this.#tokens = rules.burst;
  }

  /** Takes a token; returns 0, or in how many milliseconds there will be one. A refusal costs nothing. */
  take(now: number): number {
    this.#fill(now);
    if (this.#tokens >= 1 - ROUNDING) {
      this.#tokens = Math.max(0, this.#tokens - 1);
      return 0;
    }
    return ((1 - this.#tokens) * this.#rules.perMs) / this.#rules.requests;
  }

  /** Whether it is as good as a new one. */
  isFull(now: number): boolean {
    this.#fill(now);
    return this.#tokens >= this.#rules.burst - ROUNDING;
  }

  #fill(now: number): void {
    const { requests, perMs, burst } = this.#rules;
    this.#tokens = Math.min(burst, this.#tokens + ((now - this.#filledAt) * requests) / perMs);
    this.#filledAt = now;
  }
}
