import type { Config, ResolvedRoute, ResolvedUpstream } from '../config/config.js';
import type { RouteTopology, Topology, UpstreamTopology } from '../observability/topology.js';
import { upstreamsOf } from './upstreams.js';

/** What is configured, as far as metrics have to know which series to show before anything has happened. */
export function topologyOf(config: Config): Topology {
  return {
    routes: config.routes.map((route) => routeTopology(route, config)),
    upstreams: [...config.upstreams.values()].map(upstreamTopology),
  };
}

function routeTopology(route: ResolvedRoute, config: Config): RouteTopology {
  const { retry, fallback, rateLimit } = route;
  const attemptsLimited = config.upstreams.get(route.upstream)?.rateLimit ?? false;
  return {
    name: route.name,
    upstream: route.upstream,
    hedge: route.hedge !== false,
    faults: route.faults !== false,
    ...(route.match.methods === undefined ? {} : { methods: route.match.methods }),
    ...(retry === false ? {} : { retry: { on: retry.on, shadow: retry.mode === 'shadow' } }),
    ...(fallback === false
      ? {}
      : { fallback: { kinds: fallback.steps.map(kindOf), on: fallback.on, upstreams: upstreamsOf(route).slice(1) } }),
    ...(rateLimit === false && attemptsLimited === false
      ? {}
      : { rateLimit: { shadow: rateLimit !== false && rateLimit.mode === 'shadow' } }),
  };
}

function kindOf(step: object): 'stale' | 'upstream' | 'response' {
  if ('stale' in step) return 'stale';
  return 'upstream' in step ? 'upstream' : 'response';
}

function upstreamTopology(upstream: ResolvedUpstream): UpstreamTopology {
  const { name, endpoints, circuitBreaker, concurrency } = upstream;
  return {
    name,
    endpoints,
    ...(circuitBreaker === false ? {} : { circuitBreaker: { shadow: circuitBreaker.mode === 'shadow' } }),
    ...(concurrency === false ? {} : { concurrency: { shadow: concurrency.mode === 'shadow' } }),
  };
}
