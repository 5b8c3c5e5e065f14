import { HeadTimes, KEPT } from './head-times.js';

/**
 * A quiet sidecar would wait long for a hundred. The p99 of so few is their longest, of which the factor is far away; and
 * what a first scout finds counts at once.
 */
const NEEDED = 20;

/** So many are cut off before an attempt goes on for which a circuit keeps all others waiting. */
const CUT_BEFORE_AWAITED = 20;

export interface AdaptiveTimeoutRules {
  /** The percentile as a share: 0.99 for p99. */
  readonly share: number;
  readonly factor: number;
  readonly minMs: number;
  readonly maxMs: number;
}

/**
 * How long attempts may take, from how long good ones took: `factor` times a percentile of the latest 1000, within bounds;
 * `maxMs` until there are 20.
 *
 * An attempt that is cut off tells only that it would have taken longer. To forget it makes the percentile that of the
 * fast ones, and a service that becomes slow is cut off for ever, since none of its answers is seen (Trinity took such a
 * timeout out again for that; Netflix's concurrency-limits count what timed out). To count it as long as it ran makes the
 * timeout grow while a service hangs, which is when it should be short. So one at a time of those that run out of time
 * goes on until `maxMs`, as a scout: if it gets its answer, those that were cut off since the scout before it would have
 * got theirs, and count with its time; if not, they say nothing.
 */
export class AdaptiveTimeout {
  readonly rules: AdaptiveTimeoutRules;
  readonly #times: HeadTimes;
  readonly #mostForScout: number;
  #hasScout = false;
  #cutSince = 0;

  constructor(rules: AdaptiveTimeoutRules) {
    this.rules = rules;
    this.#times = new HeadTimes(rules.share, NEEDED);
    // What moves the percentile: more would not move it further, and take time.
    this.#mostForScout = Math.floor((1 - rules.share) * KEPT + 1e-9) + 1;
  }

  /** What an attempt is given that is made now, in milliseconds. */
  get limitMs(): number {
    const { factor, minMs, maxMs } = this.rules;
    const { percentileMs } = this.#times;
    return percentileMs === undefined ? maxMs : Math.min(maxMs, Math.max(minMs, Math.ceil(factor * percentileMs)));
  }

  /** A good answer came in time. */
  answered(tookMs: number): void {
    this.#times.add(tookMs);
  }

  /** Somebody else ended an attempt that had run so long. It counts where it was beyond the percentile already. */
  cancelled(ranMs: number): void {
    const { percentileMs } = this.#times;
    if (percentileMs !== undefined && ranMs > percentileMs) this.#times.add(ranMs);
  }

  /**
   * An attempt has run out of time: whether it goes on as the scout. If so, `scouted` must be called at its end.
   *
   * @param awaited whether a half-open circuit refuses all others until its end: then only if there has been no other for long
   */
  mayGoOn(awaited = false): boolean {
    if (this.#hasScout || (awaited && this.#cutSince < CUT_BEFORE_AWAITED)) {
      this.#cutSince++;
      return false;
    }
    this.#hasScout = true;
    return true;
  }

  /**
   * The scout's end.
   *
   * @param tookMs what it took to its good answer, `none` if it had none, undefined if nobody waited for it any more
   */
  scouted(tookMs: number | 'none' | undefined): void {
    this.#hasScout = false;
    if (tookMs === undefined) return;
    if (tookMs !== 'none') this.#times.addAtOnce(tookMs, Math.min(this.#mostForScout, 1 + this.#cutSince));
    this.#cutSince = 0;
  }
}
