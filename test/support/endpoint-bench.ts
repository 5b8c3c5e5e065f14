import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { attemptColumn, pipeline } from '../../src/pipeline/column.js';
import { CircuitBreakerOptions } from '../../src/policies/circuit-breaker.js';
import type { EventOf, PolicyEvent } from '../../src/policies/events.js';
import type { CallOptions, Dispatch, Random } from '../../src/policies/policy.js';
import type { LoadBalancingOptions } from '../../src/upstream/balancing.js';
import { DiscoveryOptions } from '../../src/upstream/discovery.js';
import type { Endpoint } from '../../src/upstream/endpoint.js';
import { HealthCheckOptions } from '../../src/upstream/health-check.js';
import { Upstream } from '../../src/upstream/upstream.js';
import { fakeCall } from './policy-events.js';
import { Recorder } from './recorder.js';
import { ScriptedUpstream, type Answer, type SeenAttempt } from './scripted-upstream.js';
import { VirtualClock } from '../../src/simulation/virtual-clock.js';
import { withDefaults, type Some } from '../../src/policies/rules/with-defaults.js';

export interface BenchOptions {
  readonly origins: readonly string[];
  readonly discovery?: Some<DiscoveryOptions>;
  readonly healthCheck?: Some<HealthCheckOptions>;
  readonly circuitBreaker?: Some<CircuitBreakerOptions>;
  readonly loadBalancing?: LoadBalancingOptions['loadBalancing'];
  readonly internalHeaders?: boolean;
  /** 0.5 for ever if left out. */
  readonly random?: Random;
  /** What names stand for at first; one that is left out has no answer. */
  readonly names?: Readonly<Record<string, readonly string[]>>;
}

/** The path that health checks ask for; everything else is a call. */
export const HEALTH_PATH = '/healthz';

/** A pool without connections: it answers as the bench says, and notes what it was asked. */
export class BenchPool {
  readonly checks: ScriptedUpstream;
  readonly calls: ScriptedUpstream;
  state: 'open' | 'closed' | 'destroyed' = 'open';

  constructor(clock: VirtualClock, check: () => Answer, call: () => Answer) {
    this.checks = new ScriptedUpstream(clock, check);
    this.calls = new ScriptedUpstream(clock, call);
  }

  readonly dispatch: Dispatch = (opts: CallOptions, handler) => {
    assert.equal(this.state, 'open', 'nothing is sent through a pool that was closed');
    return (opts.path === HEALTH_PATH ? this.checks : this.calls).dispatch(opts, handler);
  };

  close(): Promise<void> {
    this.state = 'closed';
    return Promise.resolve();
  }

  destroy(): Promise<void> {
    this.state = 'destroyed';
    return Promise.resolve();
  }
}

/** An upstream in virtual time whose names are looked up in a table and whose addresses do what they are told. */
export class EndpointBench {
  readonly clock = new VirtualClock();
  readonly events: PolicyEvent[] = [];
  readonly upstream: Upstream;
  /** Every pool ever made, by origin or origin#address; the newest of each. */
  readonly pools = new Map<string, BenchPool>();
  /** When which name was looked up. */
  readonly lookups: { readonly hostname: string; readonly at: number }[] = [];
  readonly #names: Map<string, readonly string[] | Error>;
  readonly #checkAnswers = new Map<string, Answer>();
  readonly #callAnswers = new Map<string, Answer>();
  readonly #dispatch: Dispatch;

  constructor(options: BenchOptions) {
    const { origins, discovery, healthCheck, circuitBreaker, loadBalancing = 'roundRobin' } = options;
    const deps = {
      clock: this.clock,
      random: options.random ?? (() => 0.5),
      emit: (event: PolicyEvent) => void this.events.push(event),
    };
    this.#names = new Map(Object.entries(options.names ?? {}));
    const breaker = circuitBreaker !== undefined && withDefaults(CircuitBreakerOptions, circuitBreaker);
    this.upstream = new Upstream(
      {
        name: 'up',
        endpoints: origins,
        loadBalancing,
        internalHeaders: options.internalHeaders ?? true,
        circuitBreaker: breaker,
        concurrency: false,
        retryBudget: false,
        longestAttemptMs: 10_000,
        ...(discovery === undefined ? {} : { discovery: withDefaults(DiscoveryOptions, discovery) }),
        healthCheck:
          healthCheck !== undefined && withDefaults(HealthCheckOptions, { path: HEALTH_PATH, ...healthCheck }),
      },
      (origin, address) => this.#pool(address === undefined ? origin : `${origin}#${address}`),
      deps,
      (hostname) => this.#lookup(hostname),
    );
    const column = attemptColumn(
      { concurrency: false, circuitBreaker: breaker, attemptTimeout: false },
      this.upstream,
      deps,
    );
    this.#dispatch = pipeline(column);
  }

  /** Starts lookups and checks, and waits for the first answers. */
  async start(): Promise<void> {
    this.upstream.start();
    await setImmediate();
  }

  /** Moves time on in steps, so that lookups are answered on the way. */
  async advance(ms: number, stepMs = 100): Promise<void> {
    for (let left = ms; left > 0; left -= stepMs) {
      this.clock.advance(Math.min(stepMs, left));
      await setImmediate();
    }
  }

  /** What a name stands for from its next lookup on. */
  resolve(hostname: string, answer: readonly string[] | Error): void {
    this.#names.set(hostname, answer);
  }

  /** What an endpoint (origin or origin#address) answers health checks with, 200 if it was never said. */
  check(place: string, answer: Answer): void {
    this.#checkAnswers.set(place, answer);
  }

  /** What an endpoint answers calls with, 200 if it was never said. */
  answer(place: string, answer: Answer): void {
    this.#callAnswers.set(place, answer);
  }

  /** One attempt of a new call. */
  call(headers: Readonly<Record<string, string>> = {}): Recorder {
    const call = fakeCall({ upstream: 'up', startedAt: this.clock.now(), header: (name) => headers[name] });
    const recorder = new Recorder(this.clock);
    const opts: CallOptions = { method: 'GET', path: '/', headers: [], call };
    this.#dispatch(opts, recorder);
    return recorder;
  }

  /** So many calls, each run to its end. */
  run(count: number): Recorder[] {
    return Array.from({ length: count }, () => {
      const call = this.call();
      this.clock.advance(0);
      return call;
    });
  }

  get labels(): string[] {
    return this.upstream.endpoints.map(({ label }) => label);
  }

  get usable(): string[] {
    return this.upstream.usable().map(({ label }) => label);
  }

  endpoint(label: string): Endpoint {
    return this.upstream.endpoints.find((endpoint) => endpoint.label === label) ?? assert.fail(`no endpoint ${label}`);
  }

  pool(place: string): BenchPool {
    return this.pools.get(place) ?? assert.fail(`no pool for ${place}`);
  }

  calls(place: string): readonly SeenAttempt[] {
    return this.pools.get(place)?.calls.seen ?? [];
  }

  checks(place: string): readonly SeenAttempt[] {
    return this.pools.get(place)?.checks.seen ?? [];
  }

  of<T extends PolicyEvent['type']>(type: T): EventOf<T>[] {
    return this.events.filter((event): event is EventOf<T> => event.type === type);
  }

  #pool(place: string): BenchPool {
    const pool = new BenchPool(
      this.clock,
      () => this.#checkAnswers.get(place) ?? 200,
      () => this.#callAnswers.get(place) ?? 200,
    );
    this.pools.set(place, pool);
    return pool;
  }

  #lookup(hostname: string): Promise<readonly string[]> {
    this.lookups.push({ hostname, at: this.clock.now() });
    const answer = this.#names.get(hostname) ?? new Error(`getaddrinfo ENOTFOUND ${hostname}`);
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
  }
}
