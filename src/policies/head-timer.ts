import type { Duplex } from 'node:stream';
import { contain } from './containment.js';
import { isInterim, PassThrough } from './pass-through.js';
import type { Clock, Controller, Handler, RequestBody, ResponseHeaders } from './policy.js';
import type { Due, TimerQueue } from './rules/timer-queue.js';

/**
 * What the deadline and the attempt timeout have in common: a clock that starts when the request's body is in, since an
 * upload may take its time, and stops when the head of the answer is there, since a download may too.
 */
export abstract class HeadTimer extends PassThrough implements Due {
  protected readonly clock: Clock;
  #queue: TimerQueue;
  #controller: Controller | undefined;
  #forgetBody: (() => void) | undefined;
  dueAt = Infinity;
  before: Due | undefined = undefined;
  after: Due | undefined = undefined;

  constructor(next: Handler, queue: TimerQueue, clock: Clock) {
    super(next);
    this.#queue = queue;
    this.clock = clock;
  }

  protected get limitMs(): number {
    return this.#queue.delayMs;
  }

  /** The clock starts. */
  protected abstract started(now: number): void;

  /** Time is up; returns the error to end with, or the queue in which it waits on. */
  protected abstract expired(): Error | TimerQueue;

  watch(body: RequestBody): this {
    if (body.complete) this.#start();
    else this.#forgetBody = body.onComplete(() => this.#start());
    return this;
  }

  fall(): void {
    contain(this.next, () => {
      const expired = this.expired();
      if (expired instanceof Error) this.#controller?.abort(expired);
      else this.#waitIn(expired);
    });
  }

  #waitIn(queue: TimerQueue): void {
    this.#queue = queue;
    queue.enter(this, this.clock.now());
  }

  #start(): void {
    const now = this.clock.now();
    this.started(now);
    this.#queue.enter(this, now);
  }

  #stop(): void {
    this.#queue.leave(this);
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
