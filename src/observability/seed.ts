import type { ErrorReason } from '../errors.js';
import type { CallOutcome, FallbackKind, ResultClass, SuppressedReason, TimeoutKind } from '../policies/events.js';
import type { Families } from './families.js';
import type { RouteSeries } from './route-series.js';
import type { RouteTopology, UpstreamTopology } from './topology.js';

/**
 * Makes series exist at 0, so that rate() sees their first rise: a series that appears with its first event hides that
 * event. What has known labels is made for each policy that is configured; calls by method, code and outcome, which
 * have too many combinations, for the route's own methods (GET and POST where it takes all) and the answers below.
 */
const ANSWERS: readonly (readonly [number, CallOutcome])[] = [
  [200, 'success'],
  [502, 'failure'],
  [503, 'failure'],
  [504, 'failure'],
  [503, 'refused'],
  [0, 'client-gone'],
];
const USUAL_METHODS: readonly string[] = ['GET', 'POST'];

const SENT_RESULTS: readonly ResultClass[] = [
  'success',
  'connect-failure',
  'reset',
  'timeout',
  'bad-response',
  '429',
  '500',
  '502',
  '503',
  '504',
  '5xx',
];

const SUPPRESSED: readonly SuppressedReason[] = [
  'method',
  'body-too-large',
  'replay-memory',
  'attempts',
  'budget',
  'deadline',
  'circuit-open',
  'overload',
  'rate-limited',
  'committed',
  'client-gone',
  'retry-after',
  'already-a-retry',
  'switched-off',
];

const TIMEOUTS: readonly TimeoutKind[] = ['connect', 'attempt', 'deadline', 'idle'];

const BAD_REQUESTS: readonly (ErrorReason | 'other')[] = [
  'request-line',
  'target',
  'host',
  'header',
  'headers-too-large',
  'framing',
  'coding',
  'chunk',
  'syntax',
  'incomplete',
  'method',
  'head-stalled',
  'body-stalled',
  'other',
];

const TRIPS: readonly string[] = ['failure-rate', 'slow-call-rate', 'consecutive-failures'];
const TRANSITIONS: readonly (readonly [string, string, readonly string[]])[] = [
  ['closed', 'open', TRIPS],
  ['open', 'half-open', ['open-time-over', 'probe-succeeded']],
  ['half-open', 'open', ['probe-failed', 'probe-slow']],
  ['half-open', 'ramping', ['probes-succeeded']],
  ['ramping', 'closed', ['ramp-over']],
  ['ramping', 'open', TRIPS],
];

const RESULT_CLASSES: ReadonlySet<string> = new Set<ResultClass>([
  ...SENT_RESULTS,
  'deadline',
  'circuit-open',
  'overload',
  'rate-limited',
]);

/** The classes that an `on` list can come to: `5xx` is any of five, `retriable-header:x` is one reason, `404` is none. */
function resultClasses(on: readonly string[]): (ResultClass | 'retriable-header')[] {
  const found = on.flatMap((entry): string[] => {
    if (entry === '5xx') return ['500', '502', '503', '504', '5xx'];
    return [entry.startsWith('retriable-header:') ? 'retriable-header' : entry];
  });
  return [...new Set(found)].filter(
    (entry): entry is ResultClass | 'retriable-header' => RESULT_CLASSES.has(entry) || entry === 'retriable-header',
  );
}

/** What belongs to no route and no upstream. */
export function seedProcess(families: Families): void {
  for (const result of ['success', 'failure']) families.configReloads.at(result);
  for (const reason of BAD_REQUESTS) families.badRequests.at(reason);
}

export function seedRoute(
  families: Families,
  series: RouteSeries,
  route: RouteTopology,
  upstream: UpstreamTopology | undefined,
): void {
  const answers = [...ANSWERS];
  if (route.fallback !== undefined) answers.push([200, 'fallback']);
  if (route.rateLimit !== undefined) answers.push([429, 'refused']);
  for (const method of route.methods ?? USUAL_METHODS) {
    for (const [status, outcome] of answers) series.requests(method, status, outcome);
  }
  series.single.at('internalErrors');
  if (upstream !== undefined) seedAttempts(series, upstream);
  if (route.retry !== undefined) seedRetry(series, route.retry.on);
  if (route.fallback !== undefined) seedFallback(families, route.name, route.fallback);
  if (route.hedge === true) for (const result of ['won', 'lost', 'failed']) families.hedges.at(route.name, result);
  if (route.rateLimit !== undefined) families.rateLimited.at(route.name);
  if (route.faults === true) {
    for (const kind of ['delay', 'status', 'abort']) families.faultsInjected.at(route.name, kind);
  }
  seedShadow(families, route, upstream);
}

/** The attempts of a route at an upstream, its own or one that its fallback asks. */
export function seedAttempts(series: RouteSeries, upstream: UpstreamTopology): void {
  for (const endpoint of upstream.endpoints) seedEndpoint(series, endpoint);
  for (const kind of TIMEOUTS) series.timeouts.at(kind);
  if (upstream.circuitBreaker !== undefined) series.single.at('circuitRefusals');
}

/** The attempts of a route at an endpoint, also one that discovery found later. */
export function seedEndpoint(series: RouteSeries, endpoint: string): void {
  for (const result of SENT_RESULTS) series.attempts(endpoint, result);
}

function seedRetry(series: RouteSeries, on: readonly string[]): void {
  for (const reason of resultClasses(on)) series.retries.at(reason);
  for (const reason of SUPPRESSED) series.suppressed.at(reason);
  series.single.at('retrySuccesses');
  series.single.at('backoff');
}

function seedFallback(
  families: Families,
  route: string,
  fallback: { readonly kinds: readonly FallbackKind[]; readonly on: readonly string[] },
): void {
  for (const kind of fallback.kinds) {
    for (const cause of resultClasses(fallback.on)) {
      for (const result of ['success', 'failure']) families.fallbacks.at(route, kind, cause, result);
    }
  }
}

function seedShadow(families: Families, route: RouteTopology, upstream: UpstreamTopology | undefined): void {
  const add = (policy: string, action: string) => families.shadow.at(route.name, route.upstream, policy, action);
  if (route.retry?.shadow === true) add('retry', 'would-retry');
  if (route.rateLimit?.shadow === true) add('rateLimit', 'would-refuse');
  if (upstream?.circuitBreaker?.shadow === true) add('circuitBreaker', 'would-refuse');
  if (upstream?.concurrency?.shadow === true) add('concurrency', 'would-refuse');
}

export function seedUpstream(families: Families, upstream: UpstreamTopology): void {
  if (upstream.circuitBreaker === undefined) return;
  // A circuit belongs to all routes that lead to the upstream.
  if (upstream.circuitBreaker.shadow === true) families.shadow.at('-', upstream.name, 'circuitBreaker', 'would-open');
  for (const [from, to, reasons] of TRANSITIONS) {
    for (const reason of reasons) families.circuitTransitions.at(upstream.name, from, to, reason);
  }
}
