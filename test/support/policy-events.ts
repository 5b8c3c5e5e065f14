import type { CallEvent, CallOutcome, EventOf, ResultClass, RetryReason } from '../../src/policies/events.js';
import type { Attempt, AttemptEndpoint, Call, RequestBody } from '../../src/policies/policy.js';

/** A body that is not there. */
const NO_BODY: RequestBody = {
  state: 'none',
  notKept: undefined,
  complete: true,
  onComplete(callback) {
    callback();
    return () => undefined;
  },
  forAttempt: () => null,
  release: () => undefined,
};

/** A call as the edge would make it, for tests of those who only listen. */
export function fakeCall(over: Partial<Call> = {}): Call {
  const call: Call = {
    route: 'charge',
    upstream: 'payments',
    method: 'GET',
    host: 'payments.internal',
    path: '/v1/charges',
    startedAt: 0,
    traceId: undefined,
    trace: undefined,
    get root() {
      return call;
    },
    body: NO_BODY,
    forwarded: [],
    header: () => undefined,
    deadlineAt: Infinity,
    attempts: 0,
    sent: false,
    retries: 0,
    tried: [],
    suppressed: [],
    fallback: undefined,
    ...over,
  };
  return call;
}

export function fakeAttempt(call: Call, endpoint: string | undefined, number = 1, retryReason?: RetryReason): Attempt {
  const at: AttemptEndpoint | undefined =
    endpoint === undefined
      ? undefined
      : { label: endpoint, origin: endpoint, dispatcher: { dispatch: () => true }, internalHeaders: true };
  return {
    call,
    number,
    hedge: false,
    retryReason,
    endpoint: at,
    permit: undefined,
    mayRepeat: undefined,
    waiting: undefined,
    timeLeftMs: 1_000,
  };
}

export function callEvent(call: Call, outcome: CallOutcome, status: number, durationMs = 1): CallEvent {
  return { type: 'call', call, outcome, status, error: undefined, durationMs };
}

export function attemptEvent(attempt: Attempt, result: ResultClass, durationMs = 1): EventOf<'attempt'> {
  return { type: 'attempt', attempt, result, status: undefined, error: undefined, durationMs };
}

export function retryEvent(attempt: Attempt, reason: ResultClass, delayMs: number): EventOf<'retry'> {
  return { type: 'retry', attempt, maxAttempts: 3, reason, status: undefined, error: undefined, delayMs };
}
