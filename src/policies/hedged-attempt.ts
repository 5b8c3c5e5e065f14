import type { LinkedHandler } from './containment.js';
import type { HedgeCall } from './hedge-call.js';
import type { HeldAnswer } from './held-answer.js';
import { isInterim } from './pass-through.js';
import type { Attempt, Controller, Handler, ResponseHeaders } from './policy.js';
import type { BudgetPlace } from './rules/budget.js';

/** One of the attempts that run side by side: tells the call how it goes, or feeds the answer that is not passed on. */
export class HedgedAttempt implements LinkedHandler {
  readonly attempt: Attempt;
  /** Monotonic milliseconds. */
  readonly startedAt: number;
  /** A hedge's place in the retry budget. */
  readonly place: BudgetPlace | undefined;
  /** Until its head or its failure. */
  running = true;
  held: HeldAnswer | undefined;
  controller: Controller | undefined;
  readonly #owner: HedgeCall;

  constructor(owner: HedgeCall, attempt: Attempt, startedAt: number, place: BudgetPlace | undefined) {
    this.#owner = owner;
    this.attempt = attempt;
    this.startedAt = startedAt;
    this.place = place;
  }

  get above(): Handler {
    return this.#owner.above;
  }

  onRequestStart(controller: Controller): void {
    this.controller = controller;
    if (this.#owner.reason !== null) controller.abort(this.#owner.reason);
  }

  onResponseStart(controller: Controller, status: number, headers: ResponseHeaders, text?: string): void {
    if (!this.running) return;
    if (isInterim(status)) this.#owner.interim(this, status, headers, text);
    else this.#owner.answered(this, controller, status, headers, text);
  }

  onResponseData(_controller: Controller, chunk: Buffer): void {
    if (this.held !== undefined) this.held.data(chunk);
    else if (this.#owner.hasWon(this)) this.#owner.data(chunk);
  }

  onResponseEnd(_controller: Controller, trailers: ResponseHeaders): void {
    if (this.held !== undefined) this.held.ended();
    else if (this.#owner.hasWon(this)) this.#owner.ended(trailers);
  }

  onResponseError(_controller: Controller, error: Error): void {
    if (this.held !== undefined) this.held.broken(error);
    else if (this.running || this.#owner.hasWon(this)) this.#owner.failed(this, error);
  }
}
