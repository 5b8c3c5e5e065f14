import { isDeepStrictEqual } from 'node:util';
import type { Config, ResolvedRoute } from '../config/config.js';
import type { ColumnScope } from '../pipeline/column.js';
import { headTimesFor } from '../policies/hedge.js';
import { RateLimits } from '../policies/rate-limit.js';
import type { Clock } from '../runtime/clock.js';

type RouteState = Pick<ColumnScope, 'rateLimits' | 'headTimes'>;

/** What the policies of routes know, by route. A configuration takes over from the one before what its options don't change. */
export class RouteStates {
  readonly #routes: ReadonlyMap<string, { readonly route: ResolvedRoute; readonly state: RouteState }>;

  constructor({ routes }: Config, clock: Clock, before?: RouteStates) {
    this.#routes = new Map(
      routes.map((route) => {
        const earlier = before === undefined ? undefined : before.#routes.get(route.name);
        const same = (key: 'rateLimit' | 'hedge' | 'upstream') => isDeepStrictEqual(route[key], earlier?.route[key]);
        const { rateLimit, hedge } = route;
        const rateLimits = same('rateLimit') ? earlier?.state.rateLimits : undefined;
        // Times of another upstream say nothing.
        const headTimes = same('hedge') && same('upstream') ? earlier?.state.headTimes : undefined;
        const state: RouteState = {
          ...(rateLimit === false ? {} : { rateLimits: rateLimits ?? new RateLimits(rateLimit, clock) }),
          ...(hedge === false ? {} : withTimes(headTimes ?? headTimesFor(hedge))),
        };
        return [route.name, { route, state }];
      }),
    );
  }

  of(route: string): RouteState {
    return this.#routes.get(route)?.state ?? {};
  }
}

function withTimes(headTimes: RouteState['headTimes']): RouteState {
  return headTimes === undefined ? {} : { headTimes };
}
