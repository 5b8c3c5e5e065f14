import { Type, type Static } from '@sinclair/typebox';
import { withCall } from './call-context.js';
import type { CallOptions, Policy, PolicyDeps } from './policy.js';
import { RetryCall, type RetryPlan, type RetryScope } from './retry-call.js';
import type { BackoffRules } from './rules/backoff.js';
import { ClassSet } from './rules/class-set.js';
import { choice, classes, duration, flag, headerNames, integer, methods, mode, size } from './rules/option-types.js';
import type { RetryRules } from './rules/retry-decision.js';
import { parseDuration, parseSize } from './rules/units.js';

/** Methods that may be sent twice by their meaning (RFC 9110, 9.2.2). */
export const IDEMPOTENT_METHODS: readonly string[] = ['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE'];

/** How long to wait before the next attempt. */
export const BackoffOptions = Type.Object(
  {
    strategy: choice(
      ['fixed', 'linear', 'exponential', 'sequence'],
      'exponential',
      'How the wait grows: fixed `base`; linear, `base` times the attempt; exponential, times `factor` at each; sequence, as listed in `delays`.',
    ),
    base: duration('100ms', 'The first wait.'),
    factor: Type.Number({ description: 'What the wait is multiplied by at each attempt.', default: 2, minimum: 1 }),
    max: duration('5s', 'No wait that grows (linear, exponential) is longer.'),
    jitter: choice(
      ['none', 'full', 'equal', 'decorrelated'],
      'full',
      'Chance in the wait v, so that clients do not return together: full, from 0 to v; equal, from v/2 to v; decorrelated, from `base` to three times the last wait (exponential only).',
    ),
    delays: Type.Optional(
      Type.Array(duration(undefined, 'One wait.'), {
        description: 'The waits of the strategy `sequence`; the last repeats.',
        minItems: 1,
      }),
    ),
  },
  { additionalProperties: false, description: 'How long to wait before the next attempt.' },
);
export type BackoffOptions = Static<typeof BackoffOptions>;

/** Makes a failed attempt again, after a back-off. Outside everything that concerns one attempt, inside the deadline: it must see each attempt's outcome, and its waits count against the call's time. */
export const RetryOptions = Type.Object(
  {
    maxAttempts: integer(3, 'Attempts in all, the first included.', { minimum: 1, maximum: 100 }),
    on: classes(
      ['connect-failure', 'reset', 'timeout', 'bad-response'],
      ['connect-failure', 'reset', 'timeout', '429', '502', '503', '504'],
      'What is retried: classes of failures, statuses, and answers of 400 or above that bear a header.',
      true,
    ),
    methods: methods(
      IDEMPOTENT_METHODS,
      'Methods that may be sent twice. A connect-failure is retried whatever the method, as nothing was sent.',
    ),
    idempotencyKeys: headerNames(
      ['idempotency-key'],
      'A request that bears one of these headers may be retried whatever its method.',
    ),
    backoff: BackoffOptions,
    retryAfter: Type.Object(
      {
        honor: flag(true, 'Whether the Retry-After of a 429 or 503 replaces the back-off if it is longer.'),
        max: duration('30s', 'A longer Retry-After is not waited for: the answer goes to the app.'),
      },
      { additionalProperties: false, description: 'What the Retry-After of an answer does.' },
    ),
    maxBodySize: size('64KiB', 'A larger request body is streamed once and not retried.'),
    mode: mode(),
  },
  { additionalProperties: false, description: 'Makes a failed attempt again, after a back-off.' },
);
export type RetryOptions = Static<typeof RetryOptions>;

export function retry(options: RetryOptions, deps: PolicyDeps, scope: RetryScope = {}): Policy {
  const { budgets, enabled, untried } = scope;
  const rules = retryRules(options);
  const on = new ClassSet(options.on);
  return (dispatch) => {
    const plan: RetryPlan = { budgets, enabled, untried, rules, on, shadow: options.mode === 'shadow', deps, dispatch };
    return (given: CallOptions, handler) => {
      const opts = withCall(given, deps.clock);
      const { call } = opts;
      budgets?.for(call).deposit(deps.clock.now());
      // A connection that is to be upgraded is one attempt.
      if (typeof opts.upgrade === 'string') return dispatch(opts, handler);
      new RetryCall(plan, call, opts, handler).start();
      return true;
    };
  };
}

/** What a retry policy goes by. Throws a RangeError for an option that is no duration or size. */
export function retryRules(options: RetryOptions): RetryRules {
  return {
    maxAttempts: options.maxAttempts,
    methods: new Set(options.methods),
    idempotencyKeys: options.idempotencyKeys.map((name) => name.toLowerCase()),
    backoff: backoffRules(options.backoff),
    honorRetryAfter: options.retryAfter.honor,
    maxRetryAfterMs: parseDuration(options.retryAfter.max),
    wouldKeepBytes: options.mode === 'shadow' ? parseSize(options.maxBodySize) : undefined,
  };
}

/** The options in milliseconds. Throws a RangeError for one that is no duration. */
export function backoffRules(options: BackoffOptions): BackoffRules {
  return {
    strategy: options.strategy,
    baseMs: parseDuration(options.base),
    factor: options.factor,
    maxMs: parseDuration(options.max),
    jitter: options.jitter,
    delaysMs: (options.delays ?? []).map(parseDuration),
  };
}
