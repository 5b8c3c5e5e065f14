import type { Duplex } from 'node:stream';
import { Type, type Static } from '@sinclair/typebox';
import { OutriggerError } from '../errors.js';
import { withAttempt } from './call-context.js';
import { Circuits } from './circuits.js';
import { isInterim, PassThrough, refuse } from './pass-through.js';
import type { CallOptions, Controller, Handler, Permit, Policy, PolicyDeps, ResponseHeaders } from './policy.js';
import { isPermit } from './rules/circuit.js';
import { ClassSet } from './rules/class-set.js';
import { classifyFailure, errorClass, statusClass } from './rules/classify.js';
import { classes, durationOrOff, integer, keyTemplate, mode, positiveDuration, ratio } from './rules/option-types.js';
import { parseRetryAfter } from './rules/retry-after.js';

/** Refuses attempts at an endpoint that keeps failing, so that it can recover and callers need not wait. Inside retry and the endpoint choice: it counts attempts, each at its own endpoint. */
export const CircuitBreakerOptions = Type.Object(
  {
    failureRate: ratio('70%', 'The share of failed attempts at or above which the circuit opens.'),
    slowCallRate: ratio('100%', 'The share of slow attempts at or above which the circuit opens.'),
    slowCallDuration: durationOrOff('off', 'An attempt whose head took longer is slow; off: none is.'),
    consecutiveFailures: integer(
      15,
      'The circuit also opens after so many failures in a row within the window; 0: off.',
      // Each has its time kept.
      { minimum: 0, maximum: 10_000 },
    ),
    minimumCalls: integer(20, 'Attempts in the window before a rate counts.', { minimum: 1 }),
    window: positiveDuration('10s', 'The time over which attempts are counted, in 10 buckets.'),
    openFor: positiveDuration('1s', 'How long the circuit is open the first time; doubles at each re-opening.'),
    maxOpenFor: positiveDuration('5s', 'It is never open longer before it lets calls through again.'),
    probeShare: ratio(
      '5%',
      'The share of the calls that arrive while open that go through as probes: load that does not grow with the fleet.',
    ),
    halfOpenProbes: integer(3, 'Calls let through at once while half-open; it closes when all succeed.', {
      minimum: 1,
    }),
    failOn: classes(
      ['connect-failure', 'reset', 'timeout', 'bad-response'],
      ['connect-failure', 'reset', 'timeout', 'bad-response', '5xx'],
      'What counts as a failure: classes and statuses.',
    ),
    key: keyTemplate('{endpoint}', 'What has a circuit of its own.'),
    maxKeys: integer(1000, 'Circuits kept at most; the least recently used closed one is forgotten.', { minimum: 1 }),
    mode: mode(),
  },
  { additionalProperties: false, description: 'Refuses attempts at an endpoint that keeps failing.' },
);
export type CircuitBreakerOptions = Static<typeof CircuitBreakerOptions>;

/** What the app is told when no circuit admits its call. */
export function circuitOpenError(retryAfterMs: number, forced: boolean): OutriggerError {
  return forced
    ? new OutriggerError('circuit-open', 'the circuit is forced open', { retryAfterMs, reason: 'forced' })
    : new OutriggerError('circuit-open', 'the circuit is open', { retryAfterMs });
}

/**
 * @param circuits shared with the endpoint choice, which has asked them already; without one, this policy asks itself
 */
export function circuitBreaker(
  options: CircuitBreakerOptions,
  deps: PolicyDeps,
  circuits = new Circuits(options, deps, { upstream: '-', longestAttemptMs: Infinity }),
): Policy {
  const failOn = new ClassSet(options.failOn);
  return (dispatch) => (given: CallOptions, handler) => {
    const opts = withAttempt(given, deps.clock);
    const { attempt } = opts;
    const admission = attempt.permit ?? circuits.admit(attempt, attempt.endpoint?.label ?? String(opts.origin ?? '-'));
    if (!isPermit(admission)) {
      deps.emit({ type: 'circuit-refusal', call: attempt.call });
      return refuse(handler, circuitOpenError(admission.retryAfterMs, admission.forced === true));
    }
    return dispatch(opts, new CircuitHandler(handler, admission, failOn, deps));
  };
}

/** Tells the circuit how the attempt ended. */
class CircuitHandler extends PassThrough {
  readonly #permit: Permit;
  readonly #failOn: ClassSet;
  readonly #deps: PolicyDeps;

  constructor(next: Handler, permit: Permit, failOn: ClassSet, deps: PolicyDeps) {
    super(next);
    this.#permit = permit;
    this.#failOn = failOn;
    this.#deps = deps;
  }

  override onRequestUpgrade(controller: Controller, status: number, headers: ResponseHeaders, socket: Duplex): void {
    this.#permit.success(this.#deps.clock.now());
    super.onRequestUpgrade(controller, status, headers, socket);
  }

  override onResponseStart(controller: Controller, status: number, headers: ResponseHeaders, text?: string): void {
    if (!isInterim(status)) this.#answered(status, headers);
    super.onResponseStart(controller, status, headers, text);
  }

  override onResponseError(controller: Controller, error: Error): void {
    const now = this.#deps.clock.now();
    // Neither way: the client went, the deadline cut it, or it was refused further down.
    if (this.#failOn.hasClass(errorClass(classifyFailure(error, 'sent')))) this.#permit.failure(now);
    else this.#permit.ignore(now);
    super.onResponseError(controller, error);
  }

  /** The head decides: a stream may go on for hours. If its body breaks later, the success is taken back. */
  #answered(status: number, headers: ResponseHeaders): void {
    const { clock } = this.#deps;
    const now = clock.now();
    const result = statusClass(status);
    if (this.#failOn.has({ result, status })) {
      this.#permit.failure(now, parseRetryAfter(headers, clock.wallNow()));
    } else if (result === '429') {
      this.#permit.ignore(now);
    } else {
      this.#permit.success(now);
    }
  }
}
