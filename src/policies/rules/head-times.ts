/** How many of the latest times are kept. */
export const KEPT = 1_000;

/** How many there must be before they say anything, where nobody says otherwise. */
const NEEDED = 100;

/** After so many new times the percentile is found again: it moves slowly, and sorting costs. Sooner while there are few. */
const REFRESH_AFTER = 250;

/** The times until the heads of a route's latest 1000 answers, and a percentile of them once there are enough. */
export class HeadTimes {
  readonly #share: number;
  readonly #needed: number;
  readonly #times = new Float64Array(KEPT);
  #seen = 0;
  #found: number | undefined;

  /**
   * @param share the percentile as a share: 0.95 for p95
   * @param needed how many times there must be; while there are few, the percentile is found again after so many
   */
  constructor(share: number, needed = NEEDED) {
    this.#share = share;
    this.#needed = needed;
  }

  add(tookMs: number): void {
    this.#times[this.#seen % KEPT] = tookMs;
    this.#seen++;
    if (this.#seen % (this.#seen < KEPT ? this.#needed : REFRESH_AFTER) === 0) this.#found = this.#find();
  }

  /** News: a time that stands for so many, and that the percentile is to know of at once. */
  addAtOnce(tookMs: number, times: number): void {
    for (let i = 0; i < times; i++) this.add(tookMs);
    if (this.#seen >= this.#needed) this.#found = this.#find();
  }

  /** The percentile in milliseconds; undefined while too few times were seen. */
  get percentileMs(): number | undefined {
    return this.#found;
  }

  /** The nearest rank: the smallest time that at least this share of the times does not exceed. */
  #find(): number {
    const sorted = this.#times.slice(0, Math.min(this.#seen, KEPT)).sort();
    return sorted[Math.max(0, Math.ceil(this.#share * sorted.length - 1e-9) - 1)] ?? 0;
  }
}
