import type { Duplex } from 'node:stream';
import { Type, type Static } from '@sinclair/typebox';
import { OutriggerError } from '../errors.js';
import { withAttempt } from './call-context.js';
import { isInterim, PassThrough, refuse } from './pass-through.js';
import type {
  Attempt,
  CallOptions,
  Controller,
  Handler,
  Permit,
  Policy,
  PolicyDeps,
  ResponseHeaders,
} from './policy.js';
import { Circuit, isPermit, type Admission, type CircuitRules, type CircuitSnapshot } from './rules/circuit.js';
import { ClassSet } from './rules/class-set.js';
import { classifyFailure, errorClass, statusClass } from './rules/classify.js';
import { compileKey, KeyedStates, type KeyTemplate } from './rules/keys.js';
import { classes, durationOrOff, integer, keyTemplate, mode, positiveDuration, ratio } from './rules/option-types.js';
import { parseRetryAfter } from './rules/retry-after.js';
import { parseDuration, parseRatio } from './rules/units.js';

/** Refuses attempts at an endpoint that keeps failing, so that it can recover and callers need not wait. Inside retry and the endpoint choice: it counts attempts, each at its own endpoint. */
export const CircuitBreakerOptions = Type.Object(
  {
    failureRate: ratio('50%', 'The share of failed attempts at or above which the circuit opens.'),
    slowCallRate: ratio('100%', 'The share of slow attempts at or above which the circuit opens.'),
    slowCallDuration: durationOrOff('off', 'An attempt whose head took longer is slow; off: none is.'),
    consecutiveFailures: integer(
      20,
      'The circuit also opens after so many failures in a row within the window; 0: off.',
      {
        minimum: 0,
      },
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

/** What the circuits of one upstream need to know besides their options. */
export interface CircuitScope {
  readonly upstream: string;
  /** The longest that an attempt may take to its head: a half-open permit older than this is given back. */
  readonly longestAttemptMs: number;
}

/** One circuit as the admin API and the metrics show it. */
export interface CircuitView extends CircuitSnapshot {
  readonly upstream: string;
  readonly key: string;
}

/** The circuits of one upstream, by key. The endpoint choice asks them; the policy tells them how attempts ended. */
export class Circuits {
  readonly #scope: CircuitScope;
  readonly #deps: PolicyDeps;
  readonly #shadow: boolean;
  readonly #template: KeyTemplate;
  readonly #circuits: KeyedStates<Circuit>;

  constructor(options: CircuitBreakerOptions, deps: PolicyDeps, scope: CircuitScope) {
    this.#scope = scope;
    this.#deps = deps;
    this.#shadow = options.mode === 'shadow';
    this.#template = compileKey(options.key);
    const rules = circuitRules(options, scope);
    this.#circuits = new KeyedStates(
      options.maxKeys,
      (key) => this.#create(key, rules),
      (circuit) => circuit.mayBeForgotten,
    );
  }

  /** Makes the circuits whose keys are known before any call, so that their series exist from the start. */
  prepare(endpoints: readonly string[]): void {
    if (this.#template.perRequest || this.#template.text.includes('{route}')) return;
    for (const endpoint of endpoints) {
      this.#circuits.get(
        this.#template.of({ endpoint, upstream: this.#scope.upstream, route: '', header: () => undefined }),
      );
    }
  }

  /** Forgets the circuits of an endpoint that is gone: an open one would be kept for ever. */
  forget(endpoint: string): void {
    for (const [key] of this.#of(endpoint)) this.#circuits.forget(key);
  }

  /** The endpoint stands for another address now: what was learnt of the old one is dropped; what an operator forced stays. */
  renew(endpoint: string): void {
    const now = this.#deps.clock.now();
    for (const [, circuit] of this.#of(endpoint)) if (!circuit.isForced) circuit.reset(now, 'address-changed');
  }

  /** Asks for leave to send an attempt to an endpoint. In shadow mode it is always given, and a refusal is counted. */
  admit(attempt: Attempt, endpoint: string): Admission {
    const { call } = attempt;
    const key = this.#template.of({
      endpoint,
      upstream: this.#scope.upstream,
      route: call.route,
      header: (name) => call.header(name),
    });
    const admission = this.#circuits.get(key).admit(this.#deps.clock.now());
    if (isPermit(admission) || !this.#shadow) return admission;
    this.#shadowed(call.route, 'would-refuse');
    return NO_OPINION;
  }

  view(): CircuitView[] {
    const now = this.#deps.clock.now();
    return [...this.#circuits.entries()].map(([key, circuit]) => ({
      upstream: this.#scope.upstream,
      key,
      ...circuit.snapshot(now),
    }));
  }

  /** The circuits that a key names; all of them without a key. */
  select(key: string | undefined): Circuit[] {
    if (key === undefined) return [...this.#circuits.entries()].map(([, circuit]) => circuit);
    return [this.#circuits.get(key)];
  }

  /** The circuits of one endpoint alone. */
  #of(endpoint: string): [string, Circuit][] {
    if (!this.#template.perEndpoint) return [];
    const pattern = this.#template.keysOf({ endpoint, upstream: this.#scope.upstream });
    return [...this.#circuits.entries()].filter(([key]) => pattern.test(key));
  }

  #create(key: string, rules: CircuitRules): Circuit {
    const { upstream } = this.#scope;
    const circuit = new Circuit(rules, this.#deps.random, (transition) => {
      // The last attempts at an address that is gone are no news.
      if (this.#circuits.peek(key) !== circuit) return;
      if (this.#shadow && transition.to === 'open') this.#shadowed('-', 'would-open');
      this.#deps.emit({ type: 'circuit', upstream, key, ...transition });
    });
    return circuit;
  }

  #shadowed(route: string, action: 'would-open' | 'would-refuse'): void {
    this.#deps.emit({ type: 'shadow', route, upstream: this.#scope.upstream, policy: 'circuitBreaker', action });
  }
}

function circuitRules(options: CircuitBreakerOptions, scope: CircuitScope): CircuitRules {
  const openForMs = parseDuration(options.openFor);
  return {
    failureRate: parseRatio(options.failureRate),
    slowCallRate: parseRatio(options.slowCallRate),
    slowCallMs: options.slowCallDuration === 'off' ? undefined : parseDuration(options.slowCallDuration),
    consecutiveFailures: options.consecutiveFailures,
    minimumCalls: options.minimumCalls,
    windowMs: parseDuration(options.window),
    openForMs,
    maxOpenForMs: parseDuration(options.maxOpenFor),
    probeShare: parseRatio(options.probeShare),
    halfOpenProbes: options.halfOpenProbes,
    rampMs: openForMs,
    permitMs: scope.longestAttemptMs,
  };
}

/** The permit of an attempt that an open circuit would have refused, had it not been in shadow mode. */
const NO_OPINION: Permit = { success: () => undefined, failure: () => undefined, ignore: () => undefined };

/** What the app is told when no circuit admits its call. */
export function circuitOpenError(retryAfterMs: number): OutriggerError {
  return new OutriggerError('circuit-open', 'the circuit is open', { retryAfterMs });
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
      return refuse(handler, circuitOpenError(admission.retryAfterMs));
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
      this.#permit.failure(now, parseRetryAfter(headers['retry-after'], clock.wallNow()));
    } else if (result === '429') {
      this.#permit.ignore(now);
    } else {
      this.#permit.success(now);
    }
  }
}
