import type { CircuitStateName } from '../policies/events.js';
import { labelText, sampleHead, type MetricFamily } from './exposition.js';
import { ForeignCounterFamily, GaugeFamily, type GaugeSample } from './instruments.js';

/** Where the present state of things is read when metrics are scraped. One entry per upstream, key or route each. */
export interface MetricSources {
  circuits(): Iterable<{ readonly upstream: string; readonly key: string; readonly state: CircuitStateName }>;
  concurrency(): Iterable<{
    readonly upstream: string;
    readonly limit: number;
    readonly inFlight: number;
    readonly queued: number;
  }>;
  budgets(): Iterable<{ readonly upstream: string; readonly remaining: number }>;
  replayMemoryBytes(): number;
  /** Calls of the app that have not ended. */
  inFlight(): number;
  /** Lines that the log has lost, since nobody took them. */
  logLinesDropped?(): number;
  /** Spans by what became of them; undefined where none are sent. */
  spans?(): Readonly<Record<string, number>> | undefined;
  /** Connections of apps that are open. */
  connections?(): number;
  /** Whether calls are refused since the event loop is behind. */
  shedding?(): boolean;
  /** Routes with retries, and whether the switch lets them retry. */
  retriesEnabled?(): Iterable<{ readonly route: string; readonly enabled: boolean }>;
  /** Routes whose attempt timeout follows what is seen, and how long an attempt is given now. */
  attemptTimeouts?(): Iterable<{ readonly route: string; readonly upstream: string; readonly limitMs: number }>;
  /** Upstreams with active health checks. */
  health?(): Iterable<{
    readonly upstream: string;
    readonly panic: boolean;
    readonly endpoints: Iterable<{ readonly endpoint: string; readonly healthy: boolean }>;
  }>;
  /** The endpoints there are now; an upstream that is left out has those it started with. */
  endpoints?(): Iterable<{ readonly upstream: string; readonly endpoint: string }>;
}

const CIRCUIT_STATES: readonly CircuitStateName[] = [
  'closed',
  'open',
  'half-open',
  'ramping',
  'forced-open',
  'forced-closed',
];

/** The gauges, and a counter, that other parts of the process answer for. Before there are sources they have no series. */
export function sourceGauges(sources: () => MetricSources | undefined): MetricFamily[] {
  return [
    new GaugeFamily('outrigger_in_flight_requests', 'Calls of the app that have not ended.', [], () =>
      single(sources()?.inFlight()),
    ),
    new GaugeFamily('outrigger_replay_memory_bytes', 'Request bodies kept for retries.', [], () =>
      single(sources()?.replayMemoryBytes()),
    ),
    new ForeignCounterFamily(
      'outrigger_log_lines_dropped_total',
      'Log lines that were lost, since nobody took them from standard output.',
      [],
      () => single(sources()?.logLinesDropped?.()),
    ),
    new ForeignCounterFamily(
      'outrigger_trace_spans_total',
      'Spans of traces, by what became of them.',
      ['result'],
      () => Object.entries(sources()?.spans?.() ?? {}).map(([result, count]) => [[result], count]),
    ),
    ...boundGauges(sources),
    ...circuitGauges(sources),
    ...concurrencyGauges(sources),
    ...healthGauges(sources),
  ];
}

function single(value: number | undefined): readonly GaugeSample[] {
  return value === undefined ? [] : [[[], value]];
}

/** How far the process is from its own bounds. */
function boundGauges(sources: () => MetricSources | undefined): MetricFamily[] {
  return [
    new GaugeFamily('outrigger_connections', 'Connections of apps that are open.', [], () =>
      single(sources()?.connections?.()),
    ),
    new GaugeFamily('outrigger_shedding', 'Whether calls are refused since the event loop is behind.', [], () => {
      const shedding = sources()?.shedding?.();
      return single(shedding === undefined ? undefined : Number(shedding));
    }),
  ];
}

function circuitGauges(sources: () => MetricSources | undefined): MetricFamily[] {
  return [
    circuitStates(sources),
    new GaugeFamily(
      'outrigger_retry_budget_remaining',
      'Retries that the budget still allows.',
      ['upstream'],
      function* () {
        for (const { upstream, remaining } of sources()?.budgets() ?? []) yield [[upstream], remaining];
      },
    ),
    new GaugeFamily(
      'outrigger_attempt_timeout_seconds',
      'How long an attempt is given, where that follows how long answers take.',
      ['route', 'upstream'],
      function* () {
        for (const { route, upstream, limitMs } of sources()?.attemptTimeouts?.() ?? []) {
          yield [[route, upstream], limitMs / 1_000];
        }
      },
    ),
    new GaugeFamily(
      'outrigger_retries_enabled',
      'Whether retries and hedges are switched on.',
      ['route'],
      function* () {
        for (const { route, enabled } of sources()?.retriesEnabled?.() ?? []) yield [[route], enabled ? 1 : 0];
      },
    ),
  ];
}

/** The states of a circuit are written together, so that it is in exactly one. */
function circuitStates(sources: () => MetricSources | undefined): MetricFamily {
  const name = 'outrigger_circuit_state';
  return {
    name,
    help: '1 for the state that a circuit is in, 0 for the others.',
    type: 'gauge',
    *lines() {
      for (const { upstream, key, state } of sources()?.circuits() ?? []) {
        const labels = labelText(['upstream', 'key'], [upstream, key]);
        let text = '';
        for (const one of CIRCUIT_STATES) {
          text += `${sampleHead(name, `${labels},state="${one}"`)}${one === state ? 1 : 0}\n`;
        }
        yield text;
      }
    },
  };
}

function concurrencyGauges(sources: () => MetricSources | undefined): MetricFamily[] {
  const gauge = (name: string, help: string, field: 'limit' | 'inFlight' | 'queued') =>
    new GaugeFamily(name, help, ['upstream'], function* () {
      for (const entry of sources()?.concurrency() ?? []) yield [[entry.upstream], entry[field]];
    });
  return [
    gauge('outrigger_concurrency_limit', 'Attempts that may be in flight at once.', 'limit'),
    gauge('outrigger_concurrency_in_flight', 'Attempts in flight.', 'inFlight'),
    gauge('outrigger_concurrency_queue', 'Attempts that wait for a place.', 'queued'),
  ];
}

function healthGauges(sources: () => MetricSources | undefined): MetricFamily[] {
  return [
    new GaugeFamily(
      'outrigger_endpoint_healthy',
      'Whether the active health check finds the endpoint well.',
      ['upstream', 'endpoint'],
      function* () {
        for (const { upstream, endpoints } of sources()?.health?.() ?? []) {
          for (const { endpoint, healthy } of endpoints) yield [[upstream, endpoint], healthy ? 1 : 0];
        }
      },
    ),
    new GaugeFamily(
      'outrigger_health_panic',
      'Whether so few endpoints are healthy that the checks are not believed.',
      ['upstream'],
      function* () {
        for (const { upstream, panic } of sources()?.health?.() ?? []) yield [[upstream], panic ? 1 : 0];
      },
    ),
  ];
}
