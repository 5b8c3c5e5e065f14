import { isDeepStrictEqual } from 'node:util';
import type { Config, ResolvedRoute } from '../config/config.js';
import type { ColumnScope } from '../pipeline/column.js';
import { adaptiveTimeoutFor } from '../policies/attempt-timeout.js';
import { headTimesFor } from '../policies/hedge.js';
import { RateLimits } from '../policies/rate-limit.js';
import type { Clock } from '../runtime/clock.js';

type RouteState = Pick<ColumnScope, 'rateLimits' | 'headTimes' | 'adaptiveTimeout'>;

/** What the policies of routes know, by route. A configuration takes over from the one before what its options don't change. */
export class RouteStates {
  readonly #routes: ReadonlyMap<string, { readonly route: ResolvedRoute; readonly state: RouteState }>;

  constructor({ routes }: Config, clock: Clock, before?: RouteStates) {
    this.#routes = new Map(
      routes.map((route) => {
        const earlier = before === undefined ? undefined : before.#routes.get(route.name);
        const same = (key: 'rateLimit' | 'hedge' | 'attemptTimeout' | 'upstream') =>
          isDeepStrictEqual(route[key], earlier?.route[key]);
        const { rateLimit, hedge, attemptTimeout } = route;
        const rateLimits = same('rateLimit') ? earlier?.state.rateLimits : undefined;
        // Times of another upstream say nothing.
        const headTimes = same('hedge') && same('upstream') ? earlier?.state.headTimes : undefined;
        const timeout = same('attemptTimeout') && same('upstream') ? earlier?.state.adaptiveTimeout : undefined;
        const adaptive = attemptTimeout === false ? undefined : (timeout ?? adaptiveTimeoutFor(attemptTimeout));
        const state: RouteState = {
          ...(rateLimit === false ? {} : { rateLimits: rateLimits ?? new RateLimits(rateLimit, clock) }),
          ...(hedge === false ? {} : withTimes(headTimes ?? headTimesFor(hedge))),
          ...(adaptive === undefined ? {} : { adaptiveTimeout: adaptive }),
        };
        return [route.name, { route, state }];
      }),
    );
  }

  /** How long an attempt is given now, in milliseconds, on the routes where that follows what is seen. */
  *attemptTimeouts(): Generator<{ readonly route: string; readonly upstream: string; readonly limitMs: number }> {
    for (const [name, { route, state }] of this.#routes) {
      if (state.adaptiveTimeout === undefined) continue;
      yield { route: name, upstream: route.upstream, limitMs: state.adaptiveTimeout.limitMs };
    }
  }

  of(route: string): RouteState {
    return this.#routes.get(route)?.state ?? {};
  }
}

function withTimes(headTimes: RouteState['headTimes']): RouteState {
  return headTimes === undefined ? {} : { headTimes };
}
