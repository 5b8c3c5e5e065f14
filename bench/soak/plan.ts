/** What the soak does, and what its processes tell each other. */

/** The shares of the attempts that go wrong, drawn with a seeded random; the rest is answered with 200 at once. */
export const FAULTS = {
  /** 503 */
  unavailable: 0.05,
  /** A reset instead of an answer. */
  reset: 0.02,
  /** No answer at all. */
  never: 0.005,
  /** A body in pieces, SLOW_PIECE_MS apart. */
  slow: 0.01,
  /** A reset in the middle of the body. */
  cut: 0.005,
} as const;

export const SLOW_PIECE_MS = 100;

/** One window of the load, as the load saw it. */
export interface LoadWindow {
  readonly calls: number;
  /** Whole answers with status 200. */
  readonly good: number;
  /** Calls that were due while too many were under way: the machine was too busy. */
  readonly unmade: number;
  /** Times from sending until the head, in milliseconds, of the calls that took one attempt: no back-off, no hang. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** The most that a call was sent after it was due, in milliseconds: if that is long, p99 tells of the machine. */
  readonly latestMs: number;
}

/** One window, with what was seen of the proxy meanwhile. */
export interface SoakWindow extends LoadWindow {
  /** Bytes; the highest. */
  readonly rss: number;
  /** Bytes in use right after collections: the lowest that was seen. */
  readonly heapFloor: number;
  /** Open file descriptors; the mean. */
  readonly descriptors: number;
}

/** What the proxy's process says of itself. */
export interface Measure {
  /** Bytes in use; after a forced collection, if one was asked for. */
  readonly heap: number;
  readonly rss: number;
  readonly descriptors: number;
  /** What Node warned of, and promises that were rejected with nobody listening. */
  readonly complaints: readonly string[];
}
