import { outcomeOf } from '../edge/outcome.js';
import { applyEdits, type CompiledEdits } from '../edge/header-edits.js';
import { readResponseHeaders, type ResponseHeadersSource } from '../edge/headers.js';
import { problemOf } from '../edge/problem.js';
import { asInternal, isInternal, type OutriggerError } from '../errors.js';
import type { CallOutcome } from '../policies/events.js';
import type { Call, Clock, Controller, Handler, ResponseHeaders } from '../policies/policy.js';

/** What the app was answered. */
export interface AppAnswer {
  readonly status: number;
  /** As [name, value, …]. */
  readonly headers: readonly string[];
  readonly body: string;
}

/** One call of the app, from its side: what the edge would write to it, and when. */
export class AppCall implements Handler {
  /** Undefined for a call that was refused before it had a route. */
  readonly call: Call | undefined;
  readonly startedAt: number;
  /** Virtual milliseconds; undefined while it is in flight. */
  endedAt: number | undefined;
  error: OutriggerError | undefined;
  readonly #clock: Clock;
  readonly #edits: CompiledEdits | undefined;
  readonly #onEnd: (call: AppCall) => void;
  #controller: Controller | undefined;
  #status: number | undefined;
  #headers: ResponseHeadersSource = NO_HEADERS;
  /** Of a fleet's calls, few have a body, and many are in flight. */
  #chunks: Buffer[] | undefined;

  constructor(call: Call | undefined, edits: CompiledEdits | undefined, clock: Clock, onEnd: (call: AppCall) => void) {
    this.call = call;
    this.startedAt = clock.now();
    this.#edits = edits;
    this.#clock = clock;
    this.#onEnd = onEnd;
  }

  /** How it ended for the app; undefined while it is in flight. */
  get outcome(): CallOutcome | undefined {
    return this.endedAt === undefined ? undefined : outcomeOf(this.error, this.call?.fallback, this.#status ?? 0);
  }

  /** Of the answer that was passed on; undefined while there is none, or if there was none. */
  get status(): number | undefined {
    return this.#status;
  }

  /** What the app got; worked out when asked, since of most calls nobody asks. Undefined while it has no head. */
  get answer(): AppAnswer | undefined {
    const { call, error } = this;
    const bodiless = call?.method === 'HEAD';
    if (this.#status === undefined) {
      if (error === undefined) return undefined;
      const problem = problemOf(error, call);
      return bodiless ? { ...problem, body: '' } : problem;
    }
    const headers = applyEdits(readResponseHeaders(this.#headers), this.#edits ?? NO_EDITS);
    headers.push('x-outrigger-attempts', String(call?.attempts ?? 0));
    if (call?.fallback !== undefined) headers.push('x-outrigger-fallback', call.fallback);
    return { status: this.#status, headers, body: bodiless ? '' : Buffer.concat(this.#chunks ?? []).toString() };
  }

  onRequestStart(controller: Controller): void {
    this.#controller = controller;
  }

  onResponseStart(controller: Controller, status: number, headers: ResponseHeaders): void {
    if (status < 200 || this.#status !== undefined || this.endedAt !== undefined) return;
    this.#status = status;
    this.#headers = controller.rawHeaders ?? headers;
    this.call?.body.release();
  }

  onResponseData(_controller: Controller, chunk: Buffer): void {
    if (this.endedAt === undefined) (this.#chunks ??= []).push(chunk);
  }

  onResponseEnd(): void {
    this.#end();
  }

  onResponseError(_controller: Controller | undefined, raw: Error): void {
    const error = asInternal(raw, raw.message);
    this.fail(error);
    // A layer broke: those below it may go on.
    if (isInternal(error)) this.#controller?.abort(error);
  }

  /** Ends it with an error. */
  fail(error: OutriggerError): void {
    if (this.endedAt !== undefined) return;
    this.error = error;
    this.#end();
  }

  #end(): void {
    if (this.endedAt !== undefined) return;
    this.endedAt = this.#clock.now();
    this.#onEnd(this);
  }
}

const NO_HEADERS: string[] = [];
const NO_EDITS: CompiledEdits = { drop: new Set(), add: [] };
