import assert from 'node:assert/strict';
import { isInternal, OutriggerError } from '../../src/errors.js';
import { attemptColumn, column, pipeline } from '../../src/pipeline/column.js';
import type { Layer } from '../../src/pipeline/compose.js';
import { AttemptTimeoutOptions, longestAttemptMs } from '../../src/policies/attempt-timeout.js';
import { CircuitBreakerOptions } from '../../src/policies/circuit-breaker.js';
import type { CircuitView } from '../../src/policies/circuits.js';
import { ConcurrencyOptions } from '../../src/policies/concurrency.js';
import { DeadlineOptions } from '../../src/policies/deadline.js';
import type { EventOf, PolicyEvent } from '../../src/policies/events.js';
import { StaticResponseOptions } from '../../src/policies/fallback-response.js';
import { StaleOptions } from '../../src/policies/fallback-stale.js';
import { FallbackOptions, type FallbackStep } from '../../src/policies/fallback.js';
import type { Fault } from '../../src/policies/fault-injection.js';
import { HedgeOptions } from '../../src/policies/hedge.js';
import type {
  Call,
  CallOptions,
  Controller,
  Dispatch,
  PolicyDeps,
  Random,
  RequestBody,
  ResponseHeaders,
} from '../../src/policies/policy.js';
import { RateLimitOptions, UpstreamRateLimitOptions } from '../../src/policies/rate-limit.js';
import { RetryBudgetOptions } from '../../src/policies/retry-budget.js';
import { RetryOptions } from '../../src/policies/retry.js';
import { StaleStores } from '../../src/policies/stale-store.js';
import type { LoadBalancingOptions } from '../../src/upstream/balancing.js';
import { Upstream } from '../../src/upstream/upstream.js';
import { fakeCall } from './policy-events.js';
import { Recorder } from './recorder.js';
import { ScriptedUpstream, type Answer, type SeenAttempt } from './scripted-upstream.js';
import { VirtualClock } from '../../src/simulation/virtual-clock.js';
import { withDefaults, type Some } from '../../src/policies/rules/with-defaults.js';

/** What an endpoint does: answers by attempt, or by attempt and time; or a dispatch function of the test's own. */
export type Script = ConstructorParameters<typeof ScriptedUpstream>[1] | { readonly dispatch: Dispatch };

/** What is left out has its built-in default; false turns a policy off. */
export interface LineOptions {
  readonly fallback?: {
    readonly on?: FallbackOptions['on'];
    readonly timeout?: string;
    /** The only step, where there are no `steps`. */
    readonly response?: Some<StaticResponseOptions>;
    readonly steps?: readonly LineStep[];
  };
  /** Other upstreams by name, each with one endpoint of that name and the protection that every upstream has. */
  readonly elsewhere?: Readonly<Record<string, Script>>;
  /** Where answers are kept for the step `stale`. */
  readonly staleStores?: StaleStores;
  readonly timeout?: string | false;
  readonly retry?: Some<RetryOptions> | false;
  /** Off if left out, as are the limits and the faults. */
  readonly hedge?: Some<HedgeOptions>;
  readonly rateLimit?: Some<RateLimitOptions>;
  /** Of attempts, by the upstream. */
  readonly attemptRateLimit?: Some<UpstreamRateLimitOptions>;
  readonly faults?: readonly Fault[];
  readonly retryBudget?: Some<RetryBudgetOptions> | false;
  readonly concurrency?: Some<ConcurrencyOptions> | false;
  readonly circuitBreaker?: Some<CircuitBreakerOptions> | false;
  readonly attemptTimeout?: Some<AttemptTimeoutOptions['attemptTimeout']> | false | undefined;
  readonly loadBalancing?: LoadBalancingOptions['loadBalancing'];
  readonly internalHeaders?: boolean;
  /** By name; one that always answers 200 if left out. */
  readonly endpoints?: Readonly<Record<string, Script>>;
  /** 0.5 for ever if left out: the middle of every jitter, and none in the circuit's open time. */
  readonly random?: Random;
  readonly retriesEnabled?: (route: string) => boolean;
  /** Puts layers of the test's own among those of the column, outermost first. */
  readonly among?: (layers: readonly Layer[]) => readonly Layer[];
}

export type LineStep =
  | { readonly stale: Some<StaleOptions> }
  | { readonly upstream: string; readonly when?: 'unsent' | 'replayable' | 'always' }
  | { readonly response: Some<StaticResponseOptions> };

/** What the app asks for. */
export interface LineRequest {
  readonly method?: string;
  readonly host?: string;
  readonly path?: string;
  /** Names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: RequestBody;
  readonly upgrade?: string;
  readonly route?: string;
  /** The app goes away within this callback. */
  readonly leaveOn?: Moment;
}

export type Moment = 'onRequestStart' | 'onResponseStart' | 'onResponseData';

export function createLine(options: LineOptions = {}): Line {
  return new Line(options);
}

/** One call, as the app sees it, and its context. */
export class LineCall extends Recorder {
  readonly call: Call;
  readonly #leaveOn: Moment | undefined;

  constructor(clock: VirtualClock, call: Call, leaveOn?: Moment) {
    super(clock);
    this.call = call;
    this.#leaveOn = leaveOn;
  }

  override onRequestStart(controller: Controller): void {
    super.onRequestStart(controller);
    if (this.#leaveOn === 'onRequestStart') this.leave();
  }

  override onResponseStart(controller: Controller, status: number, headers: ResponseHeaders): void {
    super.onResponseStart(controller, status, headers);
    if (this.#leaveOn === 'onResponseStart') this.leave();
  }

  override onResponseData(controller: Controller, chunk: Buffer): void {
    super.onResponseData(controller, chunk);
    if (this.#leaveOn === 'onResponseData') this.leave();
  }

  /** As the edge does: after a fault of our own whatever still runs is cut, and to hear of it twice is fine. */
  override onResponseError(controller: Controller, error: Error): void {
    if (isInternal(error) && this.ends > 0) return;
    super.onResponseError(controller, error);
    if (isInternal(error)) this.goAway(error);
  }

  get attempts(): number {
    return this.call.attempts;
  }

  /** The app closes its side. */
  leave(): void {
    this.goAway(new OutriggerError('client-gone', 'the app went away'));
  }
}

/** A whole column with scripted endpoints, in virtual time. */
export class Line {
  readonly clock = new VirtualClock();
  readonly events: PolicyEvent[] = [];
  readonly upstream: Upstream;
  readonly staleStores: StaleStores;
  readonly #endpoints: Readonly<Record<string, ScriptedUpstream | undefined>>;
  readonly #elsewhere = new Map<string, { readonly upstream: Upstream; readonly endpoint: Endpoint }>();
  readonly #hasFallback: boolean;
  readonly #dispatch: Dispatch;
  readonly #calls: LineCall[] = [];

  constructor(options: LineOptions) {
    const deps: PolicyDeps = {
      clock: this.clock,
      random: options.random ?? (() => 0.5),
      emit: (event) => this.events.push(event),
    };
    const policies = policiesOf(options);
    const scripts = Object.entries(options.endpoints ?? { a: [200] });
    const endpoints = scripts.map(([name, script]) => [`http://${name}`, endpointOf(script, this.clock)] as const);
    const pools = new Map<string, { readonly dispatch: Dispatch }>(
      endpoints.map(([origin, endpoint]) => [origin, endpoint]),
    );
    this.#endpoints = Object.fromEntries(
      endpoints.map(([origin, endpoint]) => [
        origin.slice('http://'.length),
        endpoint instanceof ScriptedUpstream ? endpoint : undefined,
      ]),
    );
    this.upstream = new Upstream(
      {
        name: 'up',
        endpoints: [...pools.keys()],
        loadBalancing: options.loadBalancing ?? 'roundRobin',
        internalHeaders: options.internalHeaders ?? true,
        circuitBreaker: policies.circuitBreaker,
        concurrency: policies.concurrency,
        retryBudget: policies.retryBudget,
        rateLimit: policies.attemptRateLimit,
        longestAttemptMs: policies.attemptTimeout ? longestAttemptMs(policies.attemptTimeout) : Infinity,
      },
      (origin) => ({
        dispatch: pools.get(origin)!.dispatch,
        close: () => Promise.resolve(),
        destroy: () => Promise.resolve(),
      }),
      deps,
    );
    const { retriesEnabled } = options;
    this.staleStores = options.staleStores ?? new StaleStores({ maxBytes: 1024 * 1024 });
    this.#hasFallback = options.fallback !== undefined;
    const scope = {
      upstream: this.upstream,
      fallback: {
        stale: { stores: this.staleStores, route: 'route' },
        upstream: (name: string) => this.#wayElsewhere(name, options, deps),
      },
      ...(retriesEnabled === undefined ? {} : { retriesEnabled }),
    };
    const layers = column(policies, scope, deps);
    this.#dispatch = pipeline(options.among?.(layers) ?? layers);
  }

  #wayElsewhere(name: string, options: LineOptions, deps: PolicyDeps): Dispatch {
    const script = options.elsewhere?.[name];
    assert.ok(script, `no other upstream ${name}`);
    const endpoint = endpointOf(script, this.clock);
    const { concurrency, circuitBreaker, attemptTimeout } = policiesOf({ attemptTimeout: options.attemptTimeout });
    const upstream = new Upstream(
      {
        name,
        endpoints: [`http://${name}`],
        loadBalancing: 'roundRobin',
        internalHeaders: options.internalHeaders ?? true,
        circuitBreaker,
        concurrency,
        retryBudget: false,
        rateLimit: false,
        longestAttemptMs: Infinity,
      },
      () => ({ dispatch: endpoint.dispatch, close: () => Promise.resolve(), destroy: () => Promise.resolve() }),
      deps,
    );
    this.#elsewhere.set(name, { upstream, endpoint });
    return pipeline(attemptColumn({ concurrency, circuitBreaker, attemptTimeout }, upstream, deps));
  }

  call(request: LineRequest = {}): LineCall {
    const { method = 'GET', headers = {}, body, upgrade, route = 'route' } = request;
    const { host = 'payments.internal', path = '/v1/charges' } = request;
    const call = fakeCall({
      route,
      upstream: 'up',
      method,
      host,
      path: path.split('?', 1)[0]!,
      startedAt: this.clock.now(),
      header: (name) => headers[name],
      ...(body === undefined ? {} : { body }),
    });
    const started = new LineCall(this.clock, call, request.leaveOn);
    this.#calls.push(started);
    const opts: CallOptions = { method, path, headers: [], upgrade: upgrade ?? null, call };
    this.#dispatch(opts, started);
    return started;
  }

  /** All calls made so far, oldest first. */
  get calls(): readonly LineCall[] {
    return this.#calls;
  }

  advance(ms: number): void {
    this.clock.advance(ms);
  }

  /** A call made now and run to its end. */
  run(request?: LineRequest): LineCall {
    const call = this.call(request);
    while (call.ends === 0) assert.ok(this.clock.step(), 'the call never ends: no timer is left');
    return call;
  }

  /**
   * Runs until every call has ended; then nothing may be left behind: each ended once, no timer runs, no place is taken,
   * nobody waits.
   *
   * @param drainMs how long answers that nobody wanted may still be read, so that their connections live on
   */
  finish(drainMs = 0): void {
    while (this.#calls.some((call) => call.ends === 0)) {
      assert.ok(this.clock.step(), 'a call never ends: no timer is left');
    }
    this.advance(drainMs);
    // An answer in whose place a fallback stepped is still read to its end, for a second at most.
    if (this.#hasFallback) this.advance(1_000);
    for (const call of this.#calls) {
      assert.equal(call.ends, 1, 'a call ends once');
      assert.deepEqual(call.late, [], 'nothing comes after the end');
    }
    assert.equal(this.clock.pending, 0, 'no timer may be left');
    for (const upstream of [this.upstream, ...[...this.#elsewhere.values()].map((other) => other.upstream)]) {
      for (const endpoint of upstream.endpoints) assert.equal(endpoint.inFlight, 0, 'nothing is in flight');
      const limiters = upstream.limiters?.view();
      assert.deepEqual([limiters?.inFlight ?? 0, limiters?.queued ?? 0], [0, 0], 'no place is taken, nobody waits');
    }
  }

  /** The attempts that another upstream saw. */
  seenElsewhere(name: string): readonly SeenAttempt[] {
    const endpoint = this.#elsewhere.get(name)?.endpoint;
    return endpoint instanceof ScriptedUpstream ? endpoint.seen : [];
  }

  /** The attempts that an endpoint saw; all endpoints' in the order of time without a name. */
  seen(name?: string): readonly SeenAttempt[] {
    if (name !== undefined) return this.#endpoints[name]?.seen ?? [];
    return Object.values(this.#endpoints)
      .flatMap((endpoint) => endpoint?.seen ?? [])
      .sort((a, b) => a.at - b.at);
  }

  /** When attempts were made, in milliseconds. */
  times(): number[] {
    return this.seen().map((attempt) => attempt.at);
  }

  circuit(name = 'a'): CircuitView {
    const view = this.upstream.circuits?.view().find(({ key }) => key === `http://${name}` || key === name);
    assert.ok(view, `no circuit for ${name}`);
    return view;
  }

  of<T extends PolicyEvent['type']>(type: T): EventOf<T>[] {
    return this.events.filter((event): event is EventOf<T> => event.type === type);
  }

  /** How long each back-off was, in milliseconds. */
  waits(): number[] {
    return this.of('retry').map((event) => event.delayMs);
  }

  /** Why retries were not made. */
  suppressed(): string[] {
    return this.of('retry-suppressed').map((event) => event.reason);
  }

  /** How attempts ended. */
  results(): string[] {
    return this.of('attempt').map((event) => event.result);
  }
}

/** A header that an attempt was sent with. */
export function sentHeader(attempt: SeenAttempt | undefined, name: string): string | undefined {
  const headers = (attempt?.opts.headers ?? []) as readonly string[];
  const at = headers.indexOf(name);
  return at === -1 ? undefined : headers[at + 1];
}

type Endpoint = ScriptedUpstream | { readonly dispatch: Dispatch };

function endpointOf(script: Script, clock: VirtualClock): Endpoint {
  return 'dispatch' in script ? script : new ScriptedUpstream(clock, script);
}

/** An answer with text, for scripts. */
export function text(status: number, body: string, headers: Readonly<Record<string, string>> = {}): Answer {
  return { status, body, headers };
}

function stepWithDefaults(step: LineStep): FallbackStep {
  if ('stale' in step) return { stale: withDefaults(StaleOptions, step.stale) };
  if ('upstream' in step) return { when: 'replayable', ...step };
  return { response: withDefaults(StaticResponseOptions, step.response) };
}

function policiesOf(options: LineOptions) {
  const { fallback, timeout, retry, retryBudget, concurrency, circuitBreaker, attemptTimeout } = options;
  const { hedge, rateLimit, attemptRateLimit, faults } = options;
  return {
    fallback:
      fallback !== undefined &&
      withDefaults(FallbackOptions, {
        ...(fallback.on === undefined ? {} : { on: fallback.on }),
        ...(fallback.timeout === undefined ? {} : { timeout: fallback.timeout }),
        steps: (fallback.steps ?? [{ response: fallback.response ?? {} }]).map(stepWithDefaults),
      }),
    timeout: timeout !== false && withDefaults(DeadlineOptions, timeout === undefined ? {} : { timeout }),
    retry: retry !== false && withDefaults(RetryOptions, retry ?? {}),
    hedge: hedge !== undefined && withDefaults(HedgeOptions, hedge),
    rateLimit: rateLimit !== undefined && withDefaults(RateLimitOptions, rateLimit),
    attemptRateLimit: attemptRateLimit !== undefined && withDefaults(UpstreamRateLimitOptions, attemptRateLimit),
    faults: faults !== undefined && { faults: [...faults] },
    retryBudget: retryBudget !== false && withDefaults(RetryBudgetOptions, retryBudget ?? {}),
    concurrency: concurrency !== false && withDefaults(ConcurrencyOptions, concurrency ?? {}),
    circuitBreaker: circuitBreaker !== false && withDefaults(CircuitBreakerOptions, circuitBreaker ?? {}),
    attemptTimeout:
      attemptTimeout !== false &&
      withDefaults(AttemptTimeoutOptions, attemptTimeout === undefined ? {} : { attemptTimeout }),
  };
}
