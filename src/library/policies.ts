/**
 * The policies for use inside a process: the same interceptors as the sidecar's, with options of which some may be left
 * out, and the machine's own time and chance unless others are given. Each is stateful: one for each upstream.
 */
import type { Static, TSchema } from '@sinclair/typebox';
import { attemptTimeout as fullAttemptTimeout, AttemptTimeoutOptions } from '../policies/attempt-timeout.js';
import { circuitBreaker as fullCircuitBreaker, CircuitBreakerOptions } from '../policies/circuit-breaker.js';
import type { Circuits } from '../policies/circuits.js';
import { concurrency as fullConcurrency, ConcurrencyOptions, type Limiters } from '../policies/concurrency.js';
import { deadline as fullDeadline, DeadlineOptions } from '../policies/deadline.js';
import { fallback as fullFallback, FallbackOptions, type FallbackScope } from '../policies/fallback.js';
import { faultInjection as fullFaultInjection, FaultInjectionOptions } from '../policies/fault-injection.js';
import { hedge as fullHedge, HedgeOptions, type HedgeScope } from '../policies/hedge.js';
import type { Policy, PolicyDeps } from '../policies/policy.js';
import {
  attemptRateLimit as fullAttemptRateLimit,
  rateLimit as fullRateLimit,
  RateLimitOptions,
  type RateLimits,
  UpstreamRateLimitOptions,
} from '../policies/rate-limit.js';
import { RetryBudgetOptions, RetryBudgets } from '../policies/retry-budget.js';
import type { RetryScope } from '../policies/retry-call.js';
import { retry as fullRetry, RetryOptions } from '../policies/retry.js';
import { withDefaults, type Some } from '../policies/rules/with-defaults.js';
import { transport as fullTransport } from '../upstream/transport.js';
import { checkOptions } from './check-options.js';
import { systemDeps, type SomeDeps } from './deps.js';

/**
 * A policy whose options and dependencies may be given in part: what is left out has the policy file's default. Throws a
 * TypeError for an unknown key or a value of the wrong type, and a RangeError for a value that is not allowed.
 */
export type PartialPolicy<Options, Shared extends unknown[] = []> = (
  options?: Some<Options>,
  deps?: SomeDeps,
  ...shared: Shared
) => Policy;

function partial<S extends TSchema, Shared extends unknown[]>(
  schema: S,
  make: (options: Static<S>, deps: PolicyDeps, ...shared: Shared) => Policy,
): PartialPolicy<Static<S>, Shared> {
  return (options, deps, ...shared) => {
    checkOptions(options ?? {}, schema);
    return make(withDefaults<S>(schema, options), systemDeps(deps), ...shared);
  };
}

/** Refuses calls beyond a rate. Outermost. */
export const rateLimit: PartialPolicy<RateLimitOptions, [limits?: RateLimits]> = partial(
  RateLimitOptions,
  fullRateLimit,
);

/** Answers what failed below it: the last good answer, another upstream, or a fixed answer. */
export const fallback: PartialPolicy<FallbackOptions, [scope?: FallbackScope]> = partial(FallbackOptions, fullFallback);

/** Ends a call that has no answer in time. Outside retry. */
export const deadline: PartialPolicy<DeadlineOptions> = partial(DeadlineOptions, fullDeadline);

/** Makes a failed attempt again, after a back-off. `scope.budgets` bounds it: see `retryBudget`. */
export const retry: PartialPolicy<RetryOptions, [scope?: RetryScope]> = partial(RetryOptions, fullRetry);

/** Makes a second attempt while a slow first one still runs. Inside retry; give both the same budget. */
export const hedge: PartialPolicy<HedgeOptions, [scope?: HedgeScope]> = partial(HedgeOptions, fullHedge);

/** Bounds the attempts in flight. */
export const concurrency: PartialPolicy<ConcurrencyOptions, [limiters?: Limiters]> = partial(
  ConcurrencyOptions,
  fullConcurrency,
);

/** Refuses attempts at an origin that keeps failing. Inside retry: it counts attempts. */
export const circuitBreaker: PartialPolicy<CircuitBreakerOptions, [circuits?: Circuits]> = partial(
  CircuitBreakerOptions,
  fullCircuitBreaker,
);

/** Bounds the rate of attempts, as a third party counts them. Inside the attempt timeout: only what is sent takes a token. */
export const attemptRateLimit: PartialPolicy<UpstreamRateLimitOptions> = partial(
  UpstreamRateLimitOptions,
  fullAttemptRateLimit,
);

/** Ends an attempt that has no head in time. Inside the circuit breaker. */
export const attemptTimeout: PartialPolicy<AttemptTimeoutOptions> = partial(AttemptTimeoutOptions, fullAttemptTimeout);

/** Says what went wrong in the classes that all policies speak of. Below them all but fault injection, and never left out. */
export function transport(deps: SomeDeps = {}): Policy {
  return fullTransport(systemDeps(deps));
}

/** Injects faults in place of the upstream's answers. Innermost, below the transport. */
export const faultInjection: PartialPolicy<FaultInjectionOptions> = partial(FaultInjectionOptions, fullFaultInjection);

/** A budget that retries and hedges share. Throws as the policies do. */
export function retryBudget(options: Some<RetryBudgetOptions> = {}, upstream = '-'): RetryBudgets {
  checkOptions(options, RetryBudgetOptions);
  return new RetryBudgets(withDefaults(RetryBudgetOptions, options), upstream);
}
