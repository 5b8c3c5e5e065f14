import { isInternal, OutriggerError } from '../errors.js';
import { withAttempt } from '../policies/call-context.js';
import { circuitOpenError } from '../policies/circuit-breaker.js';
import type { Circuits } from '../policies/circuits.js';
import { refuse, UntilOver } from '../policies/pass-through.js';
import type { Attempt, CallOptions, Clock, Controller, Handler, Policy, PolicyDeps } from '../policies/policy.js';
import { isPermit } from '../policies/rules/circuit.js';
import type { Balancer } from './balancing.js';
import type { Endpoint } from './endpoint.js';

/** The endpoints of an upstream and what decides among them. */
export interface EndpointScope {
  /** Those that may be used now: the healthy ones, or all of them when the health checks are not believed. */
  readonly usable: () => readonly Endpoint[];
  readonly balancer: Balancer;
  readonly circuits: Circuits | undefined;
}

/**
 * Chooses where an attempt goes. Inside concurrency, since waiting for a place would make the choice stale; outside the
 * circuit breaker, since it asks each endpoint's circuit: one dead endpoint of two is passed by, and the call is refused
 * only when no circuit admits it. A retry goes to an endpoint that the call has not tried, while there is one.
 */
export function endpointChoice(scope: EndpointScope, deps: PolicyDeps): Policy {
  /** What most calls have tried in the end; where there is one endpoint, the same for all of them. */
  let alone: readonly [Endpoint] | undefined;
  return (dispatch) => (given: CallOptions, handler) => {
    const opts = withAttempt(given, deps.clock);
    const { attempt } = opts;
    const chosen = choose(scope, attempt);
    if (chosen instanceof OutriggerError) {
      // A hedge that is refused is just not made: the call goes on.
      const refused = chosen.code === 'circuit-open' && !attempt.hedge;
      if (refused) deps.emit({ type: 'circuit-refusal', call: attempt.call });
      return refuse(handler, chosen);
    }
    attempt.endpoint = chosen;
    const { tried } = attempt.call;
    if (alone?.[0] !== chosen) alone = [chosen];
    attempt.call.tried = tried.length === 0 ? alone : [...tried, chosen];
    return dispatch(opts, new InFlightHandler(handler, chosen, attempt, deps.clock));
  };
}

function choose(scope: EndpointScope, attempt: Attempt): Endpoint | OutriggerError {
  const all = scope.usable();
  // Only where panic is off: there is an endpoint, but none is well.
  if (all.length === 0)
    return new OutriggerError('circuit-open', 'no endpoint is healthy', { retryAfterMs: 1_000, reason: 'unhealthy' });
  const { tried } = attempt.call;
  const asked = new Asked(scope, attempt, all);
  if (tried.length === 0) return asked.firstAdmitted(all) ?? asked.refusal();
  return (
    asked.firstAdmitted(all.filter((endpoint) => !tried.includes(endpoint))) ??
    (attempt.mayRepeat?.() === false
      ? undefined
      : asked.firstAdmitted(all.filter((endpoint) => tried.includes(endpoint)))) ??
    asked.refusal()
  );
}

/** One round of asking circuits, in the balancer's order. */
class Asked {
  readonly #scope: EndpointScope;
  readonly #attempt: Attempt;
  readonly #all: readonly Endpoint[];
  #soonestMs = Infinity;
  /** Whether an operator forced every circuit that refused. */
  #allForced = true;

  constructor(scope: EndpointScope, attempt: Attempt, all: readonly Endpoint[]) {
    this.#scope = scope;
    this.#attempt = attempt;
    this.#all = all;
  }

  /** Takes the candidates one by one, in the balancer's order, until a circuit admits the attempt. */
  firstAdmitted(candidates: readonly Endpoint[]): Endpoint | undefined {
    const { balancer, circuits } = this.#scope;
    let left = candidates;
    while (left.length > 0) {
      const endpoint = balancer(left, this.#all);
      if (circuits === undefined) return endpoint;
      const admission = circuits.admit(this.#attempt, endpoint.label);
      if (isPermit(admission)) {
        this.#attempt.permit = admission;
        return endpoint;
      }
      this.#soonestMs = Math.min(this.#soonestMs, admission.retryAfterMs);
      this.#allForced &&= admission.forced === true;
      left = left.filter((candidate) => candidate !== endpoint);
    }
    return undefined;
  }

  refusal(): OutriggerError {
    return circuitOpenError(this.#soonestMs, this.#allForced);
  }
}

/** Counts the attempt at its endpoint until its answer's body has ended. */
class InFlightHandler extends UntilOver {
  readonly #endpoint: Endpoint;
  readonly #attempt: Attempt;
  readonly #clock: Clock;

  constructor(next: Handler, endpoint: Endpoint, attempt: Attempt, clock: Clock) {
    super(next);
    this.#endpoint = endpoint;
    this.#attempt = attempt;
    this.#clock = clock;
    endpoint.take();
  }

  override onResponseError(controller: Controller, error: Error): void {
    // Where a layer broke, the circuit may never hear of it.
    if (isInternal(error)) this.#attempt.permit?.ignore(this.#clock.now());
    super.onResponseError(controller, error);
  }

  protected override over(): void {
    this.#endpoint.release();
  }
}
