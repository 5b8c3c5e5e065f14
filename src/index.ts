/**
 * Outrigger's policies for use inside a process, through undici: `fetch(url, { dispatcher: withPolicies(new Agent(),
 * createPolicies({ … })) })`. They are the sidecar's own.
 */
export { createPolicies, withPolicies, type PoliciesOptions } from './library/create-policies.js';
export type { SomeDeps } from './library/deps.js';
export { inProcess, type InProcessOptions } from './library/in-process.js';
export {
  attemptRateLimit,
  attemptTimeout,
  circuitBreaker,
  concurrency,
  deadline,
  fallback,
  faultInjection,
  hedge,
  rateLimit,
  retry,
  retryBudget,
  transport,
  type PartialPolicy,
} from './library/policies.js';
export { stack } from './pipeline/compose.js';

export { AttemptTimeoutOptions } from './policies/attempt-timeout.js';
export { CircuitBreakerOptions } from './policies/circuit-breaker.js';
export { Circuits, type CircuitScope, type CircuitView } from './policies/circuits.js';
export { ConcurrencyOptions, Limiters, type ConcurrencyView } from './policies/concurrency.js';
export { DeadlineOptions } from './policies/deadline.js';
export { FallbackOptions, FallbackStep, type FallbackScope } from './policies/fallback.js';
export { StaticResponseOptions } from './policies/fallback-response.js';
export { StaleOptions } from './policies/fallback-stale.js';
export { Fault, FaultInjectionOptions } from './policies/fault-injection.js';
export { HedgeOptions, type HedgeScope } from './policies/hedge.js';
export { RateLimitOptions, RateLimits, UpstreamRateLimitOptions } from './policies/rate-limit.js';
export { RetryBudgetOptions, RetryBudgets } from './policies/retry-budget.js';
export { BackoffOptions, IDEMPOTENT_METHODS, RetryOptions } from './policies/retry.js';
export type { RetryScope } from './policies/retry-call.js';
export { withDefaults, type Some } from './policies/rules/with-defaults.js';
export { StaleStores } from './policies/stale-store.js';

export type {
  CircuitStateName,
  FallbackKind,
  FaultKind,
  HedgeResult,
  PolicyEvent,
  ResultClass,
  ShadowAction,
  SuppressedReason,
  TimeoutKind,
} from './policies/events.js';
export type { Attempt, AttemptEndpoint, Call, Dispatch, Policy, PolicyDeps } from './policies/policy.js';

export { OutriggerError, type ErrorCode, type ErrorDetails, type ErrorReason } from './errors.js';
export { systemClock, type Clock, type Timer } from './runtime/clock.js';
export { systemRandom, type Random } from './runtime/random.js';
