import type { Config, ResolvedRoute } from '../config/config.js';
import { keptBodySize } from '../config/kept-body.js';
import type { EdgeRoute } from '../edge/route.js';
import { attemptColumn, column, pipeline } from '../pipeline/column.js';
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

/** The routes as the edge needs them, each with its own column of policies. */
export function createRoutes(config: Config, scope: RoutesScope, deps: PolicyDeps): EdgeRoute[] {
  return config.routes.map((route) => createRoute(route, config, scope, deps));
}

function createRoute(
  route: ResolvedRoute,
  config: Config,
  { upstreams, states, staleStores, switches }: RoutesScope,
  deps: PolicyDeps,
): EdgeRoute {
  const protection = (name: string) => ({
    concurrency: config.upstreams.get(name)?.concurrency ?? false,
    circuitBreaker: config.upstreams.get(name)?.circuitBreaker ?? false,
  });
  const elsewhere = (name: string): Dispatch => {
    const options = { ...protection(name), attemptTimeout: route.attemptTimeout };
    return pipeline(attemptColumn(options, upstreams.get(name), deps));
  };
  const { stripPrefix, addPrefix } = route.rewrite;
  const { host, path, methods, headers } = route.match;
  const layers = column(
    { ...route, ...protection(route.upstream) },
    {
      upstream: upstreams.get(route.upstream),
      ...states?.of(route.name),
      retriesEnabled: () => switches.isEnabled(route.name),
      fallback: { stale: { stores: staleStores, route: route.name }, upstream: elsewhere },
    },
    deps,
  );
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
    dispatch: pipeline(layers),
  };
}
