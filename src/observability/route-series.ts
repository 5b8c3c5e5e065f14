import { STATUS_CODES } from 'node:http';
import type {
  CallEvent,
  CallOutcome,
  EventOf,
  FallbackKind,
  ResultClass,
  RetryReason,
  SuppressedReason,
  TimeoutKind,
} from '../policies/events.js';
import type { Families } from './families.js';
import type { Counter, Exemplar, Histogram } from './instruments.js';
import { RollingCount } from './rolling-count.js';
import type { RouteRates } from './route-figures.js';
import type { Totals } from './totals.js';

type AttemptEvent = EventOf<'attempt'>;
type RetryEvent = EventOf<'retry'>;

/** Methods that have a label of their own; clients can make up others without end. */
const METHODS: readonly string[] = [
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
  'TRACE',
  'CONNECT',
  'QUERY',
  'OTHER',
];
const METHOD_NUMBER = new Map(METHODS.map((method, index) => [method, index]));
const OTHER = METHODS.length - 1;

/** How many statuses that are not registered have a label of their own on a route; upstreams can make up hundreds. */
const MOST_UNREGISTERED = 32;

const OUTCOME_NUMBER: Readonly<Record<CallOutcome, number>> = {
  success: 0,
  failure: 1,
  fallback: 2,
  refused: 3,
  'client-gone': 4,
};

const KINDS: readonly FallbackKind[] = ['stale', 'upstream', 'response'];
/** Outcomes that count as a failure: `failure` and `refused`. */
const FAILED: ReadonlySet<number> = new Set([OUTCOME_NUMBER.failure, OUTCOME_NUMBER.refused]);

/** Counters by one label, made when they are first asked for. */
class CountersBy<Key> {
  readonly #counters = new Map<Key, Counter>();
  readonly #make: (key: Key) => Counter;

  constructor(make: (key: Key) => Counter) {
    this.#make = make;
  }

  at(key: Key): Counter {
    let counter = this.#counters.get(key);
    if (counter === undefined) {
      counter = this.#make(key);
      this.#counters.set(key, counter);
    }
    return counter;
  }

  /** All of them together. */
  total(): number {
    let total = 0;
    for (const { value } of this.#counters.values()) total += value;
    return total;
  }
}

/**
 * The series of one route's calls to one upstream, its own or a fallback's. Counting finds them by a look-up or two in
 * maps whose keys are numbers or strings that exist already: nothing is put together per event.
 */
export class RouteSeries {
  readonly #families: Families;
  readonly #route: string;
  readonly #upstream: string;
  readonly #requests = new Map<number, Counter>();
  readonly #unregistered = new Set<number>();
  readonly #requestDuration: Histogram;
  readonly #attempts = new Map<string, CountersBy<ResultClass>>();
  readonly #attemptDuration: Histogram;
  readonly #calls = new RollingCount();
  readonly #failures = new RollingCount();
  readonly #retries = new RollingCount();
  /** Calls that a fallback answered, since the start. */
  readonly #fallbacks: Record<FallbackKind, number> = { stale: 0, upstream: 0, response: 0 };
  readonly retries: CountersBy<RetryReason>;
  readonly suppressed: CountersBy<SuppressedReason>;
  readonly timeouts: CountersBy<TimeoutKind>;
  /** Counters of which each route has one, if it has any. */
  readonly single: CountersBy<'retrySuccesses' | 'backoff' | 'circuitRefusals' | 'internalErrors'>;

  constructor(families: Families, route: string, upstream: string) {
    this.#families = families;
    this.#route = route;
    this.#upstream = upstream;
    this.#requestDuration = families.requestDuration.at(route, upstream);
    this.#attemptDuration = families.attemptDuration.at(route, upstream);
    this.retries = new CountersBy((reason) => families.retries.at(route, upstream, reason));
    this.suppressed = new CountersBy((reason) => families.retriesSuppressed.at(route, upstream, reason));
    this.timeouts = new CountersBy((kind) => families.timeouts.at(route, upstream, kind));
    this.single = new CountersBy((family) => families[family].at(route, upstream));
  }

  /** Retries per call over the last minute; 0 when nothing was retried. */
  retryRatio(nowMs: number): number {
    return this.#retries.total(nowMs) / Math.max(this.#calls.total(nowMs), 1);
  }

  /** @param overMs how long calls have been counted at all, in milliseconds */
  rates(nowMs: number, overMs: number): RouteRates {
    const calls = this.#calls.total(nowMs);
    const seconds = Math.min(Math.max(overMs / 1_000, 1), RollingCount.SECONDS);
    return {
      requestsPerSecond: calls / seconds,
      retryRatio: this.retryRatio(nowMs),
      failureRatio: this.#failures.total(nowMs) / Math.max(calls, 1),
    };
  }

  countCall(event: CallEvent, nowMs: number, exemplar: Exemplar | undefined): void {
    this.requests(event.call.method, event.status, event.outcome).value++;
    this.#requestDuration.observe(event.durationMs / 1_000, exemplar);
    this.#calls.add(nowMs);
    if (event.error?.code === 'internal') this.single.at('internalErrors').value++;
    if (event.outcome === 'failure' || event.outcome === 'refused') this.#failures.add(nowMs);
  }

  /** An attempt without an endpoint was refused here or cancelled before it was sent, and is none. */
  countAttempt(event: AttemptEvent, exemplar: Exemplar | undefined): void {
    const { endpoint } = event.attempt;
    if (endpoint === undefined) return;
    this.attempts(endpoint.label, event.result).value++;
    this.#attemptDuration.observe(event.durationMs / 1_000, exemplar);
  }

  countRetry(reason: RetryReason, nowMs: number): void {
    this.retries.at(reason).value++;
    this.#retries.add(nowMs);
  }

  countBackoff(event: RetryEvent): void {
    this.single.at('backoff').value += event.delayMs / 1_000;
  }

  countFallback(kind: FallbackKind): void {
    this.#fallbacks[kind]++;
  }

  /** Adds all that was counted since the start. For whoever looks from time to time: calls pay nothing for it. */
  addTo(totals: Totals): void {
    for (const [key, { value }] of this.#requests) totals.addCalls(value, FAILED.has(key % 8));
    totals.addRetries(this.retries.total());
    for (const kind of KINDS) totals.addFallbacks(kind, this.#fallbacks[kind]);
    totals.addDurations(this.#requestDuration.counts);
  }

  requests(method: string, status: number, outcome: CallOutcome): Counter {
    const methodNumber = METHOD_NUMBER.get(method) ?? OTHER;
    const key = (methodNumber * 1_000 + status) * 8 + OUTCOME_NUMBER[outcome];
    let counter = this.#requests.get(key);
    if (counter === undefined) {
      const code = this.#codeOf(status);
      counter = this.#families.requests.at(this.#route, this.#upstream, METHODS[methodNumber]!, code, outcome);
      this.#requests.set(key, counter);
    }
    return counter;
  }

  /** A status beyond the bound counts by its class; one over 599 as 5xx (RFC 9110, 15). */
  #codeOf(status: number): string {
    if (status !== 0 && STATUS_CODES[status] === undefined && !this.#unregistered.has(status)) {
      if (this.#unregistered.size >= MOST_UNREGISTERED) return `${Math.min(Math.floor(status / 100), 5)}xx`;
      this.#unregistered.add(status);
    }
    return String(status).padStart(3, '0');
  }

  attempts(endpoint: string, result: ResultClass): Counter {
    let results = this.#attempts.get(endpoint);
    if (results === undefined) {
      results = new CountersBy((of) => this.#families.attempts.at(this.#route, this.#upstream, endpoint, of));
      this.#attempts.set(endpoint, results);
    }
    return results.at(result);
  }

  endpoints(): Iterable<string> {
    return this.#attempts.keys();
  }

  /** Drops the series of an endpoint; they start anew if it comes back. */
  forgetEndpoint(endpoint: string): void {
    this.#attempts.delete(endpoint);
    this.#families.attempts.retain(
      ([route, upstream, of]) => route !== this.#route || upstream !== this.#upstream || of !== endpoint,
    );
  }
}
