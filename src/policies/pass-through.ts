import type { Duplex } from 'node:stream';
import type { Controller, Handler, ResponseHeaders } from './policy.js';

/** A handler that hands everything on: what a policy does not care about passes unchanged. */
export abstract class PassThrough implements Handler {
  protected readonly next: Handler;

  constructor(next: Handler) {
    this.next = next;
  }

  get above(): Handler {
    return this.next;
  }

  onRequestStart(controller: Controller, context: unknown): void {
    this.next.onRequestStart?.(controller, context);
  }

  onRequestUpgrade(controller: Controller, status: number, headers: ResponseHeaders, socket: Duplex): void {
    this.next.onRequestUpgrade?.(controller, status, headers, socket);
  }

  onResponseStart(controller: Controller, status: number, headers: ResponseHeaders, statusText?: string): void {
    this.next.onResponseStart?.(controller, status, headers, statusText);
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    this.next.onResponseData?.(controller, chunk);
  }

  onResponseEnd(controller: Controller, trailers: ResponseHeaders): void {
    this.next.onResponseEnd?.(controller, trailers);
  }

  onResponseError(controller: Controller, error: Error): void {
    this.next.onResponseError?.(controller, error);
  }
}

/** Knows when an attempt is wholly over: its answer's body has ended or broken, or its upgraded connection has closed. */
export abstract class UntilOver extends PassThrough {
  #running = true;

  /** Called once, before the layers above hear of the end, so that a retry finds everything free. */
  protected abstract over(): void;

  override onRequestUpgrade(controller: Controller, status: number, headers: ResponseHeaders, socket: Duplex): void {
    socket.once('close', () => this.#end());
    super.onRequestUpgrade(controller, status, headers, socket);
  }

  override onResponseEnd(controller: Controller, trailers: ResponseHeaders): void {
    this.#end();
    super.onResponseEnd(controller, trailers);
  }

  override onResponseError(controller: Controller, error: Error): void {
    this.#end();
    super.onResponseError(controller, error);
  }

  #end(): void {
    if (!this.#running) return;
    this.#running = false;
    this.over();
  }
}

/** An interim answer (RFC 9110, 15.2): it passes, and the attempt still waits for its head. */
export function isInterim(status: number): boolean {
  return status < 200;
}

/** Steers whoever answers below: the attempt that runs now, if one does. What an abort does is each layer's own. */
export abstract class Steering implements Controller {
  protected inner: Controller | undefined;
  reason: Error | null = null;

  abstract abort(reason: Error): void;

  get aborted(): boolean {
    return this.reason !== null;
  }

  get paused(): boolean {
    return this.inner?.paused ?? false;
  }

  get rawHeaders(): Controller['rawHeaders'] {
    return this.inner?.rawHeaders;
  }

  get rawTrailers(): Controller['rawTrailers'] {
    return this.inner?.rawTrailers;
  }

  pause(): void {
    this.inner?.pause();
  }

  resume(): void {
    this.inner?.resume();
  }
}

/** The controller of what is answered or refused here: there is nothing to steer. */
export class LocalController implements Controller {
  readonly paused = false;
  readonly rawTrailers = null;
  readonly rawHeaders: string[] | null;
  readonly reason: Error | null;

  /** @param reason why nothing is sent, if nothing is */
  constructor(rawHeaders: string[] | null, reason: Error | null = null) {
    this.rawHeaders = rawHeaders;
    this.reason = reason;
  }

  get aborted(): boolean {
    return this.reason !== null;
  }

  abort(): void {
    // Nothing runs.
  }

  pause(): void {
    // Nothing flows.
  }

  resume(): void {
    // Nothing flows.
  }
}

/** Ends an attempt or a call that is not made: nothing goes down the line. */
export function refuse(handler: Handler, error: Error): boolean {
  const controller = new LocalController(null, error);
  handler.onRequestStart?.(controller, null);
  handler.onResponseError?.(controller, error);
  return true;
}
