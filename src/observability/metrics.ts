import type { CallEvent, PolicyEvent } from '../policies/events.js';
import type { Call } from '../policies/policy.js';
import type { Clock } from '../runtime/clock.js';
import { exposition, OPENMETRICS_CONTENT_TYPE, PROMETHEUS_CONTENT_TYPE, type MetricFamily } from './exposition.js';
import { Families } from './families.js';
import { sourceGauges, type MetricSources } from './gauges.js';
import { History } from './history.js';
import { GaugeFamily, type Exemplar } from './instruments.js';
import { ProcessMetrics } from './process-metrics.js';
import type { ChangeName, ChangeResult } from './operator-change.js';
import type { RouteFigures, RouteRates } from './route-figures.js';
import type { RouteSeries } from './route-series.js';
import { seedProcess } from './seed.js';
import { SeriesTable } from './series-table.js';
import type { Topology } from './topology.js';

export type { MetricSources } from './gauges.js';
export type { RouteTopology, Topology, UpstreamTopology } from './topology.js';

export interface MetricsOptions {
  readonly topology: Topology;
  readonly clock: Clock;
  /** Outrigger's own version. */
  readonly version: string;
  /** Lets calls go on before a long answer does. */
  readonly pause: () => Promise<void>;
}

/** What GET /metrics answers. */
export interface Scrape {
  readonly contentType: string;
  /** The text, in slices with pauses between them. */
  readonly body: AsyncIterable<string>;
}

const CHANGES: readonly ChangeName[] = ['circuits', 'retries', 'log', 'quit', 'reload'];
const CHANGE_RESULTS: readonly ChangeResult[] = ['done', 'denied', 'invalid', 'failed'];

const NO_RATES: RouteRates = { requestsPerSecond: 0, retryRatio: 0, failureRatio: 0 };

/** Events that are counted without looking for a call's route. */
interface EventWithoutCall {
  readonly type: 'attempt' | 'retry' | 'circuit' | 'shadow' | 'health' | 'discovery' | 'shed' | 'shedding';
}

/**
 * Counts what policies and the edge say they did, in plain numbers, and writes them when they are scraped. Labels are
 * bounded: names that are not configured are not counted; calls that matched no route have route and upstream `-`.
 */
export class Metrics {
  readonly #clock: Clock;
  readonly #pause: () => Promise<void>;
  readonly #families = new Families();
  readonly #process = new ProcessMetrics();
  readonly #gauges: readonly MetricFamily[];
  readonly #table = new SeriesTable(this.#families);
  readonly #startedAt: number;
  /** The last quarter of an hour, once it is started. */
  readonly history: History;
  #sources: MetricSources | undefined;
  #reloadedAt: number;
  #lastReloadWorked = true;

  constructor({ topology, clock, version, pause }: MetricsOptions) {
    this.#clock = clock;
    this.#startedAt = clock.now();
    this.history = new History(() => this.#table.routes, clock);
    this.#pause = pause;
    this.#reloadedAt = clock.wallNow();
    this.#gauges = [...this.#ownGauges(version), ...sourceGauges(() => this.#sources)];
    seedProcess(this.#families);
    for (const change of CHANGES) {
      for (const result of CHANGE_RESULTS) this.#families.adminChanges.at(change, result);
    }
    for (const reason of ['connections', 'descriptors', 'event-loop']) this.#families.shed.at(reason);
    this.#table.replace(topology);
  }

  /** Says where gauges are read from now on. */
  watch(sources: MetricSources): void {
    this.#sources = sources;
  }

  /** Takes another configuration. Counts go on where route and upstream stay; the rest is forgotten. */
  setTopology(topology: Topology): void {
    this.#table.replace(topology);
  }

  /** Counts one event. Called for each call and attempt: it must cost next to nothing. */
  record(event: PolicyEvent | CallEvent): void {
    switch (event.type) {
      case 'call':
        if (event.error?.code === 'bad-request') this.#families.badRequests.at(event.error.reason ?? 'other').value++;
        this.#table
          .find(event.call.route, event.call.upstream)
          ?.countCall(event, this.#clock.now(), this.#exemplarOf(event.call));
        return;
      case 'attempt': {
        const { call, retryReason } = event.attempt;
        const series = this.#table.find(call.route, call.upstream);
        series?.countAttempt(event, this.#exemplarOf(call));
        // Counted when it was made: after the back-off a circuit may refuse it, or the app be gone.
        if (retryReason !== undefined) series?.countRetry(retryReason, this.#clock.now());
        return;
      }
      case 'retry': {
        const { call } = event.attempt;
        this.#table.find(call.route, call.upstream)?.countBackoff(event);
        return;
      }
      case 'circuit':
        if (!this.#table.hasUpstream(event.upstream)) return;
        this.#families.circuitTransitions.at(event.upstream, event.from, event.to, event.reason).value++;
        return;
      case 'shadow':
        // A circuit that would open belongs to no route.
        if (!this.#table.hasUpstream(event.upstream)) return;
        if (event.route !== '-' && this.#table.find(event.route, event.upstream) === undefined) return;
        this.#families.shadow.at(event.route, event.upstream, event.policy, event.action).value++;
        return;
      case 'shed':
        this.#families.shed.at(event.reason).value++;
        return;
      case 'shedding':
      case 'health':
      case 'discovery':
        return;
      default:
        this.#recordOfCall(event, this.#table.find(event.call.route, event.call.upstream));
    }
  }

  /** Counts a reload of the policy file. */
  configReloaded(result: 'success' | 'failure'): void {
    this.#families.configReloads.at(result).value++;
    this.#lastReloadWorked = result === 'success';
    if (result === 'success') this.#reloadedAt = this.#clock.wallNow();
  }

  /** Counts a request to change something at the admin address. */
  changeAsked(change: ChangeName, result: ChangeResult): void {
    this.#families.adminChanges.at(change, result).value++;
  }

  /** How a route's calls to its upstream fared over the last minute. */
  figures(route: string, upstream: string): RouteFigures {
    const now = this.#clock.now();
    const rates = this.#table.find(route, upstream)?.rates(now, now - this.#startedAt) ?? NO_RATES;
    return { ...rates, ...this.history.lastMinute(route).times };
  }

  /** Everything, as text. With thousands of series that takes longer than a call may wait, hence in slices. */
  async scrape(openMetrics: boolean): Promise<Scrape> {
    const ofProcess = await this.#process.families();
    this.#table.follow(this.#sources?.endpoints?.() ?? [], this.#clock.now());
    return {
      contentType: openMetrics ? OPENMETRICS_CONTENT_TYPE : PROMETHEUS_CONTENT_TYPE,
      body: this.#slices([...this.#families.all, ...this.#gauges, ...ofProcess], openMetrics),
    };
  }

  async *#slices(families: readonly MetricFamily[], openMetrics: boolean): AsyncGenerator<string> {
    let first = true;
    for (const slice of exposition(families, openMetrics)) {
      if (!first) await this.#pause();
      first = false;
      yield slice;
    }
  }

  /** A trace that nobody keeps shows nothing. */
  #exemplarOf({ trace }: Call): Exemplar | undefined {
    return trace?.sampled === true ? { traceId: trace.traceId, at: this.#clock.wallNow() } : undefined;
  }

  #recordOfCall(event: Exclude<PolicyEvent, EventWithoutCall>, series: RouteSeries | undefined): void {
    if (series === undefined) return;
    switch (event.type) {
      case 'retry-success':
        series.single.at('retrySuccesses').value++;
        return;
      case 'retry-suppressed':
        series.suppressed.at(event.reason).value++;
        return;
      case 'timeout':
        series.timeouts.at(event.kind).value++;
        return;
      case 'circuit-refusal':
        series.single.at('circuitRefusals').value++;
        return;
      case 'fallback':
        if (event.result === 'success') series.countFallback(event.kind);
        this.#families.fallbacks.at(event.call.route, event.kind, event.cause, event.result).value++;
        return;
      case 'hedge':
        this.#families.hedges.at(event.call.route, event.result).value++;
        return;
      case 'rate-limited':
        this.#families.rateLimited.at(event.call.route).value++;
        return;
      case 'fault':
        this.#families.faultsInjected.at(event.call.route, event.kind).value++;
    }
  }

  #ownGauges(version: string): MetricFamily[] {
    const table = this.#table;
    const clock = this.#clock;
    return [
      new GaugeFamily(
        'outrigger_retry_ratio',
        'Retries per call over the last minute.',
        ['route', 'upstream'],
        function* () {
          for (const [route, upstream, series] of table) yield [[route, upstream], series.retryRatio(clock.now())];
        },
      ),
      new GaugeFamily(
        'outrigger_config_last_reload_success_timestamp_seconds',
        'When the policy file was last taken; the start counts.',
        [],
        () => [[[], this.#reloadedAt / 1_000]],
      ),
      new GaugeFamily(
        'outrigger_config_last_reload_successful',
        'Whether the policy file was taken when it was last looked at; the start counts.',
        [],
        () => [[[], Number(this.#lastReloadWorked)]],
      ),
      new GaugeFamily('outrigger_build_info', 'Versions of Outrigger and of Node.', ['version', 'node'], () => [
        [[version, process.versions.node], 1],
      ]),
    ];
  }
}
