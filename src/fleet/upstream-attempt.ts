import type { Controller, Handler } from '../policies/policy.js';

const NO_HEADERS = {};
const NO_RAW_HEADERS: Buffer[] = [];
/** The real reason would be held as long as the work waits in a queue, with all that it holds itself. */
const GONE = new Error('the caller has gone');

/** An attempt at an upstream that answers with a status and no body. */
export class UpstreamAttempt implements Controller {
  /** Undefined once it is over: work that nobody waits for may stay long in a queue, and should hold nothing. */
  #handler: Handler | undefined;
  readonly #status: number;
  readonly #onAbandoned: () => void;
  /** Whether it will never be answered. */
  hangs = false;
  #endHeld = false;
  paused = false;
  reason: Error | null = null;
  readonly rawTrailers = null;

  /**
   * @param status when all is well
   * @param onAbandoned the caller has given up on one that hangs
   */
  constructor(handler: Handler, status: number, onAbandoned: () => void) {
    this.#handler = handler;
    this.#status = status;
    this.#onAbandoned = onAbandoned;
  }

  /** Whether nobody waits for it any more. */
  get gone(): boolean {
    return this.reason !== null;
  }

  get rawHeaders(): Buffer[] {
    return NO_RAW_HEADERS;
  }

  get aborted(): boolean {
    return this.reason !== null;
  }

  /** There is a connection; false if the caller does not want it any more. */
  start(): boolean {
    try {
      this.#handler?.onRequestStart?.(this, null);
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(String(error)));
    }
    return this.#handler !== undefined;
  }

  answer(status = this.#status): void {
    if (this.#handler === undefined) return;
    this.#handler.onResponseStart?.(this, status, NO_HEADERS, '');
    if (this.paused) this.#endHeld = true;
    else this.#end();
  }

  /** There is no connection. */
  refuse(): void {
    this.#fail(Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }));
  }

  /** The connection breaks before there is an answer. */
  reset(): void {
    this.#fail(Object.assign(new Error('other side closed'), { code: 'UND_ERR_SOCKET' }));
  }

  abort(reason: Error): void {
    if (this.#handler === undefined) return;
    this.reason = GONE;
    if (this.hangs) this.#onAbandoned();
    this.#fail(reason);
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
    if (this.#endHeld) this.#end();
  }

  #end(): void {
    this.#finish()?.onResponseEnd?.(this, NO_HEADERS);
  }

  #fail(error: Error): void {
    this.#finish()?.onResponseError?.(this, error);
  }

  #finish(): Handler | undefined {
    const handler = this.#handler;
    this.#handler = undefined;
    return handler;
  }
}
