import { OutriggerError } from '../errors.js';
import { attemptTimeout, type AttemptTimeoutOptions } from '../policies/attempt-timeout.js';
import { circuitBreaker, type CircuitBreakerOptions } from '../policies/circuit-breaker.js';
import { concurrency, type ConcurrencyOptions } from '../policies/concurrency.js';
import { deadline, type DeadlineOptions } from '../policies/deadline.js';
import { fallback, keepsAnswers, type FallbackOptions, type FallbackScope } from '../policies/fallback.js';
import { faultInjection, type FaultInjectionOptions } from '../policies/fault-injection.js';
import { hedge, type HedgeOptions, type HedgeScope } from '../policies/hedge.js';
import type { Call, CallOptions, Dispatch, Policy, PolicyDeps } from '../policies/policy.js';
import { attemptRateLimit, rateLimit, type RateLimitOptions, type RateLimits } from '../policies/rate-limit.js';
import { retry, type RetryOptions } from '../policies/retry.js';
import type { AdaptiveTimeout } from '../policies/rules/adaptive-timeout.js';
import type { HeadTimes } from '../policies/rules/head-times.js';
import { staleInvalidation } from '../policies/stale-invalidation.js';
import { endpointChoice } from '../upstream/endpoint-choice.js';
import { transport } from '../upstream/transport.js';
import type { Upstream } from '../upstream/upstream.js';
import { stack, type Layer } from './compose.js';

/** The policies of one attempt at an upstream: what protects it, and the route's patience. One that is off is false. */
export interface AttemptColumnOptions {
  readonly concurrency: ConcurrencyOptions | false;
  readonly circuitBreaker: CircuitBreakerOptions | false;
  readonly attemptTimeout: AttemptTimeoutOptions | false;
  readonly faults?: FaultInjectionOptions | false;
}

/** The policies of a route and of the upstream that it leads to. One that is off is false. */
export interface ColumnOptions extends AttemptColumnOptions {
  readonly rateLimit?: RateLimitOptions | false;
  readonly fallback: FallbackOptions | false;
  readonly timeout: DeadlineOptions | false;
  readonly retry: RetryOptions | false;
  readonly hedge?: HedgeOptions | false;
}

/** What a column shares with others. */
export interface ColumnScope {
  readonly upstream: Upstream;
  /** The operator's switch for a route's retries and hedges. */
  readonly retriesEnabled?: (route: string) => boolean;
  /** The route's buckets and the head times that its hedges go by, where they outlive this column. */
  readonly rateLimits?: RateLimits;
  readonly headTimes?: HeadTimes;
  /** What is seen of how long attempts take. */
  readonly adaptiveTimeout?: AdaptiveTimeout;
  /** What the route's fallback steps need: the stored answers, and the way to other upstreams. */
  readonly fallback?: Pick<FallbackScope, 'stale' | 'upstream'>;
}

/** The column of one route, outermost first: the order is the design (README, first lines). */
export function column(options: ColumnOptions, scope: ColumnScope, deps: PolicyDeps): readonly Layer[] {
  const { upstream, retriesEnabled } = scope;
  const { budgets } = upstream;
  const replayable = options.retry === false ? undefined : options.retry.methods;
  const untried = ({ tried }: Call) => upstream.usable().some((endpoint) => !tried.includes(endpoint));
  return [
    {
      name: 'rate limit',
      why: 'what it refuses costs nothing and is refused: no fallback answers it',
      policy: on(options.rateLimit, (option) => rateLimit(option, deps, scope.rateLimits)),
    },
    {
      name: 'stale invalidation',
      why: 'a write that succeeds, on this route or by its fallback, makes what other routes keep of its URL untrue',
      policy: invalidation(options, scope, deps),
    },
    {
      name: 'fallback',
      why: 'it answers whatever failed below it, once nothing more is tried',
      policy: on(options.fallback, (option) => fallback(option, deps, { ...scope.fallback, replayable })),
    },
    {
      name: 'deadline',
      why: 'it covers attempts, back-off and queueing',
      policy: on(options.timeout, (option) => deadline(option, deps)),
    },
    {
      name: 'retry',
      why: "it must see each attempt's outcome, and makes everything below it once per attempt",
      policy: on(options.retry, (option) => retry(option, deps, { budgets, enabled: retriesEnabled, untried })),
    },
    {
      name: 'hedge',
      why: 'to a retry an attempt and its hedges are one, with one outcome; below it each has a place and an endpoint',
      policy: on(options.hedge, (option) => hedge(option, deps, hedgeScope(options, scope))),
    },
    ...attemptColumn(options, upstream, deps, scope.adaptiveTimeout),
  ];
}

/** A fallback that keeps answers sees to them itself. */
function invalidation(options: ColumnOptions, scope: ColumnScope, deps: PolicyDeps): Policy | undefined {
  if (options.fallback !== false && keepsAnswers(options.fallback)) return undefined;
  const stale = scope.fallback?.stale;
  return stale === undefined ? undefined : staleInvalidation(stale.stores, deps);
}

/** A retry policy counts the calls in the budget; in shadow mode no attempt is made that would not be made without it. */
function hedgeScope({ retry }: ColumnOptions, { upstream, retriesEnabled, headTimes }: ColumnScope): HedgeScope {
  const enabled = retry !== false && retry.mode === 'shadow' ? () => false : retriesEnabled;
  return { budgets: upstream.budgets, deposits: retry === false, enabled, headTimes };
}

/**
 * The part of a column that makes one attempt at an upstream: a route's own, below retry, or one that a fallback asks.
 *
 * @param seen how long attempts took, where that outlives the column
 */
export function attemptColumn(
  options: AttemptColumnOptions,
  upstream: Upstream,
  deps: PolicyDeps,
  seen?: AdaptiveTimeout,
): readonly Layer[] {
  const { circuits, limiters, rateLimit: limit } = upstream;
  return [
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
      policy: on(options.attemptTimeout, (option) => attemptTimeout(option, deps, seen)),
    },
    {
      name: 'attempt rate limit',
      why: 'nothing below refuses an attempt any more: only what is really sent takes a token, as a third party counts',
      policy: limit === undefined ? undefined : attemptRateLimit(limit.options, deps, limit.bucket),
    },
    {
      name: 'transport',
      why: "it speaks the pools' language below, which is undici's, and ours above",
      policy: transport(deps),
    },
    {
      name: 'fault injection',
      why: "an injected fault stands where the upstream's answer would: every layer meets it, and it counts as an attempt",
      policy: on(options.faults, (option) => faultInjection(option, deps)),
    },
  ];
}

function on<Options>(option: Options | false | undefined, make: (option: Options) => Policy): Policy | undefined {
  return option === false || option === undefined ? undefined : make(option);
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
