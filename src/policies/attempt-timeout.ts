import { Type, type Static } from '@sinclair/typebox';
import { OutriggerError } from '../errors.js';
import { AdaptiveAttempt } from './adaptive-attempt.js';
import { AttemptTimer } from './attempt-timer.js';
import { withAttempt } from './call-context.js';
import { refuse } from './pass-through.js';
import type { Attempt, CallOptions, Handler, Policy, PolicyDeps } from './policy.js';
import { AdaptiveTimeout } from './rules/adaptive-timeout.js';
import { percentile, percentileShare, positiveDuration } from './rules/option-types.js';
import { LEAST_ATTEMPT_MS } from './rules/retry-decision.js';
import { TimerQueue } from './rules/timer-queue.js';
import { parseDuration } from './rules/units.js';

/** A timeout that follows what is seen. */
export const AdaptiveTimeoutOptions = Type.Object(
  {
    percentile: percentile('p99', "Of the times until the heads of the route's latest 1000 good answers."),
    factor: Type.Number({
      description: 'How many times that an attempt is given.',
      default: 3,
      minimum: 1,
      maximum: 1_000,
    }),
    min: positiveDuration('250ms', 'It is never given less.'),
    max: positiveDuration(
      '9s',
      'It is never given more; nor less until 20 answers were seen. One at a time of those that run out of time goes on so long, to find out whether the service hangs or has become slow.',
    ),
  },
  { additionalProperties: false, description: 'Follows how long the answers of the route take.' },
);
export type AdaptiveTimeoutOptions = Static<typeof AdaptiveTimeoutOptions>;

/** Ends an attempt that has no head in time, so that the next one can be made. Inside the circuit breaker: the circuit counts what timed out. */
export const AttemptTimeoutOptions = Type.Object(
  {
    attemptTimeout: Type.Union([positiveDuration(undefined, 'The same for every attempt.'), AdaptiveTimeoutOptions], {
      description:
        "One attempt, from its dispatch until its response's head; starts when the request's body is in. A map: it follows how long answers take.",
      default: '9s',
    }),
  },
  { additionalProperties: false },
);
export type AttemptTimeoutOptions = Static<typeof AttemptTimeoutOptions>;

/** The longest that an attempt can be given, in milliseconds. */
export function longestAttemptMs({ attemptTimeout }: AttemptTimeoutOptions): number {
  return parseDuration(typeof attemptTimeout === 'string' ? attemptTimeout : attemptTimeout.max);
}

/** Whether the time that an attempt is given follows those before it. */
export function isAdaptive(options: AttemptTimeoutOptions | false): boolean {
  return options !== false && typeof options.attemptTimeout !== 'string';
}

/** What is seen of the times of a route's attempts at one upstream; undefined for a timeout that follows nothing. */
export function adaptiveTimeoutFor({ attemptTimeout }: AttemptTimeoutOptions): AdaptiveTimeout | undefined {
  if (typeof attemptTimeout === 'string') return undefined;
  const share = percentileShare(attemptTimeout.percentile);
  if (share === undefined) throw new RangeError(`'${attemptTimeout.percentile}' is not a percentile`);
  return new AdaptiveTimeout({
    share,
    factor: attemptTimeout.factor,
    minMs: parseDuration(attemptTimeout.min),
    maxMs: parseDuration(attemptTimeout.max),
  });
}

/** @param seen the times seen so far, where they outlive the policy; only for a timeout that follows them */
export function attemptTimeout(
  options: AttemptTimeoutOptions,
  deps: PolicyDeps,
  seen: AdaptiveTimeout | undefined = adaptiveTimeoutFor(options),
): Policy {
  const longestMs = longestAttemptMs(options);
  const timer = seen === undefined ? fixedTimer(longestMs, deps) : AdaptiveAttempt.maker(seen, deps);
  return (dispatch) => (given: CallOptions, handler) => {
    const opts = withAttempt(given, deps.clock);
    const { attempt } = opts;
    const leftMs = attempt.call.deadlineAt - deps.clock.now();
    if (leftMs < LEAST_ATTEMPT_MS) {
      return refuse(handler, new OutriggerError('deadline', 'no time is left for another attempt'));
    }
    // Not what it is given for now: a service that gave up by itself then would never be seen to be slow.
    attempt.timeLeftMs = Math.min(longestMs, leftMs);
    return dispatch(opts, timer(handler, attempt).watch(attempt.call.body));
  };
}

function fixedTimer(limitMs: number, deps: PolicyDeps): (next: Handler, attempt: Attempt) => AttemptTimer {
  const queue = TimerQueue.shared(deps.clock, limitMs);
  return (next, { call }) => new AttemptTimer(next, call, queue, deps);
}
