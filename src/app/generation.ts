import { isDeepStrictEqual } from 'node:util';
import type { Config, ResolvedRoute } from '../config/config.js';
import type { SharedContext } from '../edge/edge-context.js';
import { createEdge, type Edge } from '../edge/server.js';
import type { ReplayMemory } from '../pipeline/replay-memory.js';
import type { PolicyDeps } from '../policies/policy.js';
import type { BeginTrace } from '../policies/trace.js';
import type { StaleStores } from '../policies/stale-store.js';
import type { Lookup } from '../upstream/discovery.js';
import type { RetrySwitches } from './retry-switches.js';
import { RouteStates } from './route-states.js';
import { createRoutes } from './routes.js';
import { Upstreams, type PoolFor } from './upstreams.js';

/** What all generations share. */
export interface GenerationScope {
  readonly deps: PolicyDeps;
  readonly lookup: Lookup | undefined;
  readonly poolFor: PoolFor;
  readonly context: SharedContext;
  readonly replayMemory: ReplayMemory;
  readonly staleStores: StaleStores;
  readonly switches: RetrySwitches;
}

/** One configuration at work: its routes, their policies, and the upstreams. Immutable; a reload makes another. */
export class Generation {
  readonly config: Config;
  readonly upstreams: Upstreams;
  readonly #scope: GenerationScope;
  readonly #states: RouteStates;
  readonly #keptAnswers: ReadonlySet<string>;
  #edge: Edge | undefined;

  /** @param before what it takes over from, as far as names and options are the same */
  constructor(config: Config, scope: GenerationScope, before?: Generation) {
    this.config = config;
    this.#scope = scope;
    this.upstreams = new Upstreams(config, scope.deps, scope.lookup, scope.poolFor, before?.upstreams);
    this.#states = new RouteStates(config, scope.deps.clock, before === undefined ? undefined : before.#states);
    this.#keptAnswers = keptAnswers(config, before?.config);
  }

  /** Where calls are handed to; undefined until `open` has ended. */
  get edge(): Edge | undefined {
    return this.#edge;
  }

  /** What the policies of its routes know. */
  get states(): RouteStates {
    return this.#states;
  }

  /** Makes all that calls need. `beginTrace`: where they are traced. */
  async open(beginTrace: BeginTrace | undefined): Promise<void> {
    const { deps, context, replayMemory, staleStores, switches } = this.#scope;
    staleStores.retain(this.#keptAnswers);
    const scope = { upstreams: this.upstreams, states: this.#states, staleStores, switches };
    const routes = createRoutes(this.config, scope, deps);
    this.#edge = await createEdge({ routes, context, replayMemory, beginTrace });
  }

  /** No call will come any more: closes what no other generation has taken over. */
  async close(): Promise<void> {
    this.upstreams.retire();
    await this.#edge?.close();
  }
}

/** The routes whose kept answers may still be given: to no caller that they were not kept for. */
function keptAnswers({ routes }: Config, before: Config | undefined): Set<string> {
  const earlier = new Map(before?.routes.map((route) => [route.name, keeping(route)]));
  const same = routes.filter((route) => {
    const rules = keeping(route);
    return rules.length > 0 && isDeepStrictEqual(rules, earlier.get(route.name));
  });
  return new Set(same.map(({ name }) => name));
}

/** What decides for whom an answer is kept, by step. */
function keeping({ fallback }: ResolvedRoute): unknown[] {
  const steps = fallback === false ? [] : fallback.steps;
  return steps.flatMap((step) => ('stale' in step ? [[step.stale.key, step.stale.overrideCacheControl]] : []));
}
