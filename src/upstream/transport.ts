import type { Duplex } from 'node:stream';
import { OutriggerError } from '../errors.js';
import { headerEntries, retriesBefore, withAttempt } from '../policies/call-context.js';
import { asBroken, endBroken, type LinkedHandler } from '../policies/containment.js';
import type { ResultClass } from '../policies/events.js';
import { isInterim, Steering } from '../policies/pass-through.js';
import type {
  Attempt,
  CallOptions,
  Controller,
  Handler,
  Policy,
  PolicyDeps,
  ResponseHeaders,
} from '../policies/policy.js';
import { classifyFailure, errorClass, statusClass, type AttemptPhase } from '../policies/rules/classify.js';

/**
 * The innermost layer, where our line meets a pool: the sidecar's own (http1/), or undici's inside a process. It gives each
 * attempt a controller at once, since a pool gives none before a connection is there; says what went wrong in our classes;
 * adds the headers that change from attempt to attempt; and counts the attempt.
 */
export function transport(deps: PolicyDeps): Policy {
  return (dispatch) => (given: CallOptions, handler) => {
    const opts = withAttempt(given, deps.clock);
    const { attempt } = opts;
    attempt.call.attempts++;
    const running = new TransportAttempt(attempt, handler, deps);
    handler.onRequestStart?.(running, null);
    if (running.aborted) return true;
    try {
      return dispatch(sent(opts, attempt), running);
    } catch (cause) {
      running.onResponseError(running, thrown(cause));
      return true;
    }
  };
}

/** A pool calls back and does not throw: what is thrown is a mistake of ours, which no retry repairs. */
function thrown(cause: unknown): OutriggerError {
  const error = classifyFailure(cause, 'unsent');
  return error.code === 'connect-failure' ? new OutriggerError('internal', 'dispatching failed', { cause }) : error;
}

/** What the pool is given. Each property is named: copying an object of so many costs more than all the layers above. */
function sent(opts: CallOptions, attempt: Attempt): CallOptions {
  const { origin, path, method, query, idempotent, blocking, upgrade, headersTimeout, bodyTimeout, reset } = opts;
  return {
    origin,
    path,
    method,
    query,
    idempotent,
    blocking,
    upgrade,
    headersTimeout,
    bodyTimeout,
    reset,
    expectContinue: opts.expectContinue,
    typeOfService: opts.typeOfService,
    headers: attemptHeaders(opts, attempt),
    body: attempt.call.body.forAttempt(),
    call: attempt.call,
    attempt,
  };
}

/** The headers of the call and those of this attempt, of which third parties are told no more than its trace. */
function attemptHeaders(opts: CallOptions, attempt: Attempt): CallOptions['headers'] {
  const { call } = attempt;
  const trace = call.trace?.attemptHeaders(attempt, opts.path);
  if (attempt.endpoint?.internalHeaders !== true)
    return trace === undefined ? opts.headers : joined(opts.headers, trace);
  const headers = joined(opts.headers, call.forwarded);
  if (trace !== undefined) headers.push(...trace);
  // To the next layer a hedge is a retry: it must not make retries and hedges of what is an extra attempt already.
  const retries = retriesBefore(call) + attempt.number - 1 + (attempt.hedge ? 1 : 0);
  if (retries > 0) headers.push('x-retry-attempt', String(retries));
  if (attempt.timeLeftMs !== Infinity) headers.push('x-request-timeout-ms', String(Math.floor(attempt.timeLeftMs)));
  return headers;
}

function joined(headers: CallOptions['headers'], more: readonly string[]): string[] {
  return Array.isArray(headers) ? headers.concat(more) : [...headerEntries(headers)].flat().concat(more);
}

/** One attempt on its way: the pool's handler below, the layers' controller above. */
class TransportAttempt extends Steering implements LinkedHandler {
  readonly #attempt: Attempt;
  readonly #next: Handler;
  readonly #deps: PolicyDeps;
  readonly #startedAt: number;
  #phase: AttemptPhase | 'over' = 'unsent';
  #status: number | undefined;
  #tookMs: number | undefined;

  constructor(attempt: Attempt, next: Handler, deps: PolicyDeps) {
    super();
    this.#attempt = attempt;
    this.#next = next;
    this.#deps = deps;
    this.#startedAt = deps.clock.now();
  }

  get above(): Handler {
    return this.#next;
  }

  // The layers above steer the attempt.

  abort(reason: Error): void {
    if (this.#phase === 'over' || this.aborted) return;
    this.reason = reason;
    if (this.inner === undefined) {
      this.onResponseError(this, reason);
      return;
    }
    try {
      this.inner.abort(reason);
    } catch (cause) {
      this.#broken(cause);
    }
  }

  // The pool tells how it goes. What the layers above throw ends the call, and not a connection of others.

  onRequestStart(controller: Controller): void {
    // Thrown here, it keeps the request from being sent and leaves the socket to others; an abort would close it.
    if (this.reason !== null) throw this.reason;
    this.inner = controller;
    this.#phase = 'sent';
    this.#attempt.call.sent = true;
  }

  onRequestUpgrade(_controller: Controller, status: number, headers: ResponseHeaders, socket: Duplex): void {
    this.#answered(status);
    this.#end('success', undefined);
    try {
      this.#next.onRequestUpgrade?.(this, status, headers, socket);
    } catch (cause) {
      socket.destroy();
      this.#broken(cause);
    }
  }

  onResponseStart(_controller: Controller, status: number, headers: ResponseHeaders, statusText?: string): void {
    if (this.#phase === 'over') return;
    if (!isInterim(status)) this.#answered(status);
    try {
      this.#next.onResponseStart?.(this, status, headers, statusText);
    } catch (cause) {
      this.#broken(cause);
    }
  }

  onResponseData(_controller: Controller, chunk: Buffer): void {
    if (this.#phase === 'over') return;
    try {
      this.#next.onResponseData?.(this, chunk);
    } catch (cause) {
      this.#broken(cause);
    }
  }

  onResponseEnd(_controller: Controller, trailers: ResponseHeaders): void {
    if (this.#phase === 'over') return;
    this.#end(statusClass(this.#status ?? 0), undefined);
    try {
      this.#next.onResponseEnd?.(this, trailers);
    } catch (cause) {
      this.#broken(cause);
    }
  }

  onResponseError(_controller: Controller, raw: Error): void {
    const phase = this.#phase;
    if (phase === 'over') return;
    const error = this.#failure(raw, phase);
    // An answer that a retry did not want to the end was an answer all the same.
    const given = error.code === 'cancelled' && this.#status !== undefined;
    this.#end(given ? statusClass(this.#status ?? 0) : errorClass(error), error);
    try {
      this.#next.onResponseError?.(this, error);
    } catch (cause) {
      this.#broken(cause);
    }
  }

  #broken(cause: unknown): void {
    const error = asBroken(cause);
    if (this.#phase !== 'over') {
      this.#end('internal', error);
      if (!this.aborted) {
        this.reason = error;
        this.inner?.abort(error);
      }
    }
    endBroken(this.#next, error);
  }

  #failure(raw: Error, phase: AttemptPhase): OutriggerError {
    const error = classifyFailure(this.reason ?? raw, phase);
    // An injected delay stands for a slow upstream, which would have had the request by now.
    if (phase !== 'unsent' || error.code !== 'timeout' || this.#attempt.waiting !== undefined) return error;
    // Cut while it waited for a connection: nothing was sent, so that it may be made again whatever its method.
    return new OutriggerError('connect-failure', 'no connection in time', { cause: error, reason: 'connect-timeout' });
  }

  #answered(status: number): void {
    this.#phase = 'answered';
    this.#status = status;
    this.#tookMs = this.#deps.clock.now() - this.#startedAt;
  }

  #end(result: ResultClass, error: OutriggerError | undefined): void {
    this.#phase = 'over';
    const { emit, clock } = this.#deps;
    const attempt = this.#attempt;
    attempt.waiting?.cancel();
    // An attempt that we cut has its timeout counted by who cut it.
    const connectTimeout = error?.reason === 'connect-timeout' && !this.aborted;
    if (connectTimeout) emit({ type: 'timeout', call: attempt.call, kind: 'connect' });
    if (error?.reason === 'descriptors') emit({ type: 'shed', reason: 'descriptors' });
    if (error?.reason === 'idle') emit({ type: 'timeout', call: attempt.call, kind: 'idle' });
    const durationMs = this.#tookMs ?? clock.now() - this.#startedAt;
    emit({ type: 'attempt', attempt, result, status: this.#status, error, durationMs });
  }
}
