import type { Config, ResolvedRoute } from '../config/config.js';
import { RetryOptions } from '../policies/retry.js';
import { withDefaults } from '../policies/rules/with-defaults.js';

export type VariantName = 'policy' | 'none' | 'plain-retries';

/** What the fleets have: the policies of the route, and for comparison none, and retries as a library makes them. */
export const VARIANTS: readonly VariantName[] = ['policy', 'none', 'plain-retries'];

const PLAIN_ATTEMPTS = 3;

/**
 * The configuration of a sidecar with one route alone. Those for comparison keep the time that the route gives an attempt:
 * waiting for ever would be worse than what most apps do.
 */
export function variantOf(name: VariantName, route: ResolvedRoute, config: Config): Config {
  if (name === 'policy') return only(route, config);
  const upstreams = [...config.upstreams].map(
    ([upstream, options]) =>
      [
        upstream,
        {
          ...options,
          circuitBreaker: false,
          concurrency: false,
          retryBudget: false,
          rateLimit: false,
          healthCheck: false,
        },
      ] as const,
  );
  const bare: ResolvedRoute = {
    ...route,
    timeout: route.attemptTimeout === false ? route.timeout : false,
    retry: name === 'none' ? false : withDefaults(RetryOptions, { maxAttempts: PLAIN_ATTEMPTS }),
    hedge: false,
    rateLimit: false,
    fallback: false,
  };
  return only(bare, { ...config, upstreams: new Map(upstreams) });
}

/** What the route does not need costs each sidecar memory. */
function only(route: ResolvedRoute, config: Config): Config {
  const steps = route.fallback === false ? [] : route.fallback.steps;
  const names = new Set([route.upstream, ...steps.flatMap((step) => ('upstream' in step ? [step.upstream] : []))]);
  const upstreams = [...config.upstreams]
    .filter(([name]) => names.has(name))
    // Nobody reads the headers of an attempt here, and adding some to each would copy them all.
    .map(([name, upstream]) => [name, { ...upstream, internalHeaders: false }] as const);
  return { ...config, routes: [route], upstreams: new Map(upstreams) };
}
