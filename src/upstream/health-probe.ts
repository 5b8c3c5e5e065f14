import { OutriggerError } from '../errors.js';
import { isInterim } from '../policies/pass-through.js';
import type { Clock, Controller, Handler, Timer } from '../policies/policy.js';
import { classifyFailure, type AttemptPhase } from '../policies/rules/classify.js';
import type { Endpoint } from './endpoint.js';

export interface ProbeOptions {
  readonly path: string;
  /** For the head; the body may take as long as is left of it. */
  readonly timeoutMs: number;
  /** Ranges of statuses, both ends included. */
  readonly expect: readonly (readonly [low: number, high: number])[];
  readonly clock: Clock;
}

export interface ProbeResult {
  readonly good: boolean;
  /** For people. */
  readonly reason: string;
}

/** As much of an answer's body is read, so that the connection can be used again. */
const MAX_BODY_BYTES = 64 * 1024;

/**
 * One question to an endpoint. It goes through the endpoint's own pool, so that what is checked is what calls use: the
 * address, TLS, the way of connecting. The pool has no bound on connections: calls that hang can't hold a check up.
 */
export class HealthProbe implements Handler {
  readonly #endpoint: Endpoint;
  readonly #options: ProbeOptions;
  readonly #onResult: (result: ProbeResult) => void;
  readonly #onOver: () => void;
  #timer: Timer | undefined;
  #controller: Controller | undefined;
  #phase: AttemptPhase = 'unsent';
  #bytes = 0;
  /** Why it ended before its time, if it did. */
  #cut: Error | undefined;
  #over = false;

  /**
   * @param onResult called at the head or when it failed, unless it was cancelled
   * @param onOver called when the body has ended too, unless it was cancelled
   */
  constructor(endpoint: Endpoint, options: ProbeOptions, onResult: (result: ProbeResult) => void, onOver: () => void) {
    this.#endpoint = endpoint;
    this.#options = options;
    this.#onResult = onResult;
    this.#onOver = onOver;
  }

  start(): void {
    const { path, timeoutMs, clock } = this.#options;
    const { dispatcher, internalHeaders } = this.#endpoint;
    const headers = ['user-agent', 'outrigger-health-check', 'accept', '*/*'];
    if (internalHeaders) headers.push('x-request-timeout-ms', String(Math.floor(timeoutMs)));
    const late = () => this.#cutOff(new OutriggerError('timeout', `no answer within ${timeoutMs} ms`));
    this.#timer = clock.setTimer(timeoutMs, late, true);
    try {
      // The timer above bounds it as a whole.
      dispatcher.dispatch({ method: 'GET', path, headers, headersTimeout: 0, bodyTimeout: 0 }, this);
    } catch (error) {
      this.#failed(error);
    }
  }

  /** Ends it without a result. */
  cancel(): void {
    if (this.#over) return;
    this.#over = true;
    this.#timer?.cancel();
    this.#cut = new OutriggerError('cancelled', 'the endpoint is checked no more');
    this.#controller?.abort(this.#cut);
  }

  onRequestStart(controller: Controller): void {
    // It ended while it waited for a connection: thrown here, it is never sent.
    if (this.#cut !== undefined) throw this.#cut;
    this.#controller = controller;
    this.#phase = 'sent';
  }

  onResponseStart(_controller: Controller, status: number): void {
    if (this.#over || isInterim(status)) return;
    this.#phase = 'answered';
    const good = this.#options.expect.some(([low, high]) => status >= low && status <= high);
    this.#onResult({ good, reason: `status ${status}` });
  }

  onResponseData(_controller: Controller, chunk: Buffer): void {
    this.#bytes += chunk.length;
    if (this.#bytes > MAX_BODY_BYTES) this.#cutOff(new OutriggerError('cancelled', 'the body is long'));
  }

  onResponseEnd(): void {
    this.#end();
  }

  onResponseError(_controller: Controller, error: Error): void {
    this.#failed(error);
  }

  #cutOff(error: Error): void {
    if (this.#over) return;
    this.#cut = error;
    if (this.#controller === undefined) this.#failed(error);
    else this.#controller.abort(error);
  }

  #failed(error: unknown): void {
    if (this.#over) return;
    const { code, message } = classifyFailure(this.#cut ?? error, this.#phase);
    // The head has decided: a body that breaks off later is of no interest. Nor do our own bounds say anything of the endpoint.
    if (this.#phase !== 'answered' && code !== 'shedding') this.#onResult({ good: false, reason: message });
    this.#end();
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#timer?.cancel();
    this.#onOver();
  }
}
