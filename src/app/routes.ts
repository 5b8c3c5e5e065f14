import type { Config, ResolvedRoute } from '../config/config.js';
import type { EdgeRoute } from '../edge/route.js';
import { column, pipeline } from '../pipeline/column.js';
import type { PolicyDeps } from '../policies/policy.js';
import { parseSize } from '../policies/rules/units.js';
import type { Upstreams } from './upstreams.js';

/** The routes as the edge needs them, each with its own column of policies. */
export function createRoutes(config: Config, upstreams: Upstreams, deps: PolicyDeps): EdgeRoute[] {
  return config.routes.map((route) => createRoute(route, config, upstreams, deps));
}

function createRoute(route: ResolvedRoute, config: Config, upstreams: Upstreams, deps: PolicyDeps): EdgeRoute {
  const upstream = upstreams.get(route.upstream);
  const protection = config.upstreams.get(route.upstream);
  const { stripPrefix, addPrefix } = route.rewrite;
  const { host, path, methods, headers } = route.match;
  const layers = column(
    {
      ...route,
      concurrency: protection?.concurrency ?? false,
      circuitBreaker: protection?.circuitBreaker ?? false,
    },
    { upstream },
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
    // In shadow mode nothing is repeated, so nothing is kept: the app sees what it would see without retries.
    maxBodySize: route.retry === false || route.retry.mode === 'shadow' ? 0 : parseSize(route.retry.maxBodySize),
    dispatch: pipeline(layers),
  };
}
