import type { Config, ResolvedRoute, ResolvedUpstream } from '../config/config.js';
import type { MetricSources } from '../observability/metrics.js';
import { longestAttemptMs } from '../policies/attempt-timeout.js';
import type { PolicyDeps } from '../policies/policy.js';
import type { ConnectionQuota } from '../upstream/connection-quota.js';
import type { Lookup } from '../upstream/discovery.js';
import type { ConnectionPool } from '../upstream/endpoint.js';
import { createPool, type PoolOptions } from '../upstream/pool.js';
import { Upstream } from '../upstream/upstream.js';

/** Makes the connections of an upstream to an origin, or to one address of its name. */
export type PoolFor = (upstream: ResolvedUpstream, origin: string, address: string | undefined) => ConnectionPool;

/** Real connections, no more of them than the quota allows. */
export function connectionsWithin(quota: ConnectionQuota): PoolFor {
  return (upstream, origin, address) => createPool(origin, poolOptions(upstream), address, undefined, quota);
}

function poolOptions({ connectTimeoutMs, keepAliveTimeoutMs, tls }: ResolvedUpstream): PoolOptions {
  return { connectTimeoutMs, keepAliveTimeoutMs, tls };
}

/** The upstreams of a configuration, by name. */
export class Upstreams {
  readonly #upstreams: ReadonlyMap<string, Upstream>;
  readonly #deps: PolicyDeps;

  /**
   * @param poolFor makes connections, or what stands for them where there are none, as in a simulation
   * @param before what they take over from, by name
   */
  constructor(config: Config, deps: PolicyDeps, lookup: Lookup | undefined, poolFor: PoolFor, before?: Upstreams) {
    this.#deps = deps;
    this.#upstreams = new Map(
      [...config.upstreams].map(([name, options]) => [
        name,
        createUpstream(options, config, deps, lookup, poolFor, before?.all.get(name)),
      ]),
    );
  }

  get(name: string): Upstream {
    const upstream = this.#upstreams.get(name);
    if (upstream === undefined) throw new Error(`there is no upstream '${name}'`);
    return upstream;
  }

  /** By name, in the file's order. */
  get all(): ReadonlyMap<string, Upstream> {
    return this.#upstreams;
  }

  /** What metrics read when they are scraped. */
  sources(): Required<Pick<MetricSources, 'circuits' | 'concurrency' | 'budgets' | 'health' | 'endpoints'>> {
    const all = [...this.#upstreams.values()];
    const present = <View>(views: readonly (View | undefined)[]): View[] => views.filter((view) => view !== undefined);
    return {
      // One upstream at a time: there may be a thousand keys in each.
      *circuits() {
        for (const upstream of all) yield* upstream.circuits?.view() ?? [];
      },
      concurrency: () => present(all.map((upstream) => upstream.limiters?.view())),
      budgets: () =>
        present(
          all.map(({ name, budgets }) =>
            budgets === undefined
              ? undefined
              : { upstream: name, remaining: budgets.remaining(this.#deps.clock.now()) },
          ),
        ),
      health: () =>
        present(
          all.map(({ name, panic, endpoints }) =>
            panic === undefined
              ? undefined
              : {
                  upstream: name,
                  panic,
                  endpoints: endpoints.map(({ label, healthy }) => ({ endpoint: label, healthy })),
                },
          ),
        ),
      endpoints: () =>
        all.flatMap(({ name, endpoints }) => endpoints.map(({ label }) => ({ upstream: name, endpoint: label }))),
    };
  }

  /** Starts to look names up and to check health. */
  start(): void {
    for (const upstream of this.#upstreams.values()) upstream.start();
  }

  /** Stops that. Calls can still be made. */
  stop(): void {
    for (const upstream of this.#upstreams.values()) upstream.stop();
  }

  /** No call will come any more: closes the connections that no other configuration has taken over. */
  retire(): void {
    for (const upstream of this.#upstreams.values()) upstream.retire();
  }

  /** Cuts all connections. */
  async destroy(): Promise<void> {
    await Promise.all([...this.#upstreams.values()].map((upstream) => upstream.destroy()));
  }
}

function createUpstream(
  options: ResolvedUpstream,
  config: Config,
  deps: PolicyDeps,
  lookup: Lookup | undefined,
  poolFor: PoolFor,
  before: Upstream | undefined,
): Upstream {
  const attempts = config.routes
    .filter((route) => upstreamsOf(route).includes(options.name) && route.attemptTimeout !== false)
    .map((route) => (route.attemptTimeout === false ? 0 : longestAttemptMs(route.attemptTimeout)));
  return new Upstream(
    {
      ...options,
      connection: poolOptions(options),
      longestAttemptMs: attempts.length === 0 ? Infinity : Math.max(...attempts),
    },
    (origin, address) => poolFor(options, origin, address),
    deps,
    lookup,
    before,
  );
}

/** The upstreams that a route may ask: its own, and those of its fallback. */
export function upstreamsOf({ upstream, fallback }: ResolvedRoute): readonly string[] {
  const steps = fallback === false ? [] : fallback.steps;
  return [upstream, ...steps.flatMap((step) => ('upstream' in step ? [step.upstream] : []))];
}
