import type { Families } from './families.js';
import { RouteSeries } from './route-series.js';
import { seedAttempts, seedEndpoint, seedRoute, seedUpstream } from './seed.js';
import type { Topology, UpstreamTopology } from './topology.js';

/** How long the series of an endpoint that is gone are still shown, in milliseconds. */
const GONE_ENDPOINT_MS = 5 * 60_000;

/** The route and upstream of calls that matched no route. */
const NONE = '-';

/** Endpoints by their upstream. */
type Endpoints = ReadonlyMap<string, ReadonlySet<string>>;

/** Finds the series to count in, and bounds them: names that are not configured have none. */
export class SeriesTable {
  readonly #families: Families;
  /** By route, then by upstream: its own, and those that its fallbacks ask. */
  #routes = new Map<string, Map<string, RouteSeries>>();
  #upstreams: Endpoints = new Map();
  /** When endpoints with series were first seen missing, by upstream, then endpoint; monotonic milliseconds. */
  readonly #goneSince = new Map<string, Map<string, number>>();

  constructor(families: Families) {
    this.#families = families;
  }

  hasUpstream(upstream: string): boolean {
    return this.#upstreams.has(upstream);
  }

  /** Undefined for names that are not configured, or not any more. */
  find(route: string, upstream: string): RouteSeries | undefined {
    return this.#routes.get(route)?.get(upstream) ?? this.#add(route, upstream);
  }

  /** Series by route, then by upstream. */
  get routes(): ReadonlyMap<string, ReadonlyMap<string, RouteSeries>> {
    return this.#routes;
  }

  *[Symbol.iterator](): Generator<readonly [route: string, upstream: string, series: RouteSeries]> {
    for (const [route, byUpstream] of this.#routes) {
      for (const [upstream, series] of byUpstream) yield [route, upstream, series];
    }
  }

  /** Takes another configuration. Counts go on where route and upstream stay; the rest is forgotten. */
  replace(topology: Topology): void {
    const upstreams = new Map(topology.upstreams.map((upstream) => [upstream.name, upstream]));
    this.#upstreams = new Map(topology.upstreams.map(({ name, endpoints }) => [name, new Set(endpoints)]));
    const before = this.#routes;
    this.#routes = new Map(topology.routes.map(({ name }) => [name, this.#staying(before.get(name))]));
    const unmatched = before.get(NONE);
    if (unmatched !== undefined) this.#routes.set(NONE, unmatched);
    this.#forgetOthers();
    for (const route of topology.routes) {
      const series = this.find(route.name, route.upstream);
      if (series !== undefined) seedRoute(this.#families, series, route, upstreams.get(route.upstream));
      for (const name of route.fallback?.upstreams ?? []) this.#seedElsewhere(route.name, upstreams.get(name));
    }
    for (const upstream of topology.upstreams) seedUpstream(this.#families, upstream);
  }

  /**
   * Makes the series of endpoints that are new, and drops those of endpoints that have been gone for five minutes.
   * `current` are those there are now; an upstream that is left out has those of its configuration.
   */
  follow(current: Iterable<{ readonly upstream: string; readonly endpoint: string }>, now: number): void {
    const endpoints = new Map(this.#upstreams);
    for (const [upstream, found] of grouped(current)) endpoints.set(upstream, found);
    for (const [, upstream, series] of this) {
      const known = new Set(series.endpoints());
      for (const endpoint of endpoints.get(upstream) ?? []) {
        if (!known.has(endpoint)) seedEndpoint(series, endpoint);
      }
      for (const endpoint of known) {
        if (endpoints.get(upstream)?.has(endpoint) === true) this.#goneSince.get(upstream)?.delete(endpoint);
        else if (this.#isLongGone(upstream, endpoint, now)) series.forgetEndpoint(endpoint);
      }
    }
    for (const gone of this.#goneSince.values()) {
      for (const [endpoint, since] of gone) if (now - since >= GONE_ENDPOINT_MS) gone.delete(endpoint);
    }
  }

  #seedElsewhere(route: string, upstream: UpstreamTopology | undefined): void {
    const series = upstream === undefined ? undefined : this.find(route, upstream.name);
    if (upstream !== undefined && series !== undefined) seedAttempts(series, upstream);
  }

  #isLongGone(upstream: string, endpoint: string, now: number): boolean {
    let gone = this.#goneSince.get(upstream);
    if (gone === undefined) {
      gone = new Map();
      this.#goneSince.set(upstream, gone);
    }
    const since = gone.get(endpoint) ?? now;
    gone.set(endpoint, since);
    return now - since >= GONE_ENDPOINT_MS;
  }

  #add(route: string, upstream: string): RouteSeries | undefined {
    if (route === '' || route === NONE) return this.#unmatched();
    const byUpstream = this.#routes.get(route);
    if (byUpstream === undefined || !this.#upstreams.has(upstream)) return undefined;
    const series = new RouteSeries(this.#families, route, upstream);
    byUpstream.set(upstream, series);
    return series;
  }

  #unmatched(): RouteSeries {
    const found = this.#routes.get(NONE)?.get(NONE);
    if (found !== undefined) return found;
    const series = new RouteSeries(this.#families, NONE, NONE);
    this.#routes.set(NONE, new Map([[NONE, series]]));
    return series;
  }

  #staying(byUpstream: Map<string, RouteSeries> | undefined): Map<string, RouteSeries> {
    return new Map([...(byUpstream ?? [])].filter(([upstream]) => this.#upstreams.has(upstream)));
  }

  #forgetOthers(): void {
    for (const family of this.#families.byRouteAndUpstream) {
      family.retain(
        ([route, upstream]) =>
          this.#routes.get(route ?? '')?.has(upstream ?? '') === true ||
          // What an upstream's circuit would have done in shadow mode.
          (route === NONE && this.#upstreams.has(upstream ?? '')),
      );
    }
    for (const family of this.#families.byRoute) family.retain(([route]) => this.#routes.has(route ?? ''));
    this.#families.circuitTransitions.retain(([upstream]) => this.#upstreams.has(upstream ?? ''));
  }
}

function grouped(
  endpoints: Iterable<{ readonly upstream: string; readonly endpoint: string }>,
): Map<string, Set<string>> {
  const groups = new Map<string, Set<string>>();
  for (const { upstream, endpoint } of endpoints) {
    const group = groups.get(upstream);
    if (group === undefined) groups.set(upstream, new Set([endpoint]));
    else group.add(endpoint);
  }
  return groups;
}
