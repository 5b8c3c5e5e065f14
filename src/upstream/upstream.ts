import type { CircuitBreakerOptions } from '../policies/circuit-breaker.js';
import { Circuits } from '../policies/circuits.js';
import { Limiters, type ConcurrencyOptions } from '../policies/concurrency.js';
import type { PolicyDeps } from '../policies/policy.js';
import { attemptBucket, type UpstreamRateLimitOptions } from '../policies/rate-limit.js';
import { RetryBudgets, type RetryBudgetOptions } from '../policies/retry-budget.js';
import type { TokenBucket } from '../policies/rules/token-bucket.js';
import { createBalancer, type Balancer, type LoadBalancingOptions } from './balancing.js';
import { systemLookup, type DiscoveryOptions, type Lookup } from './discovery.js';
import type { ConnectionPool, Endpoint } from './endpoint.js';
import { EndpointSet, type EndpointChange } from './endpoint-set.js';
import type { HealthCheckOptions } from './health-check.js';

/** What an upstream is made of. A policy that is off is false. */
export interface UpstreamOptions {
  readonly name: string;
  readonly endpoints: readonly string[];
  readonly loadBalancing: LoadBalancingOptions['loadBalancing'];
  /** Left out: every endpoint is the one that is named. */
  readonly discovery?: DiscoveryOptions;
  readonly healthCheck?: HealthCheckOptions | false;
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
  readonly balancer: Balancer;
  readonly circuits: Circuits | undefined;
  readonly limiters: Limiters | undefined;
  readonly budgets: RetryBudgets | undefined;
  readonly rateLimit: AttemptLimit | undefined;
  readonly #endpoints: EndpointSet;

  /**
   * @param poolFor makes the connections to an origin, or to one address of its name
   * @param lookup finds the addresses of names
   */
  constructor(
    options: UpstreamOptions,
    poolFor: (origin: string, address: string | undefined) => ConnectionPool,
    deps: PolicyDeps,
    lookup: Lookup = systemLookup,
  ) {
    const { name, circuitBreaker, concurrency, retryBudget, rateLimit = false, longestAttemptMs } = options;
    const { endpoints: origins, internalHeaders, discovery, healthCheck = false } = options;
    this.name = name;
    this.#endpoints = new EndpointSet(
      { upstream: name, origins, internalHeaders, discovery, healthCheck },
      {
        poolFor: ({ origin, address }) => poolFor(origin, address),
        lookup,
        onChange: (change) => this.#follow(change),
      },
      deps,
    );
    this.balancer = createBalancer(options.loadBalancing, deps.random);
    this.circuits =
      circuitBreaker === false ? undefined : new Circuits(circuitBreaker, deps, { upstream: name, longestAttemptMs });
    this.circuits?.prepare(this.endpoints.map((endpoint) => endpoint.label));
    this.limiters = concurrency === false ? undefined : new Limiters(concurrency, name);
    this.budgets = retryBudget === false ? undefined : new RetryBudgets(retryBudget, name);
    this.rateLimit = rateLimit === false ? undefined : { options: rateLimit, bucket: attemptBucket(rateLimit) };
  }

  /** All there are now, healthy or not. */
  get endpoints(): readonly Endpoint[] {
    return this.#endpoints.all;
  }

  /** Those that attempts may go to. */
  usable(): readonly Endpoint[] {
    return this.#endpoints.usable;
  }

  /** Whether so few endpoints are healthy that the checks are not believed; undefined without checks. */
  get panic(): boolean | undefined {
    return this.#endpoints.panic;
  }

  /** Starts to look names up and to check health. Calls can be made before. */
  start(): void {
    this.#endpoints.start();
  }

  /** Ends when what is in flight has. */
  close(): Promise<void> {
    return this.#endpoints.close();
  }

  destroy(): Promise<void> {
    return this.#endpoints.destroy();
  }

  #follow({ added, gone, moved }: EndpointChange): void {
    for (const label of gone) this.circuits?.forget(label);
    for (const label of moved) this.circuits?.renew(label);
    this.circuits?.prepare(added);
  }
}
