import type { FallbackKind } from '../policies/events.js';
import { DURATION_BOUNDS } from './families.js';
import { quantile } from './quantile.js';
import type { RouteTimes } from './route-figures.js';

/** Where each number of a route's totals stands; the counts of the buckets of its calls' durations follow. */
const CALLS = 0;
const FAILURES = 1;
const RETRIES = 2;
const FALLBACKS: Readonly<Record<FallbackKind, number>> = { stale: 3, upstream: 4, response: 5 };
const BUCKETS = 6;

/** How many numbers totals are. */
export const TOTALS_LENGTH = BUCKETS + DURATION_BOUNDS.length + 1;

/** What a route has counted, or has within some time, as numbers in a row: they are added, subtracted and kept as such. */
export class Totals {
  constructor(readonly numbers: Float64Array = new Float64Array(TOTALS_LENGTH)) {}

  get calls(): number {
    return this.numbers[CALLS]!;
  }

  /** Calls that failed or were refused here. */
  get failures(): number {
    return this.numbers[FAILURES]!;
  }

  get retries(): number {
    return this.numbers[RETRIES]!;
  }

  /** Calls that a kind of fallback answered. */
  fallbacks(kind: FallbackKind): number {
    return this.numbers[FALLBACKS[kind]]!;
  }

  /** How long calls took, in milliseconds; undefined without any. */
  quantileMs(q: number): number | undefined {
    const seconds = quantile(q, this.numbers, DURATION_BOUNDS, BUCKETS);
    return seconds === undefined ? undefined : seconds * 1_000;
  }

  /** The same for people. */
  get times(): RouteTimes {
    const perCall = (kind: FallbackKind) => this.fallbacks(kind) / Math.max(1, this.calls);
    const fallbacks = { stale: perCall('stale'), upstream: perCall('upstream'), response: perCall('response') };
    return { p50Ms: this.quantileMs(0.5), p99Ms: this.quantileMs(0.99), fallbacks };
  }

  get isNothing(): boolean {
    for (let i = 0; i < TOTALS_LENGTH; i++) if (this.numbers[i] !== 0) return false;
    return true;
  }

  clear(): void {
    this.numbers.fill(0);
  }

  /** Adds so many calls that ended in the same way. */
  addCalls(count: number, failed: boolean): void {
    this.numbers[CALLS]! += count;
    if (failed) this.numbers[FAILURES]! += count;
  }

  addRetries(count: number): void {
    this.numbers[RETRIES]! += count;
  }

  addFallbacks(kind: FallbackKind, count: number): void {
    this.numbers[FALLBACKS[kind]]! += count;
  }

  /** The counts of the buckets of DURATION_BOUNDS. */
  addDurations(counts: readonly number[]): void {
    for (let bucket = 0; bucket < counts.length; bucket++) this.numbers[BUCKETS + bucket]! += counts[bucket]!;
  }

  add(other: Totals): void {
    for (let i = 0; i < TOTALS_LENGTH; i++) this.numbers[i]! += other.numbers[i]!;
  }
}
