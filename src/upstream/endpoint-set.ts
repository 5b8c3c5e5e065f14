import { isDeepStrictEqual } from 'node:util';
import type { PolicyDeps } from '../policies/policy.js';
import { parseDuration, parseRatio } from '../policies/rules/units.js';
import { endpointAddresses, NameWatch, nameIn, type DiscoveryOptions, type Lookup } from './discovery.js';
import { Endpoint, type ConnectionPool, type EndpointPlace } from './endpoint.js';
import { usableOf } from './health.js';
import { HealthChecks, type HealthCheckOptions, type HealthScope } from './health-check.js';

/** Which endpoints an upstream has. */
export interface EndpointSetOptions {
  /** The upstream's name. */
  readonly upstream: string;
  /** scheme://host:port each, in the file's order. */
  readonly origins: readonly string[];
  readonly internalHeaders: boolean;
  /** Undefined: every origin is one endpoint. */
  readonly discovery: DiscoveryOptions | undefined;
  readonly healthCheck: HealthCheckOptions | false;
  /** How connections are made; those of a configuration before are kept while it is the same. */
  readonly connection: unknown;
}

/** What a set of endpoints gets from outside. */
export interface EndpointSetScope {
  readonly poolFor: (place: EndpointPlace) => ConnectionPool;
  readonly lookup: Lookup;
  /** What has a state by endpoint has to follow. */
  readonly onChange: (change: EndpointChange) => void;
}

/** Labels of endpoints. */
export interface EndpointChange {
  readonly added: readonly string[];
  readonly gone: readonly string[];
  /** Those that now stand for another address: nothing that was learnt holds. */
  readonly moved: readonly string[];
}

/**
 * The endpoints of one upstream: those that the file names, or every address behind a name. Until a name's first answer
 * the name itself is the endpoint, so that a sidecar starts, and takes calls, whatever DNS does. An address that is gone
 * takes no new attempts; those in flight end in peace.
 */
export class EndpointSet {
  readonly #options: EndpointSetOptions;
  readonly #scope: EndpointSetScope;
  readonly #deps: PolicyDeps;
  readonly #panicThreshold: number;
  #checks: HealthChecks | undefined;
  /** The set that this one takes the place of, until it starts. */
  #before: EndpointSet | undefined;
  readonly #watches: readonly NameWatch[];
  /** The last answer for each name. */
  readonly #answers = new Map<string, readonly (string | undefined)[]>();
  readonly #unresolved = new Set<string>();
  readonly #retiring = new Set<Endpoint>();
  #all: readonly Endpoint[];
  #usable: readonly Endpoint[];
  #panic = false;

  /** @param before the set that this one will take the place of: what stays the same is taken over, pools and health too */
  constructor(options: EndpointSetOptions, scope: EndpointSetScope, deps: PolicyDeps, before?: EndpointSet) {
    const { origins, discovery, healthCheck } = options;
    this.#options = options;
    this.#scope = scope;
    this.#deps = deps;
    this.#before = before;
    const names = discovery?.dns === 'each' ? [...new Set(origins.map(nameIn))] : [];
    const watched = names.filter((name) => name !== undefined);
    for (const name of watched) this.#remember(name);
    this.#all = this.#places().map(({ place, label }) => this.#takeOver(place, label) ?? this.#create(place, label));
    this.#watches = watched.map((name) => this.#watch(name));
    this.#panicThreshold = healthCheck === false ? 0 : parseRatio(healthCheck.panicThreshold);
    this.#checks = healthCheck === false ? undefined : new HealthChecks(healthCheck, deps, this.#healthScope);
    this.#usable = this.#all;
    this.#refresh();
  }

  get all(): readonly Endpoint[] {
    return this.#all;
  }

  /** Those that attempts may go to: the healthy ones, or all when the checks are not believed. Replaced when it changes. */
  get usable(): readonly Endpoint[] {
    return this.#usable;
  }

  /** Whether so few are healthy that the checks are not believed; undefined without checks. */
  get panic(): boolean | undefined {
    return this.#checks === undefined ? undefined : this.#panic;
  }

  /** Starts to look names up and to check health. */
  start(): void {
    const before = this.#before;
    this.#before = undefined;
    if (this.#options.healthCheck === false) for (const endpoint of this.#all) endpoint.healthy = true;
    else if (before !== undefined) this.#checks = before.#handChecks(this.#options.healthCheck) ?? this.#checks;
    before?.stop();
    this.#checks?.tell(this.#healthScope);
    this.#refresh();
    for (const watch of this.#watches) watch.start();
    this.#checks?.watch(this.#all);
  }

  /** Stops lookups and checks, and closes the pools when what is in flight has ended. */
  async close(): Promise<void> {
    this.stop();
    await Promise.all([...this.#all, ...this.#retiring].map((endpoint) => endpoint.dispatcher.close()));
  }

  /** Stops lookups and checks, and cuts what is in flight. */
  async destroy(): Promise<void> {
    this.stop();
    await Promise.all([...this.#all, ...this.#retiring].map((endpoint) => endpoint.dispatcher.destroy()));
  }

  /** Stops lookups and checks. Those who know the endpoints may use them still. */
  stop(): void {
    for (const watch of this.#watches) watch.stop();
    this.#checks?.watch([]);
  }

  /** No attempt will come any more: closes what no other set has taken over. */
  retire(): void {
    this.stop();
    for (const endpoint of this.#all) this.#retire(endpoint);
  }

  get #healthScope(): HealthScope {
    return { upstream: this.#options.upstream, onChange: () => this.#refresh() };
  }

  /** The checks that run, for a set with the same ones: begun anew with each reload, those that are far apart might never be made. */
  #handChecks(options: HealthCheckOptions): HealthChecks | undefined {
    if (!isDeepStrictEqual(options, this.#options.healthCheck)) return undefined;
    const checks = this.#checks;
    this.#checks = undefined;
    return checks;
  }

  /** What the set before knew of a name: until the next answer that is in force. */
  #remember(name: string): void {
    const before = this.#before;
    if (before === undefined) return;
    const answer = before.#answers.get(name);
    if (answer !== undefined) this.#answers.set(name, answer);
    if (before.#unresolved.has(name)) this.#unresolved.add(name);
  }

  #takeOver(place: EndpointPlace, label: string): Endpoint | undefined {
    const before = this.#before;
    if (before === undefined) return undefined;
    const { connection, internalHeaders } = before.#options;
    if (internalHeaders !== this.#options.internalHeaders) return undefined;
    if (!isDeepStrictEqual(connection, this.#options.connection)) return undefined;
    const same = before.#all.find(({ origin, address }) => origin === place.origin && address === place.address);
    if (same !== undefined) same.label = label;
    return same?.share();
  }

  #watch(hostname: string): NameWatch {
    const { discovery } = this.#options;
    return new NameWatch({
      hostname,
      refreshMs: parseDuration(discovery?.refresh ?? '5s'),
      lookup: this.#scope.lookup,
      clock: this.#deps.clock,
      random: this.#deps.random,
      onAnswer: (addresses) => this.#answered(hostname, addresses),
      onFailure: (error) => this.#failed(hostname, error),
    });
  }

  #answered(hostname: string, answer: readonly string[]): void {
    const { upstream } = this.#options;
    const before = this.#answers.get(hostname);
    const addresses = endpointAddresses(answer);
    const said = addresses.map((address) => address ?? hostname);
    if (this.#unresolved.delete(hostname)) {
      this.#deps.emit({ type: 'discovery', upstream, hostname, result: 'recovered', addresses: said });
    }
    if (before?.length === addresses.length && before.every((address, i) => address === addresses[i])) return;
    this.#answers.set(hostname, addresses);
    this.#reconcile();
    this.#deps.emit({ type: 'discovery', upstream, hostname, result: 'changed', addresses: said });
  }

  #failed(hostname: string, error: unknown): void {
    if (this.#unresolved.has(hostname)) return;
    this.#unresolved.add(hostname);
    const { upstream } = this.#options;
    const addresses = (this.#answers.get(hostname) ?? [undefined]).map((address) => address ?? hostname);
    const reason = error instanceof Error ? error.message : String(error);
    this.#deps.emit({ type: 'discovery', upstream, hostname, result: 'failed', addresses, reason });
  }

  /** Makes the endpoints what the answers say, and keeps those that stay. */
  #reconcile(): void {
    const before = this.#all;
    const labels = new Set(before.map((endpoint) => endpoint.label));
    const moved: string[] = [];
    this.#all = this.#places().map(({ place, label }) => {
      const same = before.find(({ origin, address }) => origin === place.origin && address === place.address);
      if (same === undefined) {
        if (labels.has(label)) moved.push(label);
        return this.#create(place, label);
      }
      same.label = label;
      return same;
    });
    for (const endpoint of before) if (!this.#all.includes(endpoint)) this.#retire(endpoint);
    const now = new Set(this.#all.map((endpoint) => endpoint.label));
    const added = [...now].filter((label) => !labels.has(label));
    const gone = [...labels].filter((label) => !now.has(label));
    this.#scope.onChange({ added, gone, moved });
    this.#checks?.watch(this.#all);
    this.#refresh();
  }

  #places(): { readonly place: EndpointPlace; readonly label: string }[] {
    return this.#options.origins.flatMap((origin) => {
      const addresses = this.#answers.get(nameIn(origin) ?? '') ?? [undefined];
      return addresses.map((address) => ({
        place: { origin, address },
        label: addresses.length === 1 || address === undefined ? origin : `${origin}#${address}`,
      }));
    });
  }

  #create(place: EndpointPlace, label?: string): Endpoint {
    return new Endpoint(place, this.#scope.poolFor(place), this.#options.internalHeaders, label);
  }

  #retire(endpoint: Endpoint): void {
    this.#retiring.add(endpoint);
    const done = () => void this.#retiring.delete(endpoint);
    endpoint.retire().then(done, done);
  }

  #refresh(): void {
    const { endpoints, panic } = usableOf(this.#all, this.#panicThreshold);
    this.#usable = endpoints;
    this.#panic = panic;
  }
}
