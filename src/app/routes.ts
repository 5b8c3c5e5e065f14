import type { Config, ResolvedRoute } from '../config/config.js';
import { keptBodySize } from '../config/kept-body.js';
import type { EdgeRoute } from '../edge/route.js';
import { attemptColumn, column, pipeline } from '../pipeline/column.js';
import { isAdaptive } from '../policies/attempt-timeout.js';
import { keepsAnswers } from '../policies/fallback.js';
import type { Dispatch, PolicyDeps } from '../policies/policy.js';
import type { StaleStores } from '../policies/stale-store.js';
import type { RouteStates } from './route-states.js';
import type { RetrySwitches } from './retry-switches.js';
import type { Upstreams } from './upstreams.js';

/** What the routes share, and what outlives them. */
export interface RoutesScope {
  readonly upstreams: Upstreams;
  /** What is known from before; left out: nothing. */
  readonly states?: RouteStates;
  readonly staleStores: StaleStores;
  readonly switches: RetrySwitches;
}

/**
 * The routes as the edge needs them. Those that ask the same upstream in the same way go down one pipeline, unless its
 * policies know something of their own route: of a thousand that are called in turn each one's own would be gone from the
 * processor's caches when its next call comes.
 */
export function createRoutes(config: Config, scope: RoutesScope, deps: PolicyDeps): EdgeRoute[] {
  const pipelines = new Map<string, Dispatch>();
  return config.routes.map((route) => {
    const key = knowsItsRoute(route) ? undefined : policiesOf(route);
    const dispatch = (key === undefined ? undefined : pipelines.get(key)) ?? createPipeline(route, config, scope, deps);
    if (key !== undefined) pipelines.set(key, dispatch);
    return edgeRoute(route, dispatch);
  });
}

/** Whether a policy keeps something for this route alone: a bucket, times seen, answers. */
function knowsItsRoute({ rateLimit, hedge, attemptTimeout, fallback }: ResolvedRoute): boolean {
  const answers = fallback !== false && keepsAnswers(fallback);
  return rateLimit !== false || hedge !== false || isAdaptive(attemptTimeout) || answers;
}

/** The same text for routes whose pipelines would do the same. */
function policiesOf({ upstream, timeout, attemptTimeout, retry, fallback, faults }: ResolvedRoute): string {
  return JSON.stringify([upstream, timeout, attemptTimeout, retry, fallback, faults]);
}

function createPipeline(
  route: ResolvedRoute,
  config: Config,
  { upstreams, states, staleStores, switches }: RoutesScope,
  deps: PolicyDeps,
): Dispatch {
  const protection = (name: string) => ({
    concurrency: config.upstreams.get(name)?.concurrency ?? false,
    circuitBreaker: config.upstreams.get(name)?.circuitBreaker ?? false,
  });
  const elsewhere = (name: string): Dispatch => {
    const options = { ...protection(name), attemptTimeout: route.attemptTimeout };
    return pipeline(attemptColumn(options, upstreams.get(name), deps));
  };
  const layers = column(
    { ...route, ...protection(route.upstream) },
    {
      upstream: upstreams.get(route.upstream),
      ...states?.of(route.name),
      retriesEnabled: (name) => switches.isEnabled(name),
      fallback: { stale: { stores: staleStores, route: route.name }, upstream: elsewhere },
    },
    deps,
  );
  return pipeline(layers);
}

function edgeRoute(route: ResolvedRoute, dispatch: Dispatch): EdgeRoute {
  const { stripPrefix, addPrefix } = route.rewrite;
  const { host, path, methods, headers } = route.match;
  return {
    name: route.name,
    match: {
      headers,
      ...(host === undefined ? {} : { host }),
      ...(path === undefined ? {} : { path }),
      ...(methods === undefined ? {} : { methods }),
    },
    upstream: route.upstream,
    rewrite: {
      ...(stripPrefix === undefined ? {} : { stripPrefix }),
      ...(addPrefix === undefined ? {} : { addPrefix }),
    },
    requestHeaders: route.requestHeaders,
    responseHeaders: route.responseHeaders,
    preserveHost: route.preserveHost,
    idleTimeoutMs: route.idleTimeoutMs,
    maxBodySize: keptBodySize(route),
    dispatch,
  };
}
