import type { Config } from '../config/config.js';
import type { CircuitStateName, PolicyEvent, SuppressedReason } from '../policies/events.js';
import { parseDuration } from '../policies/rules/units.js';
import type { AppCall } from '../simulation/app-call.js';
import { seededRandom } from '../simulation/seeded-random.js';
import { Sidecar, type PreparedRequest } from '../simulation/sidecar.js';
import { VirtualClock } from '../simulation/virtual-clock.js';
import { arrivalTimes, parseRate } from './arrivals.js';
import type { PolicyTest, RequestOptions } from './schema.js';
import { ScriptedUpstreams } from './script.js';
import { callOf, Timeline, type TimelineEntry } from './timeline.js';

/** What was seen of a test's calls. Times are virtual milliseconds. */
export interface Observed {
  readonly calls: number;
  /** Answered below 500 and not refused here, fallbacks included. */
  readonly successes: number;
  /** Of them those that no fallback answered. */
  readonly withoutFallback: number;
  readonly failures: number;
  /** Calls that never ended. */
  readonly inFlight: number;
  /** Attempts that reached an upstream, by its name. */
  readonly upstreamCalls: ReadonlyMap<string, number>;
  /** Retries that were wanted and not made, by the reason. */
  readonly suppressed: ReadonlyMap<SuppressedReason, number>;
  /** Those of the route's upstream, at the end; none where it has none. */
  readonly circuits: readonly { readonly key: string; readonly state: CircuitStateName }[];
  /** From the last change of a schedule to the end of the last call that failed or fell back; undefined if one never ended. */
  readonly recoveryMs: number | undefined;
  /** The first call that failed or fell back, from 0; undefined if there was none. */
  readonly firstBad: number | undefined;
  /** How long the quickest call took and the slowest one, to the ends of their answers; undefined if one never ended. */
  readonly elapsedMs: { readonly least: number; readonly most: number } | undefined;
  /** When the last call had ended. */
  readonly endedAt: number;
  /** The call that was watched. */
  readonly watched: AppCall | undefined;
  readonly timeline: readonly TimelineEntry[];
  readonly slices: readonly Slice[];
}

/** What happened within a part of a load. */
export interface Slice {
  readonly from: number;
  calls: number;
  successes: number;
  withoutFallback: number;
  attempts: number;
  /** Transitions of circuits. */
  readonly circuits: TimelineEntry[];
}

/** So many parts a load is shown in. */
const SLICES = 10;
/** A circuit that flaps is not shown to the last. */
const MOST_TRANSITIONS = 8;
/** How long a call is waited for that has no deadline, after the last one has come in. */
const PATIENCE_MS = 24 * 3_600_000;

/**
 * Runs a test in virtual time, from closed circuits and full budgets. The same seed gives the same result, to the last
 * bit.
 *
 * @param watch the call whose timeline is written down, from 0
 */
export function runTest(test: PolicyTest, config: Config, seed: number, watch = 0): Observed {
  return new Run(test, config, seed, watch).run();
}

/** When the calls of a test come in, and until when. */
function plan(test: PolicyTest, seed: number): { readonly times: Iterator<number, void>; readonly during: number } {
  if ('request' in test) return { times: [0].values(), during: 1 };
  const { rate, for: written, arrivals } = test.load;
  const during = parseDuration(written);
  // Chance of its own: how calls come in does not depend on what becomes of them.
  return { times: arrivalTimes(parseRate(rate), during, arrivals, seededRandom(seed + 1)), during };
}

class Run {
  readonly #clock = new VirtualClock();
  readonly #upstreams: ScriptedUpstreams;
  readonly #sidecar: Sidecar;
  readonly #request: PreparedRequest;
  readonly #times: Iterator<number, void>;
  readonly #sliceMs: number;
  readonly #watch: number;
  readonly #timeline: Timeline;
  readonly #slices: Slice[] = [];
  readonly #upstreamCalls = new Map<string, number>();
  readonly #suppressed = new Map<SuppressedReason, number>();
  #watched: AppCall | undefined;
  #arriving = true;
  #calls = 0;
  #ended = 0;
  #successes = 0;
  #withoutFallback = 0;
  #lastBadAt = 0;
  #leastMs = Infinity;
  #mostMs = 0;
  #firstBad: number | undefined;

  constructor(test: PolicyTest, config: Config, seed: number, watch: number) {
    const clock = this.#clock;
    this.#watch = watch;
    this.#timeline = new Timeline(clock);
    this.#upstreams = new ScriptedUpstreams(test.upstreams, clock, (upstream, { opts }) => {
      this.#upstreamCalls.set(upstream, (this.#upstreamCalls.get(upstream) ?? 0) + 1);
      this.#slice(clock.now()).attempts++;
      if (opts.attempt !== undefined && this.#isWatched(opts.attempt.call)) this.#timeline.attempt(opts.attempt);
    });
    this.#sidecar = new Sidecar({
      config,
      clock,
      random: seededRandom(seed),
      dispatchTo: this.#upstreams.dispatchTo,
      emit: (event) => this.#record(event),
    });
    this.#request = this.#sidecar.prepare(appRequest('request' in test ? test.request : test.load.request));
    const { times, during } = plan(test, seed);
    this.#times = times;
    this.#sliceMs = during / SLICES;
  }

  run(): Observed {
    const clock = this.#clock;
    this.#sidecar.start();
    this.#next();
    let until = Infinity;
    while (this.#arriving || this.#ended < this.#calls) {
      if (clock.now() > until || !clock.step()) break;
      if (!this.#arriving && until === Infinity) until = clock.now() + PATIENCE_MS;
    }
    if (this.#watched !== undefined && this.#watched.endedAt === undefined) this.#timeline.end(this.#watched);
    const lastChange = this.#upstreams.changes.at(-1) ?? 0;
    return {
      calls: this.#calls,
      successes: this.#successes,
      withoutFallback: this.#withoutFallback,
      failures: this.#ended - this.#successes,
      inFlight: this.#calls - this.#ended,
      upstreamCalls: this.#upstreamCalls,
      suppressed: this.#suppressed,
      circuits: this.#circuits(),
      recoveryMs: this.#ended < this.#calls ? undefined : Math.max(0, this.#lastBadAt - lastChange),
      firstBad: this.#firstBad,
      elapsedMs: this.#ended < this.#calls ? undefined : { least: this.#leastMs, most: this.#mostMs },
      endedAt: clock.now(),
      watched: this.#watched,
      timeline: this.#timeline.entries,
      slices: this.#slices,
    };
  }

  /** Waits for the next call to come in. */
  #next(): void {
    const next = this.#times.next();
    if (next.done === true) this.#arriving = false;
    else this.#clock.setTimer(next.value - this.#clock.now(), this.#arrive);
  }

  readonly #arrive = (): void => {
    const index = this.#calls++;
    const slice = this.#slice(this.#clock.now());
    slice.calls++;
    this.#next();
    const begin = (call: AppCall) => {
      this.#watched = call;
      this.#timeline.begin(call.call, this.#request.request.method, this.#request.request.path);
    };
    this.#sidecar.call(
      this.#request,
      (call) => this.#end(call, index, slice),
      index === this.#watch ? begin : undefined,
    );
  };

  #end(call: AppCall, index: number, slice: Slice): void {
    this.#ended++;
    if (call === this.#watched) this.#timeline.end(call);
    const { outcome } = call;
    const tookMs = this.#clock.now() - call.startedAt;
    this.#leastMs = Math.min(this.#leastMs, tookMs);
    this.#mostMs = Math.max(this.#mostMs, tookMs);
    const answered = outcome === 'success' || (outcome === 'fallback' && (call.answer?.status ?? 0) < 500);
    if (answered) {
      this.#successes++;
      slice.successes++;
    }
    if (outcome === 'success') {
      this.#withoutFallback++;
      slice.withoutFallback++;
      return;
    }
    this.#lastBadAt = this.#clock.now();
    this.#firstBad = this.#firstBad === undefined ? index : Math.min(this.#firstBad, index);
  }

  #record(event: PolicyEvent): void {
    if (event.type === 'retry-suppressed') {
      this.#suppressed.set(event.reason, (this.#suppressed.get(event.reason) ?? 0) + 1);
    }
    if (event.type === 'circuit') {
      const { circuits } = this.#slice(this.#clock.now());
      const text = `circuit ${event.key}: ${event.from} → ${event.to} (${event.reason})`;
      if (circuits.length < MOST_TRANSITIONS) circuits.push({ at: this.#clock.now(), text });
    }
    const call = callOf(event);
    const meanwhile = event.type === 'circuit' && this.#watched !== undefined && this.#watched.endedAt === undefined;
    if (meanwhile || this.#isWatched(call)) this.#timeline.record(event);
  }

  #isWatched(call: AppCall['call']): boolean {
    return call !== undefined && call === this.#watched?.call;
  }

  /** The part of the load that a time belongs to. */
  #slice(at: number): Slice {
    const index = Math.floor(at / this.#sliceMs);
    for (let i = this.#slices.length; i <= Math.min(index, 2 * SLICES); i++) {
      this.#slices.push({
        from: i * this.#sliceMs,
        calls: 0,
        successes: 0,
        withoutFallback: 0,
        attempts: 0,
        circuits: [],
      });
    }
    return this.#slices[Math.min(index, this.#slices.length - 1)]!;
  }

  #circuits(): Observed['circuits'] {
    const { accepted } = this.#request;
    if (accepted instanceof Error) return [];
    const upstream = this.#sidecar.upstreams.get(accepted.route.upstream);
    return (upstream?.circuits?.view() ?? []).map(({ key, state }) => ({ key, state }));
  }
}

function appRequest({ method, path, headers, body }: RequestOptions): PreparedRequest['request'] {
  return { method, path, headers, ...(body === '' ? {} : { body }) };
}
