import type { ResolvedRoute } from '../config/config.js';
import { backoffRules } from '../policies/retry.js';
import { backoffDelay, longestDelay, longestDelays } from '../policies/rules/backoff.js';
import { ClassSet } from '../policies/rules/class-set.js';
import { statusClass } from '../policies/rules/classify.js';
import { RETRY_AFTER_SPREAD } from '../policies/rules/retry-decision.js';
import { parseDuration } from '../policies/rules/units.js';
import type { Wait } from './calls-at-worst.js';

type Retry = ResolvedRoute['retry'];

/** What answers that ask to wait can add to the back-offs, in milliseconds. */
export interface RetryAfterShare {
  /** One wait, in place of a back-off. */
  readonly eachMs: number;
  readonly longestMs: number;
}

/** The waits between all attempts, where they are made again after `on`; none if they are not. */
export function waitsAfter(retry: Retry, on: readonly string[]): readonly Wait[] {
  if (retry === false || on.length === 0) return [];
  const rules = backoffRules(retry.backoff);
  const askedMs = longestAsked(retry, on) ?? 0;
  return Array.from({ length: retry.maxAttempts - 1 }, (_, index) => ({
    shortestMs: backoffDelay(rules, index + 1, undefined, () => 0),
    longestMs: Math.max(longestDelay(rules, index + 1), askedMs),
  }));
}

/** The sum, in milliseconds, of the longest back-offs before so many retries, without Retry-After. */
export function longestBackoffs(retry: Retry, retries: number): number {
  return retry === false ? 0 : longestDelays(backoffRules(retry.backoff), retries);
}

/** What Retry-After can add; undefined where it is not listened to. */
export function retryAfterShare(retry: Retry, on: readonly string[]): RetryAfterShare | undefined {
  const eachMs = longestAsked(retry, on);
  if (eachMs === undefined) return undefined;
  const waits = waitsAfter(retry, on);
  const asked = waits.reduce((sum, wait) => sum + wait.longestMs, 0);
  return { eachMs, longestMs: asked - longestBackoffs(retry, waits.length) };
}

/** The longest wait that an answer can ask for. */
function longestAsked(retry: Retry, on: readonly string[]): number | undefined {
  if (retry === false || !retry.retryAfter.honor) return undefined;
  const set = new ClassSet(on);
  const asks = [429, 503].some((status) => set.has({ result: statusClass(status), status }));
  return asks || set.headers.length > 0 ? parseDuration(retry.retryAfter.max) * (1 + RETRY_AFTER_SPREAD) : undefined;
}
