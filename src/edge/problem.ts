import { STATUS_CODES } from 'node:http';
import type { ErrorCode, ErrorReason, OutriggerError } from '../errors.js';

/** What an error looks like from outside. */
interface Face {
  readonly status: number;
  readonly title: string;
  /** The error type of RFC 9209, 2.3. */
  readonly proxyError: string;
  /** Says what happened, given the upstream's name; without one, the error's own message does. */
  readonly detail?: (upstream: string) => string;
  /** Retry-After where the error does not know better, in seconds. */
  readonly retryAfter?: number;
  /** Whether the connection is of no use any more. */
  readonly close?: boolean;
}

/**
 * Which status, title and RFC 9209 error type each code becomes; the only such table. Details are written here and not
 * taken from causes, which may name internal addresses.
 */
const FACES: Readonly<Record<ErrorCode, Face>> = {
  'no-route': { status: 404, title: 'No route', proxyError: 'destination_not_found' },
  'connect-failure': {
    status: 502,
    title: 'Connection failed',
    proxyError: 'destination_unavailable',
    detail: (upstream) => `No connection to upstream '${upstream}' could be made.`,
  },
  reset: {
    status: 502,
    title: 'Connection broken',
    proxyError: 'connection_terminated',
    detail: (upstream) => `The connection to upstream '${upstream}' broke before it answered.`,
  },
  'bad-response': {
    status: 502,
    title: 'Bad response',
    proxyError: 'http_protocol_error',
    detail: (upstream) => `Upstream '${upstream}' sent an answer that is not valid HTTP.`,
  },
  timeout: {
    status: 504,
    title: 'Attempt timed out',
    proxyError: 'http_response_timeout',
    detail: (upstream) => `Upstream '${upstream}' did not answer in time.`,
  },
  deadline: {
    status: 504,
    title: 'Deadline passed',
    proxyError: 'http_response_timeout',
    detail: (upstream) => `The call's time was over before upstream '${upstream}' had answered.`,
  },
  'circuit-open': {
    status: 503,
    title: 'Circuit open',
    proxyError: 'destination_unavailable',
    detail: (upstream) => `Upstream '${upstream}' keeps failing and is left alone for a while.`,
    retryAfter: 1,
  },
  overload: {
    status: 503,
    title: 'Overload',
    proxyError: 'connection_limit_reached',
    detail: (upstream) => `As many calls to upstream '${upstream}' as it may have are in flight.`,
    retryAfter: 1,
  },
  'rate-limited': {
    status: 429,
    title: 'Rate limited',
    proxyError: 'http_request_denied',
    retryAfter: 1,
  },
  draining: {
    status: 503,
    title: 'Shutting down',
    proxyError: 'proxy_internal_response',
    detail: () => 'The proxy shuts down and the call had no answer yet.',
    close: true,
  },
  shedding: {
    status: 503,
    title: 'Shedding load',
    proxyError: 'connection_limit_reached',
    detail: () => 'The proxy has as much work as it may have.',
    retryAfter: 1,
  },
  loop: { status: 508, title: 'Loop', proxyError: 'proxy_loop_detected' },
  'bad-request': { status: 400, title: 'Bad request', proxyError: 'http_request_error' },
  fault: {
    status: 503,
    title: 'Injected fault',
    proxyError: 'proxy_internal_response',
    detail: () => 'A fault was injected on purpose, as the configuration asks.',
  },
  'client-gone': { status: 499, title: 'Client gone', proxyError: 'http_request_error' },
  cancelled: {
    status: 502,
    title: 'Cancelled',
    proxyError: 'proxy_internal_error',
    detail: (upstream) => `The attempt at upstream '${upstream}' was cancelled.`,
  },
  // RFC 9209 recommends 500, which an app would take for the service's own answer.
  internal: {
    status: 502,
    title: 'Internal error',
    proxyError: 'proxy_internal_error',
    detail: () => 'The proxy failed.',
  },
};

/** Where a code has several causes, what is different about them. */
const REASONS: Readonly<Partial<Record<ErrorCode, Readonly<Partial<Record<ErrorReason, Partial<Face>>>>>>> = {
  'connect-failure': {
    refused: {
      proxyError: 'connection_refused',
      detail: (upstream) => `Upstream '${upstream}' refused the connection.`,
    },
    dns: { proxyError: 'dns_error', detail: (upstream) => `The name of upstream '${upstream}' could not be resolved.` },
    unroutable: {
      proxyError: 'destination_ip_unroutable',
      detail: (upstream) => `The address of upstream '${upstream}' cannot be reached.`,
    },
    'connect-timeout': {
      status: 504,
      title: 'Connecting timed out',
      proxyError: 'connection_timeout',
      detail: (upstream) => `Connecting to upstream '${upstream}' took too long.`,
    },
    tls: {
      proxyError: 'tls_protocol_error',
      detail: (upstream) => `The TLS handshake with upstream '${upstream}' failed.`,
    },
    'tls-certificate': {
      proxyError: 'tls_certificate_error',
      detail: (upstream) => `The certificate of upstream '${upstream}' was not accepted.`,
    },
  },
  'bad-response': {
    'headers-too-large': {
      proxyError: 'http_response_header_section_size',
      detail: (upstream) => `The head of upstream '${upstream}'s answer is too large.`,
    },
    body: {
      proxyError: 'http_response_incomplete',
      detail: (upstream) => `The answer of upstream '${upstream}' broke off.`,
    },
    idle: {
      proxyError: 'http_response_incomplete',
      detail: (upstream) => `The answer of upstream '${upstream}' stalled.`,
    },
  },
  timeout: {
    idle: { detail: (upstream) => `Upstream '${upstream}' stopped taking the request's body.` },
  },
  'circuit-open': {
    forced: { detail: (upstream) => `Upstream '${upstream}' is left alone: an operator asked for it.` },
    unhealthy: { detail: (upstream) => `No endpoint of upstream '${upstream}' is healthy.` },
  },
  shedding: {
    descriptors: { detail: (upstream) => `No file descriptor is left for a connection to upstream '${upstream}'.` },
  },
  'bad-request': {
    'headers-too-large': { status: 431, title: 'Request head too large', close: true },
    // Where it is in doubt how a message is framed, what follows it is too (RFC 9112, 6.3).
    framing: { close: true },
    coding: { status: 501, title: 'Not implemented', close: true },
    method: { status: 501, title: 'Not implemented' },
    'head-stalled': { status: 408, title: 'Request timed out', close: true },
    'body-stalled': { status: 408, title: 'Request timed out', close: true },
  },
};

/** What is known of the call that an error ended. */
export interface ProblemContext {
  readonly route: string;
  readonly upstream: string;
  readonly attempts: number;
}

/** An answer of ours: application/problem+json (RFC 9457) with Proxy-Status (RFC 9209). */
export interface Problem {
  readonly status: number;
  /** As [name, value, …]. */
  readonly headers: string[];
  readonly body: string;
  /** Whether the connection must not be used again; `headers` says so already. */
  readonly close: boolean;
}

/** The answer that tells the app of an error. `context` is undefined where there is no call: nothing was understood. */
export function problemOf(error: OutriggerError, context: ProblemContext | undefined): Problem {
  const general = FACES[error.code];
  const special = error.reason === undefined ? undefined : REASONS[error.code]?.[error.reason];
  const face: Face = special === undefined ? general : { ...general, ...special };
  const body = JSON.stringify({
    type: `urn:outrigger:problem:${error.code}`,
    title: face.title,
    status: face.status,
    detail: face.detail === undefined ? sentence(error.message) : face.detail(context?.upstream ?? '-'),
    code: error.code,
    route: context?.route,
    upstream: context?.upstream,
    attempts: context?.attempts ?? 0,
  });
  const headers = [
    'content-type',
    'application/problem+json',
    'content-length',
    String(Buffer.byteLength(body)),
    'cache-control',
    'no-store',
    'proxy-status',
    `outrigger; error=${face.proxyError}`,
    'x-outrigger-attempts',
    String(context?.attempts ?? 0),
  ];
  const retryAfter = error.retryAfterMs === undefined ? face.retryAfter : Math.ceil(error.retryAfterMs / 1000);
  if (retryAfter !== undefined) headers.push('retry-after', String(Math.max(1, retryAfter)));
  headers.push(...error.headers);
  const close = face.close === true;
  if (close) headers.push('connection', 'close');
  return { status: face.status, headers, body, close };
}

function sentence(message: string): string {
  return `${message.charAt(0).toUpperCase()}${message.slice(1)}.`;
}

/** The same answer as bytes, for connections that Node gives us without a response object. */
export function problemBytes(error: OutriggerError): string {
  const { status, headers, body, close } = problemOf(error, undefined);
  const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`];
  for (let i = 0; i < headers.length; i += 2) lines.push(`${headers[i]!}: ${headers[i + 1]!}`);
  if (!close) lines.push('connection: close');
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}
