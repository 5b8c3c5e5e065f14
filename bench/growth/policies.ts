/** Policy files of any size. */

export interface Size {
  readonly routes: number;
  readonly upstreams: number;
  /** Per upstream; default 1. */
  readonly endpoints?: number;
}

/** What tells the routes apart. */
export type By = 'exact path' | 'path prefix' | 'host suffix' | 'header';

type Json = Readonly<Record<string, unknown>>;

/**
 * Routes with a fallback, whose calls go to the upstreams in turn, all of which have the same address. GET / has a route and
 * an upstream of its own, for whoever waits until the proxy answers. It listens on any free ports.
 *
 * @param route more of each route
 * @param upstream more of each upstream
 */
export function policyFile(
  upstreamPort: number,
  { routes, upstreams, endpoints = 1 }: Size,
  { by = 'path prefix', route = {}, upstream = {} }: { by?: By; route?: Json; upstream?: Json } = {},
): string {
  const origins = Array.from({ length: endpoints }, (_, i) => `http://127.0.0.${i + 1}:${upstreamPort}`);
  const fallback = { steps: [{ response: { status: 200, body: '{}' } }] };
  // JSON is YAML.
  return JSON.stringify({
    listen: '127.0.0.1:0',
    admin: { listen: '127.0.0.1:0' },
    log: { level: 'warn' },
    upstreams: {
      ready: { url: origins[0] },
      ...Object.fromEntries(
        Array.from({ length: upstreams }, (_, i) => [`u${i}`, { endpoints: origins, ...upstream }]),
      ),
    },
    routes: [
      { name: 'ready', match: { path: '/' }, upstream: 'ready' },
      ...Array.from({ length: routes }, (_, i) => ({
        name: `r${i}`,
        match: matchOf(by, i),
        upstream: `u${i % upstreams}`,
        fallback,
        ...route,
      })),
    ],
  });
}

function matchOf(by: By, i: number): Json {
  switch (by) {
    case 'exact path':
      return { path: `/r${i}/item` };
    case 'path prefix':
      return { path: `/r${i}/*` };
    case 'host suffix':
      return { path: '/*', host: `*.r${i}.test` };
    case 'header':
      return { path: '/*', headers: { 'x-route': `r${i}` } };
  }
}

/** A request for a route, as a line of the load generator's file. */
export function requestFor(by: By, i: number): string {
  switch (by) {
    case 'exact path':
    case 'path prefix':
      return `/r${i}/item`;
    case 'host suffix':
      return `/item\tHost\ta.r${i}.test`;
    case 'header':
      return `/item\tx-route\tr${i}`;
  }
}
