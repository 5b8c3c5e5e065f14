import { ADMIN_LIMITS, createAdmin } from './admin/server.js';
import { AutoReload } from './app/auto-reload.js';
import { ConfigInForce } from './app/config-in-force.js';
import { descriptorPlan, tellShortage } from './app/descriptor-plan.js';
import { gaugeSources } from './app/gauge-sources.js';
import { Generation, type GenerationScope } from './app/generation.js';
import { Generations } from './app/generations.js';
import { LiveTracing } from './app/live-tracing.js';
import { LogLevelSetting } from './app/log-level.js';
import { Observers } from './app/observers.js';
import { LiveOperations } from './app/operations.js';
import { Phase } from './app/phase.js';
import type { PolicySource } from './app/policy-file.js';
import { RetrySwitches } from './app/retry-switches.js';
import { listenAddress, Sidecar } from './app/sidecar.js';
import { connectionsWithin } from './app/upstreams.js';
import type { Config } from './config/config.js';
import { bind } from './edge/bind.js';
import { createSharedContext } from './edge/edge-context.js';
import { Listener } from './edge/listener.js';
import type { Logger } from './observability/logging.js';
import type { Redaction } from './observability/redaction.js';
import { ReplayMemory } from './pipeline/replay-memory.js';
import { StaleStores } from './policies/stale-store.js';
import type { Clock } from './runtime/clock.js';
import { nextRound } from './runtime/polling.js';
import type { Random } from './runtime/random.js';
import { ConnectionQuota } from './upstream/connection-quota.js';
import type { Lookup } from './upstream/discovery.js';

/** What the composition root is given. */
export interface AppOptions {
  readonly config: Config;
  /** Where the policies are read again when the file changes, or somebody asks; left out: they stay as they are. */
  readonly source?: PolicySource;
  readonly logger: Logger;
  /** What the log hides; left out: what it hides is not changed by a reload. */
  readonly redaction?: Redaction;
  /** Lines that the log has lost so far; left out: it loses none. */
  readonly logLinesDropped?: () => number;
  readonly clock: Clock;
  readonly random: Random;
  /** How names are looked up; left out: as the operating system does it. */
  readonly lookup?: Lookup;
  /** Outrigger's own version. */
  readonly version: string;
  /** How many files and sockets the process may have open; left out: any number. */
  readonly descriptors?: number;
}

/** The proxy, put together. */
export type App = Pick<Sidecar, keyof Sidecar>;

/** Wires the rooms together; nothing else does. */
export function createApp(options: AppOptions): App {
  const { config, source, logger, redaction, logLinesDropped = () => 0, clock, random, lookup, version } = options;
  const { limits } = config;
  const phase = new Phase();

  // Who watches.
  const tracing = new LiveTracing(version, { clock, random, logger });
  const observers = new Observers({ config, logger, clock, version, tracing });
  const { emit, metrics } = observers;

  // What an operator sets.
  const logLevel = new LogLevelSetting(logger, config.log.level, clock);
  const switches = new RetrySwitches(clock, (route) =>
    observers.change({ change: 'retries', by: 'ttl', route, to: 'on' }),
  );

  // What a call goes through.
  const plan = descriptorPlan(limits.maxConnections, options.descriptors ?? Infinity);
  tellShortage(plan, limits.maxConnections, options.descriptors, logger);
  const context = createSharedContext({ clock, emit });
  const replayMemory = new ReplayMemory(limits.replayMemoryBytes);
  const staleStores = new StaleStores({ maxBytes: limits.staleMemoryBytes });
  const poolFor = connectionsWithin(new ConnectionQuota(plan.upstreams));
  const deps = { clock, random, emit };
  const scope: GenerationScope = { deps, lookup, poolFor, context, replayMemory, staleStores, switches };
  const generations = new Generations(new Generation(config, scope), context, (error) => observers.fault(error));
  const listener = new Listener(
    {
      maxHeaderSize: limits.maxHeaderSizeBytes,
      headersTimeoutMs: limits.headersTimeoutMs,
      maxConnections: plan.apps,
      maxEventLoopDelayMs: limits.maxEventLoopDelayMs,
    },
    generations,
    { clock, emit, nextRound },
  );
  metrics.watch(gaugeSources({ generations, listener, replayMemory, switches, tracing, logLinesDropped }));

  // What changes it while it runs.
  const followers = { generations, scope, tracing, observers, switches, logLevel, logger, redaction };
  const inForce = new ConfigInForce(followers);
  const reloads =
    source &&
    new AutoReload(
      {
        source,
        inForce: () => inForce.config,
        take: (next) => inForce.take(next),
        isDraining: () => phase.isDraining,
        tell: (report) => observers.reload(report),
      },
      clock,
    );

  // What the operator sees and does.
  const operations = new LiveOperations({
    config: () => inForce.config,
    upstreams: () => generations.current.upstreams.all,
    figures: (route, upstream) => metrics.figures(route, upstream),
    history: (route) => metrics.history.of(route),
    switches,
    logLevel,
    clock,
    onChange: (change) => observers.change(change),
    quit: () => phase.askToQuit(),
    reload: (by) => reloads?.reload(by),
  });
  const admin = createAdmin({
    metrics,
    ready: () => phase.readiness,
    bind: (server) => bind(server, listenAddress(config.admin.listen), 'admin.listen'),
    rules: () => inForce.config.admin,
    operations,
    witness: {
      counted: (change, result) => metrics.changeAsked(change, result),
      refused: (refused) => observers.log.refusedChange(refused),
    },
    onFault: (error) => logger.error({ err: error }, 'admin fault'),
    feed: observers.feed,
    clock,
    version,
    limits: { ...ADMIN_LIMITS, maxConnections: plan.admin },
  });

  return new Sidecar({ phase, inForce, generations, listener, admin, observers, tracing, reloads, clock, logger });
}
