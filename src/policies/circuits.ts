import type { CircuitBreakerOptions } from './circuit-breaker.js';
import type { CircuitStateName } from './events.js';
import type { Attempt, Permit, PolicyDeps } from './policy.js';
import { Circuit, isPermit, type Admission, type CircuitRules, type CircuitSnapshot } from './rules/circuit.js';
import { KeyedStates } from './rules/keyed-states.js';
import { compileKey, type KeyTemplate } from './rules/keys.js';
import { parseDuration, parseRatio } from './rules/units.js';

/** What the circuits of one upstream need to know besides their options. */
export interface CircuitScope {
  readonly upstream: string;
  /** The longest that an attempt may take to its head: a half-open permit older than this is given back. */
  readonly longestAttemptMs: number;
}

/** One circuit as the admin API and the metrics show it. */
export interface CircuitView extends CircuitSnapshot {
  readonly upstream: string;
  readonly key: string;
}

export type ForcedState = 'forced-open' | 'forced-closed';

const WORST_FIRST: readonly CircuitStateName[] = [
  'forced-open',
  'open',
  'half-open',
  'ramping',
  'forced-closed',
  'closed',
];

/** The circuits of one upstream, by key. The endpoint choice asks them; the policy tells them how attempts ended. */
export class Circuits {
  readonly #scope: CircuitScope;
  /** Endpoints that there are. */
  readonly #endpoints = new Set<string>();
  readonly #deps: PolicyDeps;
  readonly #shadow: boolean;
  readonly #template: KeyTemplate;
  readonly #circuits: KeyedStates<Circuit>;
  /** All circuits have the same. */
  readonly #rules: ReturnType<typeof circuitRules>;
  /** What the operator forced, by key, and under undefined on all: circuits that come, or come back, are under it too. */
  readonly #forced = new Map<string | undefined, { readonly state: ForcedState; readonly until: number }>();

  constructor(options: CircuitBreakerOptions, deps: PolicyDeps, scope: CircuitScope) {
    this.#scope = scope;
    this.#deps = deps;
    this.#shadow = options.mode === 'shadow';
    this.#template = compileKey(options.key);
    this.#rules = circuitRules(options, scope);
    this.#circuits = new KeyedStates(
      options.maxKeys,
      (key) => this.#create(key),
      (circuit) => circuit.mayBeForgotten,
    );
  }

  /** Makes the circuits whose keys are known before any call, so that their series exist from the start. */
  prepare(endpoints: readonly string[]): void {
    for (const endpoint of endpoints) this.#endpoints.add(endpoint);
    if (this.#keysComeWithCalls) return;
    for (const endpoint of endpoints) this.#circuits.get(this.#keyOf(endpoint));
  }

  /** Forgets the circuits of an endpoint that is gone: an open one would be kept for ever. */
  forget(endpoint: string): void {
    this.#endpoints.delete(endpoint);
    for (const [key] of this.#of(endpoint)) this.#circuits.forget(key);
  }

  /** Forgets those of these endpoints that are gone: the last calls under another configuration may have brought them back. */
  forgetGone(endpoints: readonly string[]): void {
    for (const endpoint of endpoints) if (!this.#endpoints.has(endpoint)) this.forget(endpoint);
  }

  /** Routes with other timeouts lead here now. */
  setLongestAttempt(ms: number): void {
    this.#rules.permitMs = ms;
  }

  /** The endpoint stands for another address now: what was learnt of the old one is dropped; what an operator forced stays. */
  renew(endpoint: string): void {
    const now = this.#deps.clock.now();
    for (const [, circuit] of this.#of(endpoint)) if (!circuit.isForced) circuit.reset(now, 'address-changed');
  }

  /**
   * Asks for leave to send an attempt to an endpoint. In shadow mode it is always given, and a refusal is counted; what an
   * operator forced holds all the same.
   */
  admit(attempt: Attempt, endpoint: string): Admission {
    const { call } = attempt;
    const key = this.#template.of({
      endpoint,
      upstream: this.#scope.upstream,
      route: call.route,
      header: (name) => call.header(name),
    });
    const circuit = this.#circuits.get(key);
    const admission = circuit.admit(this.#deps.clock.now());
    if (isPermit(admission) || !this.#shadow || circuit.isForced) return admission;
    this.#shadowed(call.route, 'would-refuse');
    return NO_OPINION;
  }

  view(): CircuitView[] {
    return this.#viewOf(this.#circuits.entries());
  }

  /** The worst state of an endpoint's circuits; undefined where circuits are not per endpoint, or it has none yet. */
  stateAt(endpoint: string): CircuitStateName | undefined {
    const now = this.#deps.clock.now();
    const states = new Set(this.#of(endpoint).map(([, circuit]) => circuit.snapshot(now).state));
    return WORST_FIRST.find((state) => states.has(state));
  }

  /**
   * Forces the circuit of a key, for at most `ttlMs` (Infinity: until `reset`); without a key all of the upstream, those
   * included that calls or discovery have yet to bring. Returns the circuits that were forced: none for a key that no call
   * can have, or when there is no room for it.
   */
  force(state: ForcedState, ttlMs: number, key: string | undefined): CircuitView[] {
    const now = this.#deps.clock.now();
    for (const [of, { until }] of this.#forced) if (key === undefined || now >= until) this.#forced.delete(of);
    if (key !== undefined && this.#circuits.peek(key) === undefined && this.#keysComeWithCalls) this.#circuits.get(key);
    const chosen = this.#chosen(key);
    if (key === undefined || chosen.length > 0) this.#forced.set(key, { state, until: now + ttlMs });
    for (const [, circuit] of chosen) circuit.force(state, ttlMs, now);
    return this.#viewOf(chosen);
  }

  /** Closes the circuit of a key, or all without one, with an empty window. Returns those. */
  reset(key: string | undefined): CircuitView[] {
    const now = this.#deps.clock.now();
    if (key === undefined) this.#forced.clear();
    else this.#forced.delete(key);
    const chosen = this.#chosen(key);
    for (const [, circuit] of chosen) circuit.reset(now);
    return this.#viewOf(chosen);
  }

  #chosen(key: string | undefined): [string, Circuit][] {
    return [...this.#circuits.entries()].filter(([of]) => key === undefined || of === key);
  }

  /** Whether keys are not known before calls bring them. */
  get #keysComeWithCalls(): boolean {
    return this.#template.perRequest || this.#template.text.includes('{route}');
  }

  /** The only key of an endpoint, where keys do not come with calls. */
  #keyOf(endpoint: string): string {
    return this.#template.of({ endpoint, upstream: this.#scope.upstream, route: '', header: () => undefined });
  }

  #viewOf(circuits: Iterable<[string, Circuit]>): CircuitView[] {
    const now = this.#deps.clock.now();
    const { upstream } = this.#scope;
    return [...circuits].map(([key, circuit]) => ({ upstream, key, ...circuit.snapshot(now) }));
  }

  /** The circuits of one endpoint alone. */
  #of(endpoint: string): [string, Circuit][] {
    if (!this.#template.perEndpoint) return [];
    if (!this.#keysComeWithCalls) {
      const key = this.#keyOf(endpoint);
      const circuit = this.#circuits.peek(key);
      return circuit === undefined ? [] : [[key, circuit]];
    }
    const pattern = this.#template.keysOf({ endpoint, upstream: this.#scope.upstream });
    return [...this.#circuits.entries()].filter(([key]) => pattern.test(key));
  }

  #create(key: string): Circuit {
    const { upstream } = this.#scope;
    const circuit = new Circuit(this.#rules, this.#deps.random, (transition) => {
      // The last attempts at an address that is gone are no news.
      if (this.#circuits.peek(key) !== circuit) return;
      if (this.#shadow && transition.to === 'open') this.#shadowed('-', 'would-open');
      this.#deps.emit({ type: 'circuit', upstream, key, ...transition });
    });
    const forced = this.#forced.get(key) ?? this.#forced.get(undefined);
    const now = this.#deps.clock.now();
    if (forced !== undefined && now < forced.until) circuit.force(forced.state, forced.until - now, now);
    return circuit;
  }

  #shadowed(route: string, action: 'would-open' | 'would-refuse'): void {
    this.#deps.emit({ type: 'shadow', route, upstream: this.#scope.upstream, policy: 'circuitBreaker', action });
  }
}

function circuitRules(options: CircuitBreakerOptions, scope: CircuitScope): CircuitRules & { permitMs: number } {
  const openForMs = parseDuration(options.openFor);
  return {
    failureRate: parseRatio(options.failureRate),
    slowCallRate: parseRatio(options.slowCallRate),
    slowCallMs: options.slowCallDuration === 'off' ? undefined : parseDuration(options.slowCallDuration),
    consecutiveFailures: options.consecutiveFailures,
    minimumCalls: options.minimumCalls,
    windowMs: parseDuration(options.window),
    openForMs,
    maxOpenForMs: parseDuration(options.maxOpenFor),
    probeShare: parseRatio(options.probeShare),
    halfOpenProbes: options.halfOpenProbes,
    rampMs: openForMs,
    permitMs: scope.longestAttemptMs,
  };
}

/** The permit of an attempt that an open circuit would have refused, had it not been in shadow mode. */
const NO_OPINION: Permit = {
  awaited: false,
  success: () => undefined,
  failure: () => undefined,
  ignore: () => undefined,
};
