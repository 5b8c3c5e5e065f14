/**
 * Every error that a call can end with. The codes are stable: they are the `code` of problem documents, log lines and
 * metric labels. Which HTTP status a code becomes is decided in edge/problem.ts and nowhere else.
 */
export type ErrorCode =
  | 'no-route'
  | 'connect-failure'
  | 'reset'
  | 'bad-response'
  | 'timeout'
  | 'deadline'
  | 'circuit-open'
  | 'overload'
  | 'rate-limited'
  | 'draining'
  | 'shedding'
  | 'loop'
  | 'bad-request'
  | 'fault'
  | 'client-gone'
  | 'cancelled'
  | 'internal';

/** What exactly went wrong, where a code has several causes (RFC 9209 has an error type for each). */
export type ErrorReason =
  | 'refused'
  | 'dns'
  | 'unroutable'
  | 'connect-timeout'
  | 'tls'
  | 'tls-certificate'
  | 'closed'
  | 'descriptors'
  | 'protocol'
  | 'body'
  | 'idle'
  | 'forced'
  | 'unhealthy'
  | 'headers-too-large'
  | 'request-line'
  | 'target'
  | 'host'
  | 'header'
  | 'framing'
  | 'coding'
  | 'chunk'
  | 'syntax'
  | 'incomplete'
  | 'method'
  | 'head-stalled'
  | 'body-stalled';

export interface ErrorDetails {
  readonly cause?: unknown;
  readonly reason?: ErrorReason;
  /** Milliseconds after which trying again makes sense; becomes Retry-After. */
  readonly retryAfterMs?: number;
  /** Headers of the answer that tells the app, as [name, value, …]. */
  readonly headers?: readonly string[];
}

const NONE: readonly string[] = [];

/** An error with a stable code. `message` is for people and may change. */
export class OutriggerError extends Error {
  override readonly name = 'OutriggerError';
  readonly code: ErrorCode;
  readonly reason: ErrorReason | undefined;
  readonly retryAfterMs: number | undefined;
  readonly headers: readonly string[];

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.reason = details.reason;
    this.retryAfterMs = details.retryAfterMs;
    this.headers = details.headers ?? NONE;
  }
}

/** Whether a call ended by a fault of our own. */
export function isInternal(error: Error): boolean {
  return error instanceof OutriggerError && error.code === 'internal';
}

/** What a call ends with when something threw: an error of ours as it is; anything else is a fault of our own. */
export function asInternal(thrown: unknown, message: string): OutriggerError {
  return thrown instanceof OutriggerError ? thrown : new OutriggerError('internal', message, { cause: thrown });
}
