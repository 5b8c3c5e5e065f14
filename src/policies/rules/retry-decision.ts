import type { Random } from '../../runtime/random.js';
import type { ResultClass, SuppressedReason } from '../events.js';
import type { Call, RequestBody } from '../policy.js';
import { backoffDelay, type BackoffRules } from './backoff.js';

/** An attempt that has less time than this is not made, in milliseconds. */
export const LEAST_ATTEMPT_MS = 1;

export interface RetryRules {
  readonly maxAttempts: number;
  readonly methods: ReadonlySet<string>;
  /** Header names in lower case. */
  readonly idempotencyKeys: readonly string[];
  readonly backoff: BackoffRules;
  readonly honorRetryAfter: boolean;
  readonly maxRetryAfterMs: number;
  /** In shadow mode no body is kept for retries: bodies of up to so many bytes would have been. */
  readonly wouldKeepBytes?: number | undefined;
}

/** A failed attempt, as far as the decision depends on it. */
export interface FailedAttempt {
  /** From 1. */
  readonly number: number;
  readonly result: ResultClass;
  /** What the answer's Retry-After asks for, on 429 and 503. */
  readonly retryAfterMs: number | undefined;
  /** The back-off before this attempt, without Retry-After; undefined for the first. */
  readonly previousDelayMs: number | undefined;
}

export type RetryVerdict =
  | { readonly retry: true; readonly delayMs: number; readonly backoffMs: number }
  | { readonly retry: false; readonly reason: SuppressedReason };

/** A call, as far as the decision depends on it. */
export type DecidedCall = Pick<Call, 'method' | 'header' | 'deadlineAt'> & {
  readonly body: Pick<RequestBody, 'state' | 'notKept'>;
};

/** Whether a request may be sent twice (RFC 9110, 9.2.2; the IETF Idempotency-Key draft). */
function isReplayable(rules: RetryRules, call: DecidedCall): boolean {
  return rules.methods.has(call.method) || rules.idempotencyKeys.some((name) => call.header(name) !== undefined);
}

/** A wait that was asked for is longer by up to this share, so that clients do not return together. */
export const RETRY_AFTER_SPREAD = 0.1;

/**
 * Whether a failure that is worth a retry gets one, and after which wait. The budget is not asked here: asking it takes a
 * place, so it comes last.
 */
export function decideRetry(
  rules: RetryRules,
  call: DecidedCall,
  failed: FailedAttempt,
  isRetryItself: boolean,
  now: number,
  random: Random,
): RetryVerdict {
  const unsent = failed.result === 'connect-failure';
  if (!unsent && !isReplayable(rules, call)) return suppressed('method');
  // Layers that retry multiply; a call that is a retry already is the layer above's to repeat.
  if (!unsent && isRetryItself) return suppressed('already-a-retry');
  const lost = wouldBeKept(rules, call) ? undefined : bodyLost(call.body, unsent);
  if (lost !== undefined) return suppressed(lost);
  if (failed.number >= rules.maxAttempts) return suppressed('attempts');

  const backoffMs = backoffDelay(rules.backoff, failed.number, failed.previousDelayMs, random);
  const asked = rules.honorRetryAfter ? failed.retryAfterMs : undefined;
  if (asked !== undefined && asked > rules.maxRetryAfterMs) return suppressed('retry-after');
  // A tenth more at most, so that clients that were told the same do not return together.
  const delayMs = asked !== undefined && asked >= backoffMs ? asked * (1 + random() * RETRY_AFTER_SPREAD) : backoffMs;
  if (now + delayMs + LEAST_ATTEMPT_MS > call.deadlineAt) return suppressed('deadline');
  return { retry: true, delayMs, backoffMs };
}

function suppressed(reason: SuppressedReason): RetryVerdict {
  return { retry: false, reason };
}

function wouldBeKept({ wouldKeepBytes }: RetryRules, call: DecidedCall): boolean {
  if (wouldKeepBytes === undefined) return false;
  const length = call.header('content-length');
  return length !== undefined && Number(length) <= wouldKeepBytes;
}

/** Why the body can't be sent again; undefined if it can. */
function bodyLost(body: DecidedCall['body'], unsent: boolean): SuppressedReason | undefined {
  switch (body.state) {
    case 'none':
    case 'kept':
      return undefined;
    case 'streaming':
      return unsent ? undefined : (body.notKept ?? 'committed');
    case 'consumed':
      return body.notKept ?? 'committed';
  }
}
