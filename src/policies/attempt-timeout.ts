import { Type, type Static } from '@sinclair/typebox';
import { OutriggerError } from '../errors.js';
import { withAttempt } from './call-context.js';
import { HeadTimer } from './head-timer.js';
import { refuse } from './pass-through.js';
import type { Call, CallOptions, Controller, Handler, Policy, PolicyDeps } from './policy.js';
import { positiveDuration } from './rules/option-types.js';
import { LEAST_ATTEMPT_MS } from './rules/retry-decision.js';
import { TimerQueue } from './rules/timer-queue.js';
import { parseDuration } from './rules/units.js';

/** Ends an attempt that has no head in time, so that the next one can be made. Inside the circuit breaker: the circuit counts what timed out. */
export const AttemptTimeoutOptions = Type.Object(
  {
    attemptTimeout: positiveDuration(
      '9s',
      "One attempt, from its dispatch until its response's head; starts when the request's body is in.",
    ),
  },
  { additionalProperties: false },
);
export type AttemptTimeoutOptions = Static<typeof AttemptTimeoutOptions>;

export function attemptTimeout(options: AttemptTimeoutOptions, deps: PolicyDeps): Policy {
  const limitMs = parseDuration(options.attemptTimeout);
  const queue = new TimerQueue(deps.clock, limitMs);
  return (dispatch) => (given: CallOptions, handler) => {
    const opts = withAttempt(given, deps.clock);
    const { attempt } = opts;
    const leftMs = attempt.call.deadlineAt - deps.clock.now();
    if (leftMs < LEAST_ATTEMPT_MS) {
      return refuse(handler, new OutriggerError('deadline', 'no time is left for another attempt'));
    }
    attempt.timeLeftMs = Math.min(limitMs, leftMs);
    return dispatch(opts, new AttemptTimeoutHandler(handler, attempt.call, queue, deps).watch(attempt.call.body));
  };
}

class AttemptTimeoutHandler extends HeadTimer {
  readonly #call: Call;
  readonly #emit: PolicyDeps['emit'];
  #startedAt = Infinity;

  constructor(next: Handler, call: Call, queue: TimerQueue, deps: PolicyDeps) {
    super(next, queue, deps.clock);
    this.#call = call;
    this.#emit = deps.emit;
  }

  protected override started(now: number): void {
    this.#startedAt = now;
  }

  protected override expired(): Error {
    this.#emit({ type: 'timeout', call: this.#call, kind: 'attempt' });
    return this.#tooLate();
  }

  override onResponseError(controller: Controller, error: Error): void {
    // The deadline may end an attempt in the same moment in which its own time is over: then the upstream was too slow.
    const ranOut = isDeadline(error) && this.clock.now() - this.#startedAt >= this.limitMs;
    super.onResponseError(controller, ranOut ? this.#tooLate() : error);
  }

  #tooLate(): OutriggerError {
    return new OutriggerError('timeout', `no answer within ${this.limitMs} ms`);
  }
}

function isDeadline(error: Error): boolean {
  return error instanceof OutriggerError && error.code === 'deadline';
}
