import { isDeepStrictEqual } from 'node:util';
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
  /** How connections are made: where that has changed, new ones are. */
  readonly connection?: unknown;
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
  readonly #options: UpstreamOptions;
  readonly #endpoints: EndpointSet;
  /** Whose place it takes, until it starts. */
  #before: Upstream | undefined;

  /**
   * @param poolFor makes the connections to an origin, or to one address of its name
   * @param lookup finds the addresses of names
   * @param before the upstream of this name in the configuration before: what its policies know is taken over where their
   *   options are the same, and connections and health where those of the endpoint are
   */
  constructor(
    options: UpstreamOptions,
    poolFor: (origin: string, address: string | undefined) => ConnectionPool,
    deps: PolicyDeps,
    lookup: Lookup = systemLookup,
    before?: Upstream,
  ) {
    const {
      name,
      loadBalancing,
      circuitBreaker,
      concurrency,
      retryBudget,
      rateLimit = false,
      longestAttemptMs,
    } = options;
    const { endpoints: origins, internalHeaders, discovery, healthCheck = false, connection } = options;
    const optionsBefore = before === undefined ? undefined : before.#options;
    const same = (key: keyof UpstreamOptions) => isDeepStrictEqual(options[key], optionsBefore?.[key]);
    this.name = name;
    this.#options = options;
    this.#before = before;
    this.#endpoints = new EndpointSet(
      { upstream: name, origins, internalHeaders, discovery, healthCheck, connection },
      {
        poolFor: ({ origin, address }) => poolFor(origin, address),
        lookup,
        onChange: (change) => this.#follow(change),
      },
      deps,
      before === undefined ? undefined : before.#endpoints,
    );
    this.balancer =
      (same('loadBalancing') ? before?.balancer : undefined) ?? createBalancer(loadBalancing, deps.random);
    const scope = { upstream: name, longestAttemptMs };
    this.circuits = kept(circuitBreaker, same('circuitBreaker') ? before?.circuits : undefined, (rules) => {
      const circuits = new Circuits(rules, deps, scope);
      circuits.prepare(this.#labels);
      return circuits;
    });
    this.limiters = kept(
      concurrency,
      same('concurrency') ? before?.limiters : undefined,
      (rules) => new Limiters(rules, name),
    );
    this.budgets = kept(
      retryBudget,
      same('retryBudget') ? before?.budgets : undefined,
      (rules) => new RetryBudgets(rules, name),
    );
    this.rateLimit = kept(rateLimit, same('rateLimit') ? before?.rateLimit : undefined, (rules) => ({
      options: rules,
      bucket: attemptBucket(rules),
    }));
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
    const before = this.#before;
    this.#before = undefined;
    const labels = this.#labels;
    if (before !== undefined && before.circuits === this.circuits) {
      this.circuits?.setLongestAttempt(this.#options.longestAttemptMs);
      for (const label of before.#labels) if (!labels.includes(label)) this.circuits?.forget(label);
      this.circuits?.prepare(labels);
    }
    this.#endpoints.start();
  }

  /** Stops to look names up and to check health. Calls can still be made. */
  stop(): void {
    this.#endpoints.stop();
  }

  /** No call will come any more: closes the connections that no other configuration has taken over. */
  retire(): void {
    this.#endpoints.retire();
    this.circuits?.forgetGone(this.#labels);
  }

  /** Ends when what is in flight has. */
  close(): Promise<void> {
    return this.#endpoints.close();
  }

  destroy(): Promise<void> {
    return this.#endpoints.destroy();
  }

  get #labels(): string[] {
    return this.endpoints.map((endpoint) => endpoint.label);
  }

  #follow({ added, gone, moved }: EndpointChange): void {
    for (const label of gone) this.circuits?.forget(label);
    for (const label of moved) this.circuits?.renew(label);
    this.circuits?.prepare(added);
  }
}

/** The state of a policy: none where it is off, and the one there was where that can be kept. */
function kept<Options, State>(
  options: Options | false,
  before: State | undefined,
  make: (options: Options) => State,
): State | undefined {
  return options === false ? undefined : (before ?? make(options));
}
