import { ADMIN_LIMITS, createAdmin } from './admin/server.js';
import { descriptorPlan, descriptorsFor } from './app/descriptor-plan.js';
import { Generation, type GenerationScope } from './app/generation.js';
import { Generations } from './app/generations.js';
import { LiveTracing } from './app/live-tracing.js';
import { LogLevelSetting } from './app/log-level.js';
import { Observers } from './app/observers.js';
import { LiveOperations } from './app/operations.js';
import type { PolicySource } from './app/policy-file.js';
import { AutoReload } from './app/auto-reload.js';
import { RetrySwitches } from './app/retry-switches.js';
import { tellWarnings } from './app/tell-warnings.js';
import { connectionsWithin } from './app/upstreams.js';
import type { Address } from './config/addresses.js';
import type { Config } from './config/config.js';
import { bind, type ListenAddress } from './edge/bind.js';
import { drain } from './edge/drain.js';
import { createSharedContext } from './edge/edge-context.js';
import { Listener, type ListenerLimits } from './edge/listener.js';
import type { Logger } from './observability/logging.js';
import type { Redaction } from './observability/redaction.js';
import type { ReloadReport } from './observability/reload-report.js';
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

/** Where an app listens: `http://host:port` or `unix:/path`. */
export interface Listening {
  readonly listen: readonly string[];
  readonly admin: string;
}

/** The proxy, put together. */
export interface App {
  /** Listens. Fails with a message for people if it can't. */
  start(): Promise<Listening>;
  /** Ends when what is in flight has ended, or at drainTimeout. */
  drain(): Promise<void>;
  /** Cuts everything. */
  closeNow(): void;
  /** Calls back when an operator asks the process to drain and end; without a listener that is refused. */
  onQuit(listener: () => void): void;
  /** Takes the policy file anew, once started. @param by what asks for it, for the log */
  reload(by: string): void;
}

/** Wires the rooms together; nothing else does. */
export function createApp(options: AppOptions): App {
  const { config, source, logger, redaction, logLinesDropped = () => 0, clock, random, lookup, version } = options;
  const tracing = new LiveTracing(version, { clock, random, logger });
  const observers = new Observers({ config, logger, clock, version, tracing });
  const { emit, metrics } = observers;
  const switches = new RetrySwitches(clock, (route) =>
    observers.change({ change: 'retries', by: 'ttl', route, to: 'on' }),
  );
  const logLevel = new LogLevelSetting(logger, config.log.level, clock);
  const context = createSharedContext({ clock, emit });
  const replayMemory = new ReplayMemory(config.limits.replayMemoryBytes);
  const staleStores = new StaleStores({ maxBytes: config.limits.staleMemoryBytes });
  const plan = descriptorPlan(config.limits.maxConnections, options.descriptors ?? Infinity);
  const poolFor = connectionsWithin(new ConnectionQuota(plan.upstreams));
  const deps = { clock, random, emit };
  const scope: GenerationScope = { deps, lookup, poolFor, context, replayMemory, staleStores, switches };
  const generations = new Generations(new Generation(config, scope), context, (error) => observers.fault(error));
  const inForce = () => generations.current.config;
  if (plan.apps < config.limits.maxConnections) {
    logger.warn(
      {
        descriptors: options.descriptors,
        maxConnections: plan.apps,
        suggestion: `allow ${descriptorsFor(config.limits.maxConnections)}: ulimit -n, LimitNOFILE= of systemd, --ulimit nofile= of docker; or lower limits.maxConnections`,
      },
      'fewer connections than limits.maxConnections: too few file descriptors',
    );
  }
  const listener = new Listener(listenerLimits(config, plan.apps), generations, { clock, emit, nextRound });

  let phase: 'starting' | 'ready' | 'draining' = 'starting';
  let quit: (() => void) | undefined;

  const watchGauges = () =>
    metrics.watch({
      ...generations.current.upstreams.sources(),
      replayMemoryBytes: () => replayMemory.used,
      inFlight: () => generations.inFlight,
      logLinesDropped,
      spans: () => tracing.counts,
      retriesEnabled: () => retryingRoutes(inForce()).map((route) => ({ route, enabled: switches.isEnabled(route) })),
      attemptTimeouts: () => generations.current.states.attemptTimeouts(),
      connections: () => listener.connections,
      shedding: () => listener.shedding,
    });
  watchGauges();

  /** Puts another configuration in force, at one moment; until then nothing has changed. */
  const take = async (next: Config): Promise<void> => {
    const before = inForce();
    const traces = await tracing.prepare(next.tracing);
    const generation = new Generation(next, scope, generations.current);
    try {
      await generation.open(traces?.begin);
    } catch (error) {
      await generation.close();
      throw error;
    }
    generations.replace(generation);
    tracing.use(next.tracing, traces);
    observers.follow(next);
    watchGauges();
    logLevel.configure(next.log.level);
    redaction?.use(next.log.redact);
    switches.retain(new Set(next.routes.map(({ name }) => name)));
    tellWarnings(next, logger, before);
  };
  const isDraining = () => phase === 'draining';
  const tell = (report: ReloadReport) => observers.reload(report);
  const reloads = source && new AutoReload({ source, inForce, take, isDraining, tell }, clock);

  const admin = createAdmin({
    metrics,
    ready: () => (phase === 'ready' ? { ready: true } : { ready: false, reason: phase }),
    bind: (server) => bind(server, listenAddress(config.admin.listen), 'admin.listen'),
    rules: () => inForce().admin,
    operations: new LiveOperations({
      config: inForce,
      upstreams: () => generations.current.upstreams.all,
      figures: (route, upstream) => metrics.figures(route, upstream),
      history: (route) => metrics.history.of(route),
      switches,
      logLevel,
      clock,
      onChange: (change) => observers.change(change),
      quit: () => {
        quit?.();
        return quit !== undefined;
      },
      reload: (by) => reloads?.reload(by),
    }),
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

  return {
    onQuit(listener) {
      quit = listener;
    },

    reload(by) {
      if (reloads === undefined) logger.warn({ by, detail: 'there is no file' }, 'reload refused');
      else void reloads.reload(by);
    },

    async start() {
      const adminAddress = await admin.listen();
      metrics.history.start();
      const traces = await tracing.prepare(config.tracing);
      tracing.use(config.tracing, traces);
      await generations.start(traces?.begin);
      const listen: string[] = [];
      for (const address of config.listen) listen.push(asUrl(await listener.listen(listenAddress(address))));
      phase = 'ready';
      reloads?.start();
      return { listen, admin: asUrl(adminAddress) };
    },

    async drain() {
      phase = 'draining';
      reloads?.stop();
      generations.beginDrain();
      const { drainDelayMs: delayMs, drainTimeoutMs: timeoutMs } = inForce();
      const ended = await drain({
        clock,
        delayMs,
        timeoutMs,
        inFlight: () => generations.inFlight,
        taken: () => generations.taken,
        stopTaking: () => void listener.close(),
        refuseRest: () => generations.refuseUnanswered(),
      });
      await tracing.flush();
      observers.log.flush();
      if (ended === 'timeout') logger.warn({ inFlight: generations.inFlight }, 'calls cut at the drain timeout');
    },

    closeNow() {
      reloads?.stop();
      observers.log.flush();
      metrics.history.stop();
      listener.closeAllConnections();
      void Promise.allSettled([listener.close(), admin.close(), generations.destroy()]);
    },
  };
}

function listenerLimits({ limits }: Config, maxConnections: number): ListenerLimits {
  return {
    maxHeaderSize: limits.maxHeaderSizeBytes,
    headersTimeoutMs: limits.headersTimeoutMs,
    maxConnections,
    maxEventLoopDelayMs: limits.maxEventLoopDelayMs,
  };
}

/** The names of the routes that retry or hedge. */
function retryingRoutes({ routes }: Config): string[] {
  return routes.filter(({ retry, hedge }) => retry !== false || hedge !== false).map(({ name }) => name);
}

function listenAddress(address: Address): ListenAddress {
  if (address.kind === 'unix') return { path: address.path };
  return address.host === undefined ? { port: address.port } : { host: address.host, port: address.port };
}

function asUrl(bound: string): string {
  return bound.startsWith('unix:') ? bound : `http://${bound}`;
}
