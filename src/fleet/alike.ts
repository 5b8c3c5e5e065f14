import type { Config, ResolvedRoute, ResolvedUpstream } from '../config/config.js';
import { isAdaptive } from '../policies/attempt-timeout.js';

/**
 * Whether a sidecar of this configuration keeps nothing of a call for the next ones. Of a fleet of such one can stand for
 * all, with the same result: the state of a thousand would only be read into the processor's caches in turn.
 *
 * @param config with one route
 */
export function keepsNothing({ routes, upstreams }: Config): boolean {
  return routes.every(routeKeepsNothing) && [...upstreams.values()].every(upstreamKeepsNothing);
}

function routeKeepsNothing({ attemptTimeout, hedge, rateLimit, fallback }: ResolvedRoute): boolean {
  return !isAdaptive(attemptTimeout) && hedge === false && rateLimit === false && fallback === false;
}

function upstreamKeepsNothing(upstream: ResolvedUpstream): boolean {
  const { circuitBreaker, concurrency, retryBudget, rateLimit, healthCheck, endpoints } = upstream;
  const policies = [circuitBreaker, concurrency, retryBudget, rateLimit, healthCheck];
  // Which of several endpoints is chosen, and what chance is drawn for that, depends on the attempts that are in flight.
  return policies.every((policy) => policy === false) && endpoints.length === 1;
}
