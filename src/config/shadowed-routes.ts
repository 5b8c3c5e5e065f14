import { normalizeHost } from '../routing/host.js';
import { normalizePath } from '../routing/path.js';
import type { ResolvedRoute, RouteMatch } from './config.js';
import type { RouteAt } from './route-at.js';

/** A route that never gets any of its calls, or none of some methods, since routes above it take them. */
export function warnShadowed(route: ResolvedRoute, above: readonly ResolvedRoute[], at: RouteAt): void {
  const { methods } = route.match;
  const around = above.filter(({ match }) => coversButMethods(match, route.match));
  const whole = around.find(({ match }) => coversMethods(match.methods, methods));
  if (whole !== undefined) unreachable(route, [whole], at);
  else if (methods === undefined) warnCrossed(route, around, at);
  else warnTakenMethods(route, methods, around, at);
}

function unreachable({ name }: ResolvedRoute, takers: readonly ResolvedRoute[], at: RouteAt): void {
  at.say(
    [['name']],
    `route '${name}' can never be reached: ${names(takers)} above ${takers.length === 1 ? 'matches' : 'match'} all of its calls`,
    `move it above ${names(takers)}`,
  );
}

/** Methods that the route lists and never gets. */
function warnTakenMethods(
  route: ResolvedRoute,
  methods: readonly string[],
  around: readonly ResolvedRoute[],
  at: RouteAt,
): void {
  const takers = methods.map((method) => around.find(({ match }) => coversMethods(match.methods, [method])));
  const found = takers.filter((taker) => taker !== undefined);
  if (found.length === methods.length) {
    unreachable(route, [...new Set(found)], at);
    return;
  }
  for (const [index, taker] of takers.entries()) {
    if (taker === undefined) continue;
    const method = methods[index] ?? '';
    at.say(
      [['match', 'methods', index]],
      `route '${route.name}' never gets a ${method}: '${taker.name}' above takes them`,
      `leave ${method} out, or move the route above '${taker.name}'`,
    );
  }
}

/**
 * A route for any method below one with a wider path for some: who wrote the narrower path meant it. The same path twice,
 * first for some methods and then for the rest, is how a route is split and no slip.
 */
function warnCrossed(route: ResolvedRoute, around: readonly ResolvedRoute[], at: RouteAt): void {
  const { path } = route.match;
  if (path === undefined || path === '/*') return;
  const wider = around.find(({ match }) => !coversPath(path, match.path));
  if (wider === undefined) return;
  at.say(
    [['match', 'path']],
    `route '${route.name}' never gets ${wider.match.methods?.join(', ')}: ` +
      `'${wider.name}' above, whose path is wider, takes them`,
    `move it above '${wider.name}', or list the methods it is for`,
  );
}

function names(routes: readonly ResolvedRoute[]): string {
  return routes.map(({ name }) => `'${name}'`).join(' and ');
}

/** Whether every call that `narrow` matches is matched by `wide` too. */
export function covers(wide: RouteMatch, narrow: RouteMatch): boolean {
  return coversButMethods(wide, narrow) && coversMethods(wide.methods, narrow.methods);
}

function coversButMethods(wide: RouteMatch, narrow: RouteMatch): boolean {
  return (
    coversHost(wide.host, narrow.host) &&
    coversPath(wide.path, narrow.path) &&
    Object.entries(wide.headers).every(([name, value]) => narrow.headers[name] === value)
  );
}

function coversMethods(wide: readonly string[] | undefined, narrow: readonly string[] | undefined): boolean {
  return wide === undefined || (narrow?.every((method) => wide.includes(method)) ?? false);
}

function coversHost(wide: string | undefined, narrow: string | undefined): boolean {
  if (wide === undefined || wide === narrow) return true;
  if (narrow === undefined) return false;
  const [outer, inner] = [normalizeHost(wide), normalizeHost(narrow)];
  return outer === inner || (outer.startsWith('*.') && inner.endsWith(outer.slice(1)));
}

function coversPath(wide: string | undefined, narrow: string | undefined): boolean {
  if (wide === undefined || wide === narrow || wide === '/*') return true;
  if (narrow === undefined) return false;
  const [outer, inner] = [normalizePath(wide), normalizePath(narrow)];
  if (outer === inner) return true;
  if (!outer.endsWith('/*')) return false;
  const prefix = outer.slice(0, -1);
  return inner.startsWith(prefix) || inner === prefix.slice(0, -1);
}
