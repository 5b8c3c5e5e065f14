import type { LinkedHandler } from './containment.js';
import type { HeldAnswer } from './held-answer.js';
import { isInterim } from './pass-through.js';
import type { Attempt, Controller, Handler, ResponseHeaders } from './policy.js';
import type { RetryCall } from './retry-call.js';

/** One attempt: tells the call how it goes, or feeds the answer that is not passed on. */
export class RetriedAttempt implements LinkedHandler {
  readonly attempt: Attempt;
  readonly #owner: RetryCall;
  /** Its answer, while that is not passed on. */
  held: HeldAnswer | undefined;
  controller: Controller | undefined;
  committed = false;

  constructor(owner: RetryCall, attempt: Attempt) {
    this.#owner = owner;
    this.attempt = attempt;
  }

  get above(): Handler {
    return this.#owner.above;
  }

  onRequestStart(controller: Controller): void {
    this.#owner.started(this, controller);
  }

  onResponseStart(controller: Controller, status: number, headers: ResponseHeaders, text?: string): void {
    if (isInterim(status)) {
      this.#owner.interim(this, status, headers, text);
      return;
    }
    this.committed = true;
    this.controller = controller;
    this.#owner.answered(this, controller, status, headers, text);
  }

  onResponseData(_controller: Controller, chunk: Buffer): void {
    if (this.held === undefined) this.#owner.data(chunk);
    else this.held.data(chunk);
  }

  onResponseEnd(_controller: Controller, trailers: ResponseHeaders): void {
    if (this.held === undefined) this.#owner.ended(trailers);
    else this.held.ended();
  }

  onResponseError(_controller: Controller, error: Error): void {
    if (this.held === undefined) this.#owner.failed(this, error);
    else this.held.broken(error);
  }
}
