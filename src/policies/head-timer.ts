import type { Duplex } from 'node:stream';
import { isInterim, PassThrough } from './pass-through.js';
import type { Clock, Controller, Handler, RequestBody, ResponseHeaders, Timer } from './policy.js';

/**
 * What the deadline and the attempt timeout have in common: a clock that starts when the request's body is in, since an
 * upload may take its time, and stops when the head of the answer is there, since a download may too.
 */
export abstract class HeadTimer extends PassThrough {
  protected readonly limitMs: number;
  protected readonly clock: Clock;
  #controller: Controller | undefined;
  #timer: Timer | undefined;
  #forgetBody: (() => void) | undefined;

  constructor(next: Handler, limitMs: number, clock: Clock) {
    super(next);
    this.limitMs = limitMs;
    this.clock = clock;
  }

  /** The clock starts. */
  protected abstract started(): void;

  /** Time is up; returns the error to end with. */
  protected abstract expired(): Error;

  watch(body: RequestBody): void {
    if (body.complete) this.#start();
    else this.#forgetBody = body.onComplete(() => this.#start());
  }

  #start(): void {
    this.started();
    this.#timer = this.clock.setTimer(this.limitMs, () => this.#controller?.abort(this.expired()));
  }

  #stop(): void {
    this.#timer?.cancel();
    this.#forgetBody?.();
  }

  override onRequestStart(controller: Controller, context: unknown): void {
    this.#controller = controller;
    super.onRequestStart(controller, context);
  }

  override onRequestUpgrade(controller: Controller, status: number, headers: ResponseHeaders, socket: Duplex): void {
    this.#stop();
    super.onRequestUpgrade(controller, status, headers, socket);
  }

  override onResponseStart(controller: Controller, status: number, headers: ResponseHeaders, text?: string): void {
    if (!isInterim(status)) this.#stop();
    super.onResponseStart(controller, status, headers, text);
  }

  override onResponseError(controller: Controller, error: Error): void {
    this.#stop();
    super.onResponseError(controller, error);
  }
}
