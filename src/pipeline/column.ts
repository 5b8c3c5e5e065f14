import { OutriggerError } from '../errors.js';
import { attemptTimeout, type AttemptTimeoutOptions } from '../policies/attempt-timeout.js';
import { circuitBreaker, type CircuitBreakerOptions } from '../policies/circuit-breaker.js';
import { concurrency, type ConcurrencyOptions } from '../policies/concurrency.js';
import { deadline, type DeadlineOptions } from '../policies/deadline.js';
import { fallback, type FallbackOptions } from '../policies/fallback.js';
import type { CallOptions, Dispatch, PolicyDeps } from '../policies/policy.js';
import { retry, type RetryOptions } from '../policies/retry.js';
import { endpointChoice } from '../upstream/endpoint-choice.js';
import { transport } from '../upstream/transport.js';
import type { Upstream } from '../upstream/upstream.js';
import { stack, type Layer } from './compose.js';

/** The policies of a route and of the upstream that it leads to. One that is off is false. */
export interface ColumnOptions {
  readonly fallback: FallbackOptions | false;
  readonly timeout: DeadlineOptions | false;
  readonly retry: RetryOptions | false;
  readonly concurrency: ConcurrencyOptions | false;
  readonly circuitBreaker: CircuitBreakerOptions | false;
  readonly attemptTimeout: AttemptTimeoutOptions | false;
}

/** What a column shares with others. */
export interface ColumnScope {
  readonly upstream: Upstream;
  /** The operator's switch for this route's retries and hedges. */
  readonly retriesEnabled?: () => boolean;
}

/** The column of one route, outermost first: the order is the design (architecture.md, 'The one picture'). */
export function column(options: ColumnOptions, scope: ColumnScope, deps: PolicyDeps): readonly Layer[] {
  const { upstream, retriesEnabled } = scope;
  const { circuits, limiters, budgets } = upstream;
  const on = <Options, Result>(option: Options | false, make: (option: Options) => Result): Result | undefined =>
    option === false ? undefined : make(option);
  return [
    {
      name: 'fallback',
      why: 'it answers whatever failed below it, once nothing more is tried',
      policy: on(options.fallback, (option) => fallback(option, deps)),
    },
    {
      name: 'deadline',
      why: 'it covers attempts, back-off and queueing',
      policy: on(options.timeout, (option) => deadline(option, deps)),
    },
    {
      name: 'retry',
      why: "it must see each attempt's outcome, and makes everything below it once per attempt",
      policy: on(options.retry, (option) => retry(option, deps, { budgets, enabled: retriesEnabled })),
    },
    {
      name: 'concurrency',
      why: 'a place is taken before an endpoint is chosen: a choice made before waiting would be stale',
      policy: on(options.concurrency, (option) => concurrency(option, deps, limiters)),
    },
    {
      name: 'endpoint',
      why: "it asks each endpoint's circuit, so that a dead one is passed by",
      policy: endpointChoice({ usable: () => upstream.usable(), balancer: upstream.balancer, circuits }, deps),
    },
    {
      name: 'circuit breaker',
      why: 'it counts attempts, not calls, each at the endpoint that was chosen',
      policy: on(options.circuitBreaker, (option) => circuitBreaker(option, deps, circuits)),
    },
    {
      name: 'attempt timeout',
      why: 'what it cuts off counts against the circuit; waiting for a place does not',
      policy: on(options.attemptTimeout, (option) => attemptTimeout(option, deps)),
    },
    {
      name: 'transport',
      why: "it speaks undici's language below and ours above",
      policy: transport(deps),
    },
  ];
}

/** The dispatch function of one route, from its outermost policy down to the pool of the endpoint that is chosen. */
export function pipeline(layers: readonly Layer[]): Dispatch {
  return stack(
    layers.map((layer) => layer.policy),
    intoPool,
  );
}

function intoPool(opts: CallOptions, handler: Parameters<Dispatch>[1]): boolean {
  const endpoint = opts.attempt?.endpoint;
  if (endpoint === undefined) throw new OutriggerError('internal', 'an attempt reached the pools without an endpoint');
  return endpoint.dispatcher.dispatch(opts, handler);
}
