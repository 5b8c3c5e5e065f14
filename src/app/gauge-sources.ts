import type { Config } from '../config/config.js';
import type { Listener } from '../edge/listener.js';
import type { MetricSources } from '../observability/metrics.js';
import type { ReplayMemory } from '../pipeline/replay-memory.js';
import type { Generations } from './generations.js';
import type { LiveTracing } from './live-tracing.js';
import type { RetrySwitches } from './retry-switches.js';

/** Those who know the present state of things. */
export interface GaugeScope {
  readonly generations: Generations;
  readonly listener: Listener;
  readonly replayMemory: ReplayMemory;
  readonly switches: RetrySwitches;
  readonly tracing: LiveTracing;
  /** Lines that the log has lost so far. */
  readonly logLinesDropped: () => number;
}

/** Where gauges are read at each scrape: from the configuration that is in force by then. */
export function gaugeSources(scope: GaugeScope): MetricSources {
  const { generations, listener, replayMemory, switches, tracing, logLinesDropped } = scope;
  const upstreams = () => generations.current.upstreams.sources();
  return {
    circuits: () => upstreams().circuits(),
    concurrency: () => upstreams().concurrency(),
    budgets: () => upstreams().budgets(),
    health: () => upstreams().health(),
    endpoints: () => upstreams().endpoints(),
    attemptTimeouts: () => generations.current.states.attemptTimeouts(),
    retriesEnabled: () =>
      retryingRoutes(generations.current.config).map((route) => ({ route, enabled: switches.isEnabled(route) })),
    inFlight: () => generations.inFlight,
    replayMemoryBytes: () => replayMemory.used,
    connections: () => listener.connections,
    shedding: () => listener.shedding,
    logLinesDropped,
    spans: () => tracing.counts,
  };
}

/** The names of the routes that retry or hedge. */
function retryingRoutes({ routes }: Config): string[] {
  return routes.filter(({ retry, hedge }) => retry !== false || hedge !== false).map(({ name }) => name);
}
