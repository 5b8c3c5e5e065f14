import { Type, type Static } from '@sinclair/typebox';
import { isInternal, OutriggerError } from '../errors.js';
import { appTimeoutMs, withCall } from './call-context.js';
import { HeadTimer } from './head-timer.js';
import type { Call, CallOptions, Controller, Handler, Policy, PolicyDeps } from './policy.js';
import { positiveDuration } from './rules/option-types.js';
import { TimerQueue } from './rules/timer-queue.js';
import { parseDuration } from './rules/units.js';

/** Ends a call that has no answer in time, and tells the upstream how long is left. Outside retry and concurrency: it covers attempts, back-off and queueing. */
export const DeadlineOptions = Type.Object(
  {
    timeout: positiveDuration(
      '30s',
      "The whole call: queueing, attempts and back-off, until the head of the answer; starts when the request's body is in.",
    ),
  },
  { additionalProperties: false },
);
export type DeadlineOptions = Static<typeof DeadlineOptions>;

export function deadline(options: DeadlineOptions, deps: PolicyDeps): Policy {
  const queue = TimerQueue.shared(deps.clock, parseDuration(options.timeout));
  return (dispatch) => (given: CallOptions, handler) => {
    const opts = withCall(given, deps.clock);
    const { call } = opts;
    // The app's own deadline can only shorten ours.
    const appMs = appTimeoutMs(call);
    const due = appMs < queue.delayMs ? new TimerQueue(deps.clock, appMs) : queue;
    return dispatch(opts, new DeadlineHandler(handler, call, due, deps).watch(call.body));
  };
}

/** The handler of a call that must have the head of its answer within `limitMs` milliseconds of its body being in. */
export function withinDeadline(limitMs: number, call: Call, handler: Handler, deps: PolicyDeps): Handler {
  return new DeadlineHandler(handler, call, new TimerQueue(deps.clock, limitMs), deps).watch(call.body);
}

class DeadlineHandler extends HeadTimer {
  readonly #call: Call;
  readonly #emit: PolicyDeps['emit'];
  #exceeded: OutriggerError | undefined;

  constructor(next: Handler, call: Call, queue: TimerQueue, deps: PolicyDeps) {
    super(next, queue, deps.clock);
    this.#call = call;
    this.#emit = deps.emit;
  }

  protected override started(now: number): void {
    this.#call.deadlineAt = now + this.limitMs;
  }

  protected override expired(): Error {
    this.#exceeded = new OutriggerError('deadline', `no answer within the call's ${this.limitMs} ms`);
    this.#emit({ type: 'timeout', call: this.#call, kind: 'deadline' });
    return this.#exceeded;
  }

  override onResponseError(controller: Controller, error: Error): void {
    // Whatever the attempt that was cut says, it is the deadline that ended the call; a bug is not hidden by it.
    super.onResponseError(controller, isInternal(error) ? error : (this.#exceeded ?? error));
  }
}
