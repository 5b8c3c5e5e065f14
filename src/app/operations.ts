import { invalid } from '../admin/body.js';
import type { CircuitForce, LevelSetting, Operations, RetriesSwitch } from '../admin/operations.js';
import { RefusedError } from '../admin/problem.js';
import type {
  CircuitShape,
  HistoryShape,
  LogShape,
  ReloadShape,
  RetriesShape,
  RouteShape,
  UpstreamShape,
} from '../admin/shapes.js';
import type { Config } from '../config/config.js';
import { redactedConfig } from '../config/redact.js';
import type { HistoryView } from '../observability/history.js';
import type { RouteFigures } from '../observability/route-figures.js';
import type { OperatorChange } from '../observability/operator-change.js';
import type { ReloadReport } from '../observability/reload-report.js';
import type { Circuits, CircuitView } from '../policies/circuits.js';
import type { Clock } from '../runtime/clock.js';
import type { Upstream } from '../upstream/upstream.js';
import type { LogLevelSetting } from './log-level.js';
import type { RetrySwitches } from './retry-switches.js';

/** What the operator sees and acts on. */
export interface OperationsScope {
  /** The one in force. */
  readonly config: () => Config;
  /** In the file's order. */
  readonly upstreams: () => ReadonlyMap<string, Upstream>;
  readonly figures: (route: string, upstream: string) => RouteFigures;
  readonly history: (route: string | undefined) => HistoryView;
  readonly switches: RetrySwitches;
  readonly logLevel: LogLevelSetting;
  readonly clock: Clock;
  /** Is told of each change that was made. */
  readonly onChange: (change: OperatorChange) => void;
  /** Asks the process to drain and end; false if nobody would hear it. */
  readonly quit: () => boolean;
  /** Takes the policy file anew; undefined where there is none. */
  readonly reload: (by: string) => Promise<ReloadReport> | undefined;
}

/** What the admin API shows and does, done on the configuration in force. */
export class LiveOperations implements Operations {
  readonly #scope: OperationsScope;

  constructor(scope: OperationsScope) {
    this.#scope = scope;
  }

  routes(): RouteShape[] {
    const { config, figures, switches } = this.#scope;
    return config().routes.map(({ name, upstream }) => {
      const { p50Ms, p99Ms, ...rest } = figures(name, upstream);
      const { enabled, remainingMs } = switches.view(name);
      const times = { p50Ms: tenths(p50Ms), p99Ms: tenths(p99Ms) };
      return { name, upstream, ...rest, ...times, retriesEnabled: enabled, retriesRemainingMs: rounded(remainingMs) };
    });
  }

  history(route: string | undefined): HistoryShape {
    const { config, history } = this.#scope;
    if (route !== undefined && !config().routes.some(({ name }) => name === route)) throw unknownRoute(route);
    const { startedAt, times, requestsPerSecond, p50Ms, p99Ms, ...shares } = history(route);
    return {
      route: route ?? null,
      startedAt: new Date(startedAt).toISOString(),
      times: times.map(Math.round),
      requestsPerSecond: requestsPerSecond.map((rate) => Number(rate.toFixed(3))),
      failureRatio: shares.failureRatio.map(tenThousandths),
      retryRatio: shares.retryRatio.map(tenThousandths),
      fallbackRatio: shares.fallbackRatio.map(tenThousandths),
      p50Ms: p50Ms.map(tenths),
      p99Ms: p99Ms.map(tenths),
    };
  }

  upstreams(): UpstreamShape[] {
    const now = this.#scope.clock.now();
    return [...this.#scope.upstreams().values()].map((upstream) => upstreamShape(upstream, now));
  }

  circuits(): CircuitShape[] {
    return [...this.#scope.upstreams().values()].flatMap(({ circuits }) => this.#shapes(circuits?.view() ?? []));
  }

  config(): unknown {
    return redactedConfig(this.#scope.config());
  }

  forceCircuits(upstream: string, { state, ttlMs, key }: CircuitForce, by: string): CircuitShape[] {
    const changed = this.#circuitsOf(upstream).force(state, ttlMs, key);
    if (key !== undefined && changed.length === 0) throw unknownKey(upstream, key);
    this.#scope.onChange({ change: 'circuits', by, upstream, key, to: state, forMs: finite(ttlMs) });
    return this.#shapes(changed);
  }

  resetCircuits(upstream: string, key: string | undefined, by: string): CircuitShape[] {
    const changed = this.#circuitsOf(upstream).reset(key);
    if (key !== undefined && changed.length === 0) throw unknownKey(upstream, key);
    this.#scope.onChange({ change: 'circuits', by, upstream, key, to: 'closed' });
    return this.#shapes(changed);
  }

  switchRetries({ enabled, ttlMs, route }: RetriesSwitch, by: string): RetriesShape[] {
    const { config, switches, onChange } = this.#scope;
    const names = config()
      .routes.map(({ name }) => name)
      .filter((name) => route === undefined || name === route);
    if (names.length === 0) throw unknownRoute(route);
    for (const name of names) switches.set(name, enabled, ttlMs);
    const forMs = enabled ? undefined : finite(ttlMs);
    onChange({ change: 'retries', by, route, to: enabled ? 'on' : 'off', forMs });
    return names.map((name) => {
      const { remainingMs, ...view } = switches.view(name);
      return { ...view, remainingMs: rounded(remainingMs) };
    });
  }

  setLogLevel({ level, ttlMs }: LevelSetting, by: string): LogShape {
    const { logLevel, onChange } = this.#scope;
    logLevel.set(level, ttlMs, (from, to, over) => {
      onChange({ change: 'log', by: over ? 'ttl' : by, from, to, forMs: over ? undefined : finite(ttlMs) });
    });
    return { level: logLevel.level, remainingMs: rounded(logLevel.remainingMs) };
  }

  quit(by: string): void {
    if (!this.#scope.quit()) {
      throw new RefusedError({ status: 501, code: 'not-implemented', detail: 'Nobody here ends the process.' });
    }
    this.#scope.onChange({ change: 'quit', by, to: 'draining' });
  }

  async reload(by: string): Promise<ReloadShape> {
    const report = await this.#scope.reload(by);
    if (report === undefined) {
      throw new RefusedError({ status: 501, code: 'not-implemented', detail: 'There is no file to read again.' });
    }
    switch (report.result) {
      case 'changed':
      case 'unchanged': {
        const { result, changes, restart } = report;
        this.#scope.onChange({ change: 'reload', by, to: result });
        return { result, ...changes, restart };
      }
      case 'invalid':
        throw new RefusedError({
          status: 422,
          code: 'invalid-policy-file',
          detail: `The file can't be taken; what was in force still is. Errors: ${report.errors.length}.`,
          errors: report.errors,
          logged: true,
        });
      case 'draining':
        throw new RefusedError({ status: 409, code: 'draining', detail: 'The process is about to end.', logged: true });
      case 'failed':
        throw new RefusedError({ status: 500, code: 'internal', detail: 'The proxy failed.', logged: true });
    }
  }

  #circuitsOf(name: string): Circuits {
    const upstream = this.#scope.upstreams().get(name);
    if (upstream === undefined) {
      const detail = `There is no upstream ${JSON.stringify(name)}.`;
      throw new RefusedError({ status: 404, code: 'unknown-upstream', detail });
    }
    if (upstream.circuits === undefined) {
      const detail = `The upstream ${JSON.stringify(name)} has no circuit breaker: there is nothing to force.`;
      throw new RefusedError({ status: 409, code: 'no-circuit-breaker', detail });
    }
    return upstream.circuits;
  }

  #shapes(views: readonly CircuitView[]): CircuitShape[] {
    const { clock } = this.#scope;
    const startedAt = clock.wallNow() - clock.now();
    return views.map(({ since, remainingMs, ...view }) => ({
      ...view,
      since: new Date(startedAt + since).toISOString(),
      remainingMs: rounded(remainingMs),
    }));
  }
}

function upstreamShape(upstream: Upstream, now: number): UpstreamShape {
  const { name, endpoints, circuits, limiters, budgets, panic = false } = upstream;
  const places = limiters?.view();
  return {
    name,
    endpoints: endpoints.map(({ label, healthy, inFlight }) => ({
      url: label,
      healthy,
      inFlight,
      circuit: circuits?.stateAt(label) ?? null,
    })),
    inFlight: places?.inFlight ?? endpoints.reduce((sum, { inFlight }) => sum + inFlight, 0),
    limit: places?.limit ?? null,
    queued: places?.queued ?? 0,
    retryBudget: budgets === undefined ? null : { remaining: budgets.remaining(now) },
    healthPanic: panic,
  };
}

function unknownKey(upstream: string, key: string): RefusedError {
  const message = `no circuit of ${JSON.stringify(upstream)} has the key ${JSON.stringify(key)}, or could have it now`;
  return invalid([{ path: 'key', message }]);
}

function unknownRoute(route: string | undefined): RefusedError {
  return invalid([{ path: 'route', message: `no route is named ${JSON.stringify(route)}` }]);
}

function finite(ttlMs: number): number | undefined {
  return Number.isFinite(ttlMs) ? ttlMs : undefined;
}

function rounded(ms: number | undefined): number | null {
  return ms === undefined ? null : Math.round(ms);
}

/** Milliseconds that are estimates have no more digits than they deserve. */
function tenths(ms: number | undefined): number | null {
  return ms === undefined ? null : Number(ms.toFixed(1));
}

function tenThousandths(share: number | undefined): number | null {
  return share === undefined ? null : Number(share.toFixed(4));
}
