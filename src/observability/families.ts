import { CounterFamily, HistogramFamily } from './instruments.js';

/** Seconds. From a refusal by an open circuit, well under a millisecond, to beyond the default timeout of a call. */
export const DURATION_BOUNDS: readonly number[] = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
];

const ROUTE: readonly string[] = ['route', 'upstream'];

/** What is counted, in the order of the reference. Label values are given in the order that stands here. */
export class Families {
  readonly requests = new CounterFamily(
    'outrigger_requests_total',
    'Calls of the app, by how they ended. Code 000: nothing could be sent to the app.',
    [...ROUTE, 'method', 'code', 'outcome'],
  );
  readonly badRequests = new CounterFamily(
    'outrigger_bad_requests_total',
    'Requests refused because they are malformed, not HTTP/1.1, or not for a proxy such as this, by what was wrong.',
    ['reason'],
  );
  readonly requestDuration = new HistogramFamily(
    'outrigger_request_duration_seconds',
    'Time from a call of the app to the end of its answer.',
    ROUTE,
    DURATION_BOUNDS,
  );
  readonly attempts = new CounterFamily('outrigger_attempts_total', 'Attempts sent to an endpoint, by result.', [
    ...ROUTE,
    'endpoint',
    'result',
  ]);
  readonly attemptDuration = new HistogramFamily(
    'outrigger_attempt_duration_seconds',
    "Time from an attempt's dispatch to its response's head, or to its failure before that.",
    ROUTE,
    DURATION_BOUNDS,
  );
  readonly retries = new CounterFamily('outrigger_retries_total', 'Retries decided on, by the class of what failed.', [
    ...ROUTE,
    'reason',
  ]);
  readonly retrySuccesses = new CounterFamily(
    'outrigger_retry_successes_total',
    'Calls that succeeded after at least one retry.',
    ROUTE,
  );
  readonly retriesSuppressed = new CounterFamily(
    'outrigger_retries_suppressed_total',
    'Retries that were wanted and not made, by why.',
    [...ROUTE, 'reason'],
  );
  readonly backoff = new CounterFamily(
    'outrigger_backoff_seconds_total',
    'Time set for back-offs before retries.',
    ROUTE,
  );
  readonly timeouts = new CounterFamily('outrigger_timeouts_total', 'Timeouts that passed, by kind.', [
    ...ROUTE,
    'kind',
  ]);
  readonly circuitTransitions = new CounterFamily(
    'outrigger_circuit_transitions_total',
    'Changes of a circuit from one state to another.',
    ['upstream', 'from', 'to', 'reason'],
  );
  readonly circuitRefusals = new CounterFamily(
    'outrigger_circuit_refusals_total',
    'Calls refused because no circuit admitted them.',
    ROUTE,
  );
  readonly fallbacks = new CounterFamily(
    'outrigger_fallbacks_total',
    'Fallback steps tried, by the class of what had failed.',
    ['route', 'kind', 'cause', 'result'],
  );
  readonly hedges = new CounterFamily('outrigger_hedges_total', 'Hedges sent, by how they ended.', ['route', 'result']);
  readonly rateLimited = new CounterFamily(
    'outrigger_rate_limited_total',
    'Calls and attempts refused by a rate limit.',
    ['route'],
  );
  readonly internalErrors = new CounterFamily(
    'outrigger_internal_errors_total',
    'Calls that a fault of our own ended: each is a bug, with its stack in the log.',
    ROUTE,
  );
  readonly configReloads = new CounterFamily(
    'outrigger_config_reloads_total',
    'Reloads of the policy file, by result.',
    ['result'],
  );
  readonly adminChanges = new CounterFamily(
    'outrigger_admin_changes_total',
    'Requests to change something at the admin address, by result.',
    ['change', 'result'],
  );
  readonly shadow = new CounterFamily('outrigger_shadow_total', 'What policies in shadow mode would have done.', [
    ...ROUTE,
    'policy',
    'action',
  ]);
  readonly faultsInjected = new CounterFamily('outrigger_faults_injected_total', 'Faults injected on purpose.', [
    'route',
    'kind',
  ]);

  readonly shed = new CounterFamily(
    'outrigger_shed_total',
    "Calls and connections refused at the process's own bounds, by which.",
    ['reason'],
  );

  /** Those whose first two labels are route and upstream. */
  readonly byRouteAndUpstream = [
    this.requests,
    this.requestDuration,
    this.attempts,
    this.attemptDuration,
    this.retries,
    this.retrySuccesses,
    this.retriesSuppressed,
    this.backoff,
    this.timeouts,
    this.circuitRefusals,
    this.internalErrors,
    this.shadow,
  ] as const;

  /** Those whose first label is route, and whose second is not upstream. */
  readonly byRoute = [this.fallbacks, this.hedges, this.rateLimited, this.faultsInjected] as const;

  readonly all = [
    ...this.byRouteAndUpstream,
    ...this.byRoute,
    this.badRequests,
    this.circuitTransitions,
    this.configReloads,
    this.adminChanges,
    this.shed,
  ] as const;
}
