import type { Config, ResolvedUpstream } from '../config/config.js';
import type { CircuitStateName, PolicyEvent } from '../policies/events.js';
import type { Dispatch, PolicyDeps } from '../policies/policy.js';
import type { AppCall } from '../simulation/app-call.js';
import { seededRandom } from '../simulation/seeded-random.js';
import { Sidecar, type PreparedRequest } from '../simulation/sidecar.js';
import { VirtualClock } from '../simulation/virtual-clock.js';
import { keepsNothing } from './alike.js';
import { LimitedUpstream } from './limited-upstream.js';
import { requestFor } from './request.js';
import { phasesOf, type Phase, type Scenario } from './scenario.js';
import { Second, type CircuitCensus } from './second.js';

/** How long calls are waited for that have not ended, after the last one has begun, in seconds. */
const PATIENCE_SECONDS = 60;

/** How often a second the circuits are looked at. */
const LOOKS = 10;

const NOT_CLOSED = ['open', 'half-open', 'ramping'] as const;

interface Member {
  readonly sidecar: Sidecar;
  readonly request: PreparedRequest;
}

/**
 * Sidecars of one route, each with its own circuits, budgets and buckets, before one upstream, in virtual time. Calls come
 * in by chance, as from many users who know nothing of each other (a Poisson process).
 */
export class Fleet {
  readonly upstream: LimitedUpstream;
  readonly seconds: Second[] = [];
  readonly phases: readonly Phase[];
  readonly #scenario: Scenario;
  readonly #upstreamName: string;
  readonly #clock = new VirtualClock();
  /** Chance of its own: how calls come in does not depend on what becomes of them, and is the same for each variant. */
  readonly #arrivals: () => number;
  readonly #members: readonly Member[];
  readonly #circuits: CircuitCensus = { open: 0, 'half-open': 0, ramping: 0 };
  readonly #gapMs: number;
  readonly #until: number;
  #inFlight = 0;

  /** @param config with one route */
  constructor(config: Config, scenario: Scenario) {
    const { fleet, rate, capacity, latencyMs, seed } = scenario;
    const clock = this.#clock;
    const random = seededRandom(seed);
    this.#scenario = scenario;
    this.#arrivals = seededRandom(seed + 1);
    this.phases = phasesOf(scenario);
    this.#until = (this.phases.at(-1)?.to ?? 0) * 1_000;
    this.#gapMs = 1_000 / (fleet * rate);
    const chance = seededRandom(seed + 2);
    this.upstream = new LimitedUpstream({
      capacity,
      latencyMs,
      clock,
      random: chance,
      onAttempt: (startedAt) => {
        this.#second(clock.now()).load++;
        this.#second(startedAt).attempts++;
      },
    });
    const others = new LimitedUpstream({ capacity: Infinity, latencyMs, clock, random: chance });
    const [route] = config.routes;
    if (route === undefined) throw new Error('there is no route');
    this.#upstreamName = route.upstream;
    const dispatchTo = (upstream: ResolvedUpstream): Dispatch =>
      (upstream.name === route.upstream ? this.upstream : others).dispatch(wellStatus(upstream));
    const deps: PolicyDeps = { clock, random, emit: (event) => this.#record(event) };
    const request = requestFor(route);
    this.#members = Array.from({ length: keepsNothing(config) ? 1 : fleet }, () => {
      const sidecar = new Sidecar({ config, ...deps, dispatchTo });
      return { sidecar, request: sidecar.prepare(request) };
    });
    for (const { sidecar } of this.#members) sidecar.start();
    this.#next();
  }

  /** When the last call begins, in seconds. */
  get ends(): number {
    return this.#until / 1_000;
  }

  /** Circuits of the fleet at the upstream. */
  get circuits(): number {
    return this.#members.reduce(
      (total, { sidecar }) => total + (sidecar.upstreams.get(this.#upstreamName)?.circuits?.view().length ?? 0),
      0,
    );
  }

  /** Calls that have not ended. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** How much has happened: timers that fired. */
  get events(): number {
    return this.#clock.fired;
  }

  /** Runs it to its end. @param onSecond told after each second of virtual time */
  run(onSecond: (second: number) => void = () => undefined): void {
    for (const { name, from, to } of this.phases) {
      this.upstream.failing = name === 'brownout' ? this.#scenario.brownout : 0;
      this.upstream.fault = name === 'outage' ? this.#scenario.fault : undefined;
      for (let second = from; second < to; second++) {
        this.#runSecond(second);
        onSecond(second + 1);
      }
    }
    const until = this.#until + PATIENCE_SECONDS * 1_000;
    while (this.#inFlight > 0 && this.#clock.now() < until && this.#clock.step());
  }

  #runSecond(second: number): void {
    const current = this.#second(second * 1_000);
    const { circuits } = current;
    for (let look = 1; look <= LOOKS; look++) {
      const before = this.upstream.counts.arrived;
      this.#clock.advanceTo((second + look / LOOKS) * 1_000);
      current.burst = Math.max(current.burst, (this.upstream.counts.arrived - before) * LOOKS);
      for (const state of NOT_CLOSED) circuits[state] += this.#circuits[state] / LOOKS;
    }
  }

  /** Waits for the next call. */
  #next(): void {
    const gapMs = -Math.log(1 - this.#arrivals()) * this.#gapMs;
    if (this.#clock.now() + gapMs < this.#until) this.#clock.setTimer(gapMs, this.#arrive);
  }

  readonly #arrive = (): void => {
    // Many processes of chance together are one, in which each call is anybody's.
    const member = this.#members[Math.floor(this.#arrivals() * this.#members.length)]!;
    this.#next();
    this.#inFlight++;
    this.#second(this.#clock.now()).calls++;
    member.sidecar.call(member.request, this.#end);
  };

  readonly #end = (call: AppCall): void => {
    this.#inFlight--;
    const now = this.#clock.now();
    const second = this.#second(call.startedAt);
    second.latencies.add(now - call.startedAt);
    const { outcome } = call;
    if (outcome === 'success') second.withoutFallback++;
    if (outcome === 'success' || (outcome === 'fallback' && (call.status ?? 0) < 500)) {
      second.successes++;
      this.#second(now).goodput++;
    }
  };

  #record(event: PolicyEvent): void {
    if (event.type !== 'circuit' || event.upstream !== this.#upstreamName) return;
    this.#count(event.from, -1);
    this.#count(event.to, 1);
  }

  #count(state: CircuitStateName, change: number): void {
    const counted = NOT_CLOSED.find((candidate) => candidate === state);
    if (counted !== undefined) this.#circuits[counted] += change;
  }

  #second(at: number): Second {
    const index = Math.floor(at / 1_000);
    while (this.seconds.length <= index) this.seconds.push(new Second());
    return this.seconds[index]!;
  }
}

/** What a health check of the upstream wants to see. */
function wellStatus({ healthCheck }: ResolvedUpstream): number {
  return healthCheck === false ? 200 : Number(healthCheck.expect[0]?.slice(0, 3) ?? 200);
}
