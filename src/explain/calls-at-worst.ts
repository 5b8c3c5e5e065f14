import { LEAST_ATTEMPT_MS } from '../policies/rules/retry-decision.js';
import type { Race } from './attempt-race.js';

/** What bounds a call to its own upstream. */
export interface CallBounds {
  /** The deadline, in milliseconds; Infinity: none. */
  readonly deadlineMs: number;
  /** An attempt that another one follows, with its hedges; and the last one. */
  readonly retried: Race;
  readonly last: Race;
  /** The shortest and the longest wait after each attempt but the last, in milliseconds. */
  readonly waits: readonly Wait[];
  /** The soonest that a hedge can follow what came before it, in milliseconds. */
  readonly hedgeDelayMs: number;
}

export interface Wait {
  readonly shortestMs: number;
  readonly longestMs: number;
}

/** A call at its worst. Time and attempts may be those of different calls: what fails fast leaves time for more. */
export interface CallAtWorst {
  /** In milliseconds, until the last attempt has failed or the deadline is over. */
  readonly longestMs: number;
  /** The same without the deadline. */
  readonly unboundedMs: number;
  readonly retries: number;
  readonly hedges: number;
  /** Hedges and the first included. */
  readonly attempts: number;
}

/**
 * The worst that an upstream, chance and waiting can make of a call. A wait that would end past the deadline is not begun,
 * so that long waits make fewer attempts; whatever runs at the deadline is cut.
 */
export function callAtWorst({ deadlineMs, retried, last, waits, hedgeDelayMs }: CallBounds): CallAtWorst {
  let retries = 0;
  let hedges = hedgesWithin(deadlineMs, hedgeDelayMs, last.hedges);
  let attempts = 1 + hedges;
  let boundedMs = last.longestMs;
  let unboundedMs = boundedMs;
  let waitedMs = 0;
  for (const [index, { shortestMs, longestMs }] of waits.entries()) {
    unboundedMs += retried.longestMs + longestMs;
    waitedMs += shortestMs;
    if (waitedMs + LEAST_ATTEMPT_MS > deadlineMs) continue;
    retries = index + 1;
    boundedMs = unboundedMs;
    const most = retries * retried.hedges + last.hedges;
    const made = hedgesWithin(deadlineMs - waitedMs, hedgeDelayMs, most);
    hedges = Math.max(hedges, made);
    attempts = Math.max(attempts, 1 + retries + made);
  }
  return { longestMs: Math.min(deadlineMs, boundedMs), unboundedMs, retries, hedges, attempts };
}

/** A hedge needs the time before it, and as much left as any attempt. */
function hedgesWithin(leftMs: number, delayMs: number, most: number): number {
  const fit = delayMs === 0 ? Infinity : Math.floor((leftMs - LEAST_ATTEMPT_MS) / delayMs);
  return Math.max(0, Math.min(most, fit));
}
