import type { FallbackKind } from '../policies/events.js';

/** How a route fared over the last minute. */
export interface RouteFigures extends RouteRates, RouteTimes {}

/** Exact, by the second. */
export interface RouteRates {
  /** Calls that ended. */
  readonly requestsPerSecond: number;
  /** Retries per call. */
  readonly retryRatio: number;
  /** Calls that failed or were refused here, of all. */
  readonly failureRatio: number;
}

/** To within five seconds, times as far as buckets tell. */
export interface RouteTimes {
  /** Milliseconds that half of the calls, and 99 in 100, took at most; undefined without calls. */
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
  /** Calls that a kind of fallback answered, of all. */
  readonly fallbacks: Readonly<Record<FallbackKind, number>>;
}
