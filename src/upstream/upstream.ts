import { Circuits, type CircuitBreakerOptions } from '../policies/circuit-breaker.js';
import { Limiters, type ConcurrencyOptions } from '../policies/concurrency.js';
import type { PolicyDeps } from '../policies/policy.js';
import { attemptBucket, type UpstreamRateLimitOptions } from '../policies/rate-limit.js';
import { RetryBudgets, type RetryBudgetOptions } from '../policies/retry-budget.js';
import type { TokenBucket } from '../policies/rules/token-bucket.js';
import { createBalancer, type Balancer, type LoadBalancingOptions } from './balancing.js';
import { Endpoint, type ConnectionPool } from './endpoint.js';

/** What an upstream is made of. A policy that is off is false. */
export interface UpstreamOptions {
  readonly name: string;
  readonly endpoints: readonly string[];
  readonly loadBalancing: LoadBalancingOptions['loadBalancing'];
  readonly internalHeaders: boolean;
  readonly circuitBreaker: CircuitBreakerOptions | false;
  readonly concurrency: ConcurrencyOptions | false;
  readonly retryBudget: RetryBudgetOptions | false;
  readonly rateLimit?: UpstreamRateLimitOptions | false;
  /** The longest attempt timeout of the routes that lead here, in milliseconds. */
  readonly longestAttemptMs: number;
}

/** How many attempts an upstream may be sent, and how many of them are left. */
export interface AttemptLimit {
  readonly options: UpstreamRateLimitOptions;
  readonly bucket: TokenBucket;
}

/** One upstream: its endpoints and the state that protects it, shared by all routes that lead to it. */
export class Upstream {
  readonly name: string;
  readonly endpoints: readonly Endpoint[];
  readonly balancer: Balancer;
  readonly circuits: Circuits | undefined;
  readonly limiters: Limiters | undefined;
  readonly budgets: RetryBudgets | undefined;
  readonly rateLimit: AttemptLimit | undefined;

  constructor(options: UpstreamOptions, poolFor: (origin: string) => ConnectionPool, deps: PolicyDeps) {
    const { name, circuitBreaker, concurrency, retryBudget, rateLimit = false, longestAttemptMs } = options;
    this.name = name;
    this.endpoints = options.endpoints.map((origin) => new Endpoint(origin, poolFor(origin), options.internalHeaders));
    this.balancer = createBalancer(options.loadBalancing, deps.random);
    this.circuits =
      circuitBreaker === false ? undefined : new Circuits(circuitBreaker, deps, { upstream: name, longestAttemptMs });
    this.circuits?.prepare(this.endpoints.map((endpoint) => endpoint.label));
    this.limiters = concurrency === false ? undefined : new Limiters(concurrency, name);
    this.budgets = retryBudget === false ? undefined : new RetryBudgets(retryBudget, name);
    this.rateLimit = rateLimit === false ? undefined : { options: rateLimit, bucket: attemptBucket(rateLimit) };
  }

  usable(): readonly Endpoint[] {
    return this.endpoints;
  }

  async close(): Promise<void> {
    await Promise.all(this.endpoints.map((endpoint) => endpoint.dispatcher.close()));
  }

  async destroy(): Promise<void> {
    await Promise.all(this.endpoints.map((endpoint) => endpoint.dispatcher.destroy()));
  }
}
