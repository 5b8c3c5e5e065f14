/**
 * The spans of a call by OpenTelemetry's semantic conventions for HTTP (stable since 1.23): one of kind server for the call,
 * one of kind client for each attempt. Queries are left out of URLs, as they are of the log: they carry secrets. What the
 * conventions have no word for is named outrigger.*.
 */
import type { CallEvent, EventOf, PolicyEvent } from '../../policies/events.js';
import type { AttemptEndpoint } from '../../policies/policy.js';
import type { AttemptSpan, RecordedTrace } from './call-trace.js';
import type { Attributes, Span } from './otlp.js';

type AttemptEvent = EventOf<'attempt'>;

/** Those of RFC 9110 and PATCH; what else an app makes up is no name for a span. */
const METHODS: ReadonlySet<string> = new Set('CONNECT DELETE GET HEAD OPTIONS PATCH POST PUT TRACE'.split(' '));

/** The span of a call, which ended at `now`, in monotonic milliseconds. */
export function callSpan(trace: RecordedTrace, event: CallEvent, now: number): Span {
  const { start } = trace;
  const { call, status, error, outcome } = event;
  const [address, port] = splitAuthority(start.host);
  const failure = callFailure(event);
  return {
    traceId: trace.traceId,
    spanId: trace.spanId,
    parentSpanId: start.parent?.parentId,
    parentIsRemote: start.parent !== undefined,
    traceState: start.state,
    name:
      start.pathPattern === undefined ? methodName(start.method) : `${methodName(start.method)} ${start.pathPattern}`,
    kind: 2,
    start: trace.nanos(start.startedAt),
    end: trace.nanos(now),
    attributes: {
      'http.request.method': knownMethod(start.method),
      'http.request.method_original': METHODS.has(start.method) ? undefined : start.method,
      'url.scheme': 'http',
      'url.path': start.path,
      'http.route': start.pathPattern,
      'http.response.status_code': status === 0 ? undefined : status,
      'error.type': failure === undefined ? undefined : (error?.code ?? String(status)),
      'server.address': address,
      'server.port': port,
      'client.address': start.client,
      'network.protocol.version': start.httpVersion,
      'outrigger.route': call.route,
      'outrigger.upstream': call.upstream,
      'outrigger.attempts': call.attempts,
      'outrigger.outcome': outcome,
      'outrigger.code': error?.code,
      'outrigger.fallback': call.fallback,
    },
    events: trace.notes.map(({ name, at, attributes }) => ({ name, time: trace.nanos(at), attributes })),
    droppedEvents: trace.notesLeftOut,
    error: failure,
  };
}

/** A server's 4xx is the client's mistake and no error of the span. */
function callFailure({ status, error, outcome }: CallEvent): string | undefined {
  const failed = outcome === 'failure' || outcome === 'client-gone' || status >= 500 || status === 0;
  return failed ? (error?.message ?? '') : undefined;
}

/** The span of an attempt, which ended at `now`, in monotonic milliseconds. */
export function attemptSpan(trace: RecordedTrace, span: AttemptSpan, event: AttemptEvent, now: number): Span {
  const { attempt, status, result } = event;
  const { call, endpoint } = attempt;
  const { origin, address, port, peer } = endpoint === undefined ? NOWHERE : placeOf(endpoint);
  const failure = attemptFailure(event);
  return {
    traceId: trace.traceId,
    spanId: span.spanId,
    parentSpanId: trace.spanId,
    parentIsRemote: false,
    traceState: trace.start.state,
    name: methodName(call.method),
    kind: 3,
    start: trace.nanos(span.startedAt),
    end: trace.nanos(now),
    attributes: {
      'http.request.method': knownMethod(call.method),
      'http.request.method_original': METHODS.has(call.method) ? undefined : call.method,
      'url.full': `${origin}${pathOf(span.path)}`,
      'server.address': address,
      'server.port': port,
      'http.response.status_code': status,
      'error.type': failure === undefined ? undefined : failure.type,
      'http.request.resend_count': span.before === 0 ? undefined : span.before,
      'network.peer.address': peer,
      'network.protocol.version': status === undefined ? undefined : '1.1',
      'outrigger.upstream': call.upstream,
      'outrigger.result': result,
      'outrigger.retry.reason': attempt.retryReason,
      'outrigger.hedge': attempt.hedge ? true : undefined,
    },
    events: [],
    droppedEvents: 0,
    error: failure?.message,
  };
}

/** A client's 4xx is an error; an attempt that nobody waits for any more is none. */
function attemptFailure({ result, status, error }: AttemptEvent): { type: string; message: string } | undefined {
  if (result === 'cancelled' || result === 'client-gone') return undefined;
  if (status !== undefined && status >= 400) return { type: String(status), message: '' };
  return result === 'success' ? undefined : { type: result, message: error?.message ?? '' };
}

/** What else happens to a call, as events of its span; undefined for what is a span itself or concerns no call. */
export function noteOf(event: PolicyEvent): { readonly name: string; readonly attributes: Attributes } | undefined {
  switch (event.type) {
    case 'retry': {
      const { reason, delayMs, attempt } = event;
      return {
        name: 'outrigger.retry',
        attributes: { reason, delay_ms: Math.round(delayMs), attempt: attempt.number },
      };
    }
    case 'retry-suppressed':
      return { name: 'outrigger.retry_suppressed', attributes: { reason: event.reason } };
    case 'timeout':
      return { name: 'outrigger.timeout', attributes: { kind: event.kind } };
    case 'circuit-refusal':
      return { name: 'outrigger.circuit_open', attributes: { upstream: event.call.upstream } };
    case 'fallback': {
      const { kind, cause, result } = event;
      return { name: 'outrigger.fallback', attributes: { kind, cause, result } };
    }
    case 'hedge':
      return { name: 'outrigger.hedge', attributes: { result: event.result } };
    case 'rate-limited':
      return { name: 'outrigger.rate_limited', attributes: {} };
    case 'fault':
      return { name: 'outrigger.fault', attributes: { kind: event.kind } };
    default:
      return undefined;
  }
}

function methodName(method: string): string {
  return METHODS.has(method) ? method : 'HTTP';
}

function knownMethod(method: string): string {
  return METHODS.has(method) ? method : '_OTHER';
}

/** host, host:port or [address]:port. */
function splitAuthority(authority: string): readonly [string | undefined, number | undefined] {
  const match = /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(authority);
  const [, host = '', port] = match ?? [];
  return [host === '' ? undefined : bare(host), port === undefined ? undefined : Number(port)];
}

function bare(host: string): string {
  return host.replace(/^\[|\]$/g, '');
}

function pathOf(target: string): string {
  const end = target.indexOf('?');
  return end === -1 ? target : target.slice(0, end);
}

/** Where attempts go, as their spans say it. */
interface Place {
  readonly origin: string;
  readonly address: string;
  readonly port: number;
  /** The address behind a name that has several. */
  readonly peer: string | undefined;
}

const NOWHERE = toPlace({ origin: 'http://-', label: '' });

/** Worked out once for each endpoint: a URL takes longer to parse than a span to write. */
const places = new WeakMap<AttemptEndpoint, Place>();

function placeOf(endpoint: AttemptEndpoint): Place {
  let place = places.get(endpoint);
  if (place === undefined) {
    place = toPlace(endpoint);
    places.set(endpoint, place);
  }
  return place;
}

function toPlace({ origin, label }: Pick<AttemptEndpoint, 'origin' | 'label'>): Place {
  const url = new URL(origin);
  const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
  return { origin: url.origin, address: bare(url.hostname), port, peer: label.split('#')[1] };
}
