/** What bounds one attempt, in milliseconds. */
export interface AttemptBounds {
  /** Until its head; Infinity without an attempt timeout. */
  readonly limitMs: number;
  /** For a place. */
  readonly queueMs: number;
}

/** What bounds the hedges beside an attempt. */
export interface HedgeBounds {
  /** Undefined: a percentile, which may be any time that an attempt takes. */
  readonly delayMs: number | undefined;
  readonly max: number;
}

/** An attempt with its hedges at its worst. */
export interface Race {
  /** Until the last of them has failed, in milliseconds. */
  readonly longestMs: number;
  /** How many hedges it can have. */
  readonly hedges: number;
}

/**
 * An attempt that takes as long as it may, and its hedges, each at its time while one of them still runs. The first waits
 * for a place and hedges don't: one that finds none is not made.
 */
export function raceAtWorst({ limitMs, queueMs }: AttemptBounds, hedge: HedgeBounds | undefined): Race {
  const aloneMs = queueMs + limitMs;
  if (hedge === undefined) return { longestMs: aloneMs, hedges: 0 };
  const { delayMs, max } = hedge;
  // The slowest percentile is just below the longest attempt, in which waiting for a place is counted.
  if (delayMs === undefined) return { longestMs: Math.max(aloneMs, max * limitMs) + limitMs, hedges: max };
  // Of two timers that are due at once, either may be the first.
  if (delayMs <= limitMs) return { longestMs: Math.max(queueMs, max * delayMs) + limitMs, hedges: max };
  // Only what waited for a place still runs then, and at most one hedge falls into the time in which it runs.
  if (delayMs > aloneMs) return { longestMs: aloneMs, hedges: 0 };
  const last = Math.min(max, Math.floor(aloneMs / delayMs));
  return { longestMs: Math.max(aloneMs, last * delayMs + limitMs), hedges: 1 };
}
