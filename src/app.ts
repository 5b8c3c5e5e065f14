import type { IncomingMessage, ServerResponse } from 'node:http';
import { ADMIN_LIMITS, createAdmin } from './admin/server.js';
import { descriptorPlan } from './app/descriptor-plan.js';
import { LogLevelSetting } from './app/log-level.js';
import { LiveOperations } from './app/operations.js';
import { RetrySwitches } from './app/retry-switches.js';
import { createRoutes } from './app/routes.js';
import { topologyOf } from './app/topology.js';
import { connectionsWithin, Upstreams } from './app/upstreams.js';
import type { Address } from './config/addresses.js';
import type { Config } from './config/config.js';
import { bind, type ListenAddress } from './edge/bind.js';
import { drain } from './edge/drain.js';
import { Listener, type ListenerTarget } from './edge/listener.js';
import { createEdge, type Edge } from './edge/server.js';
import { EventFeed } from './observability/event-feed.js';
import { EventLog } from './observability/event-log.js';
import type { Logger } from './observability/logging.js';
import { Metrics } from './observability/metrics.js';
import type { OperatorChange } from './observability/operator-change.js';
import type { Tracing } from './observability/tracing/tracing.js';
import { ReplayMemory } from './pipeline/replay-memory.js';
import type { CallEvent, PolicyEvent } from './policies/events.js';
import type { PolicyDeps } from './policies/policy.js';
import { StaleStores } from './policies/stale-store.js';
import type { Clock } from './runtime/clock.js';
import { afterPolling, nextRound } from './runtime/polling.js';
import type { Random } from './runtime/random.js';
import { ConnectionQuota } from './upstream/connection-quota.js';
import type { Lookup } from './upstream/discovery.js';

/** What the composition root is given. */
export interface AppOptions {
  readonly config: Config;
  readonly logger: Logger;
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
}

/** Wires the rooms together; nothing else does. */
export function createApp(options: AppOptions): App {
  const { config, logger, logLinesDropped = () => 0, clock, random, lookup, version, descriptors = Infinity } = options;
  const metrics = new Metrics({ topology: topologyOf(config), clock, version, pause });
  const eventLog = new EventLog(logger, config.log.access, clock);
  const feed = new EventFeed(clock);
  let tracing: Tracing | undefined;
  const emit = (event: PolicyEvent | CallEvent): void => {
    try {
      metrics.record(event);
      eventLog.record(event);
      feed.record(event);
      tracing?.record(event);
    } catch (error) {
      // Who only watches must not break what is watched.
      logger.error({ err: error, event: event.type }, 'bug');
    }
  };
  const onChange = (change: OperatorChange): void => {
    eventLog.change(change);
    feed.change(change);
  };
  const deps: PolicyDeps = { clock, random, emit };
  const replayMemory = new ReplayMemory(config.limits.replayMemoryBytes);
  const staleStores = new StaleStores({ maxBytes: config.limits.staleMemoryBytes });
  const plan = descriptorPlan(config.limits.maxConnections, descriptors);
  const upstreams = new Upstreams(config, deps, lookup, connectionsWithin(new ConnectionQuota(plan.upstreams)));
  const switches = new RetrySwitches(clock, (route) => onChange({ change: 'retries', by: 'ttl', route, to: 'on' }));
  const target = new CountingTarget();
  if (plan.apps < config.limits.maxConnections) {
    logger.warn(
      { descriptors, maxConnections: plan.apps },
      'fewer connections than limits.maxConnections: too few file descriptors',
    );
  }
  const listener = new Listener(
    {
      maxHeaderSize: config.limits.maxHeaderSizeBytes,
      headersTimeoutMs: config.limits.headersTimeoutMs,
      maxConnections: plan.apps,
      maxEventLoopDelayMs: config.limits.maxEventLoopDelayMs,
    },
    target,
    { clock, emit, nextRound },
  );

  let phase: 'starting' | 'ready' | 'draining' = 'starting';
  let quit: (() => void) | undefined;
  const admin = createAdmin({
    metrics,
    ready: () => (phase === 'ready' ? { ready: true } : { ready: false, reason: phase }),
    bind: (server) => bind(server, listenAddress(config.admin.listen), 'admin.listen'),
    rules: () => config.admin,
    operations: new LiveOperations({
      config,
      upstreams: upstreams.all,
      figures: (route, upstream) => metrics.figures(route, upstream),
      switches,
      logLevel: new LogLevelSetting(logger, config.log.level, clock),
      clock,
      onChange,
      quit: () => {
        quit?.();
        return quit !== undefined;
      },
    }),
    witness: {
      counted: (change, result) => metrics.changeAsked(change, result),
      refused: (refused) => eventLog.refusedChange(refused),
    },
    onFault: (error) => logger.error({ err: error }, 'admin fault'),
    feed,
    clock,
    version,
    limits: { ...ADMIN_LIMITS, maxConnections: plan.admin },
  });
  metrics.watch({
    ...upstreams.sources(),
    replayMemoryBytes: () => replayMemory.used,
    inFlight: () => target.inFlight,
    logLinesDropped,
    spans: () => tracing?.counts,
    retriesEnabled: () => retryingRoutes(config).map((route) => ({ route, enabled: switches.isEnabled(route) })),
    connections: () => listener.connections,
    shedding: () => listener.shedding,
  });

  return {
    onQuit(listener) {
      quit = listener;
    },

    async start() {
      const adminAddress = await admin.listen();
      tracing = await createTracing(config.tracing, version, { clock, random, logger });
      upstreams.start();
      target.edge = await createEdge({
        routes: createRoutes(config, { upstreams, staleStores, switches }, deps),
        clock,
        replayMemory,
        emit,
        beginTrace: tracing?.begin,
      });
      const listen: string[] = [];
      for (const address of config.listen) listen.push(asUrl(await listener.listen(listenAddress(address))));
      phase = 'ready';
      return { listen, admin: asUrl(adminAddress) };
    },

    async drain() {
      phase = 'draining';
      target.edge?.beginDrain();
      const ended = await drain({
        clock,
        delayMs: config.drainDelayMs,
        timeoutMs: config.drainTimeoutMs,
        inFlight: () => target.inFlight,
        taken: () => target.taken,
        stopTaking: () => void listener.close(),
        refuseRest: () => target.edge?.refuseUnanswered(),
      });
      await tracing?.flush(LAST_SPANS_MS);
      eventLog.flush();
      if (ended === 'timeout') logger.warn({ inFlight: target.inFlight }, 'calls cut at the drain timeout');
    },

    closeNow() {
      eventLog.flush();
      listener.closeAllConnections();
      void Promise.allSettled([listener.close(), admin.close(), upstreams.destroy()]);
    },
  };
}

/** What the collector gets to take the last spans when the process ends, in milliseconds. */
const LAST_SPANS_MS = 2_000;

/** Its code is loaded only where calls are traced. */
async function createTracing(
  options: Config['tracing'],
  version: string,
  deps: ConstructorParameters<typeof Tracing>[1],
): Promise<Tracing | undefined> {
  if (options === false) return undefined;
  const loaded = await import('./observability/tracing/tracing.js');
  return new loaded.Tracing({ ...options, version }, deps);
}

/** Until all sockets were polled anew: what has come in meanwhile was taken up. */
const pause = (): Promise<void> => new Promise(afterPolling);

/** Hands what comes in to the edge of the configuration in force, and counts it. */
class CountingTarget implements ListenerTarget {
  edge: Edge | undefined;
  /** Requests and upgrades ever. */
  taken = 0;

  readonly handleRequest = (request: IncomingMessage, response: ServerResponse): void => {
    this.taken++;
    this.edge?.handleRequest(request, response);
  };

  readonly handleUpgrade: ListenerTarget['handleUpgrade'] = (request, socket, head) => {
    this.taken++;
    this.edge?.handleUpgrade(request, socket, head);
  };

  readonly refuse: ListenerTarget['refuse'] = (...what) => this.edge?.refuse(...what);

  readonly afterCalls: ListenerTarget['afterCalls'] = (...what) => this.edge?.afterCalls(...what);

  get inFlight(): number {
    return this.edge?.inFlight ?? 0;
  }
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
