import { Candidate, Candidates } from './candidates.js';
import { normalizeHost } from './host.js';
import type { RoutedRequest, RouteMatch } from './match.js';
import { normalizePath } from './path.js';
import { PathIndex } from './path-index.js';

export interface Router<T> {
  /** The first route, in the order given, that matches. */
  find(request: RoutedRequest): T | undefined;
}

/**
 * Matches requests to routes. Hosts and paths are looked up, not tried one by one, so that the cost does not grow with the
 * number of routes, and so are headers among the routes whose host and path match; methods are tried in order.
 */
export function createRouter<T extends { readonly match: RouteMatch }>(routes: readonly T[]): Router<T> {
  const newPaths = () => new PathIndex(() => new Candidates<T>());
  const anyHost = newPaths();
  const exactHosts = new Map<string, PathIndex<Candidates<T>>>();
  const suffixes = new Map<string, PathIndex<Candidates<T>>>();

  routes.forEach((route, index) => {
    const { host, path } = route.match;
    paths(host)
      .at(path === undefined ? undefined : normalizePath(path))
      .add(new Candidate(route, index, route.match));
  });

  function paths(host: string | undefined): PathIndex<Candidates<T>> {
    if (host === undefined) return anyHost;
    const wildcard = host.startsWith('*.');
    const table = wildcard ? suffixes : exactHosts;
    const key = normalizeHost(wildcard ? host.slice(2) : host);
    const found = table.get(key) ?? newPaths();
    table.set(key, found);
    return found;
  }

  function find(request: RoutedRequest): T | undefined {
    let best: Candidate<T> | undefined;
    const consider = (candidates: Candidates<T>) => {
      best = candidates.first(request, best);
    };
    const path = normalizePath(request.path);
    anyHost.visit(path, consider);
    if (exactHosts.size > 0 || suffixes.size > 0) {
      const host = normalizeHost(request.host);
      exactHosts.get(host)?.visit(path, consider);
      if (suffixes.size > 0) {
        // `*.b.c` stands for one label or more, and not for b.c itself.
        for (let dot = host.indexOf('.'); dot !== -1; dot = host.indexOf('.', dot + 1)) {
          if (dot > 0) suffixes.get(host.slice(dot + 1))?.visit(path, consider);
        }
      }
    }
    return best?.route;
  }

  return { find };
}
