import { BucketWindow } from './bucket-window.js';

export interface CircuitThresholds {
  readonly failureRate: number;
  readonly slowCallRate: number;
  readonly consecutiveFailures: number;
  readonly minimumCalls: number;
  readonly windowMs: number;
}

export interface CircuitShares {
  readonly calls: number;
  readonly failureRate: number;
  readonly slowCallRate: number;
}

const CALLS = 0;
const FAILURES = 1;
const SLOW = 2;

/** What a circuit has seen over its window, and whether that is reason enough to open. */
export class CircuitCounts {
  readonly #thresholds: CircuitThresholds;
  readonly #window: BucketWindow;
  readonly #lastFailures: Float64Array;
  #failuresInRow = 0;

  constructor(thresholds: CircuitThresholds) {
    this.#thresholds = thresholds;
    this.#window = new BucketWindow(thresholds.windowMs, 3);
    this.#lastFailures = new Float64Array(Math.max(1, thresholds.consecutiveFailures));
  }

  /** An attempt ended. Returns where it was counted, for `takeBack`. */
  add(now: number, failed: boolean, slow: boolean): number {
    const bucket = this.#window.add(now, CALLS);
    if (slow) this.#window.add(now, SLOW);
    if (failed) {
      this.#window.add(now, FAILURES);
      this.#lastFailures[this.#failuresInRow % this.#lastFailures.length] = now;
      this.#failuresInRow++;
    } else {
      this.#failuresInRow = 0;
    }
    return bucket;
  }

  /** What was counted as a success ended as a failure, now: the call moves with it, so that no share exceeds one. */
  takeBack(now: number, bucket: number): void {
    this.#window.amend(now, bucket, CALLS, -1);
    this.#window.add(now, CALLS);
    this.#window.add(now, FAILURES);
  }

  /** Asked after each result: a success may be the call that makes up the minimum. */
  reasonToOpen(now: number): string | undefined {
    const { failureRate, slowCallRate } = this.#thresholds;
    if (this.#failsInRow(now)) return 'consecutive-failures';
    if (this.#reached(now, FAILURES, failureRate)) return 'failure-rate';
    if (this.#reached(now, SLOW, slowCallRate)) return 'slow-call-rate';
    return undefined;
  }

  shares(now: number): CircuitShares {
    const calls = this.#window.total(now, CALLS);
    const share = (field: number) => (calls === 0 ? 0 : this.#window.total(now, field) / calls);
    return { calls, failureRate: share(FAILURES), slowCallRate: share(SLOW) };
  }

  /** A new row of failures; the window goes on. */
  endRow(): void {
    this.#failuresInRow = 0;
  }

  clear(): void {
    this.#window.clear();
    this.endRow();
  }

  #failsInRow(now: number): boolean {
    const { consecutiveFailures, windowMs } = this.#thresholds;
    if (consecutiveFailures === 0 || this.#failuresInRow < consecutiveFailures) return false;
    const first = this.#lastFailures[this.#failuresInRow % this.#lastFailures.length] ?? now;
    return now - first <= windowMs;
  }

  #reached(now: number, field: number, rate: number): boolean {
    const calls = this.#window.total(now, CALLS);
    const seen = this.#window.total(now, field);
    // A product such as 0.07 · 100 may miss the whole number by the last bit.
    return calls >= this.#thresholds.minimumCalls && seen > 0 && seen >= rate * calls - 1e-9;
  }
}
