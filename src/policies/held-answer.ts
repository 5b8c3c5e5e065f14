import type { Controller, Handler, ResponseHeaders } from './policy.js';

/** More of a body than this is not worth reading to save a connection. */
const DRAIN_BYTES = 64 * 1024;

/**
 * An answer that a retry did not pass on. Its body is read, so that its connection lives on, and kept, so that the app can
 * still have the answer if the next attempt is refused here. A body over 64 KiB is neither.
 */
export class HeldAnswer {
  readonly status: number;
  readonly #headers: ResponseHeaders;
  readonly #statusText: string | undefined;
  readonly #rawHeaders: Controller['rawHeaders'];
  #controller: Controller;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #state: 'draining' | 'whole' | 'lost' = 'draining';

  constructor(controller: Controller, status: number, headers: ResponseHeaders, statusText: string | undefined) {
    this.status = status;
    this.#controller = controller;
    this.#rawHeaders = controller.rawHeaders;
    this.#headers = headers;
    this.#statusText = statusText;
  }

  get whole(): boolean {
    return this.#state === 'whole';
  }

  data(chunk: Buffer, tooMuch: Error): void {
    if (this.#state !== 'draining') return;
    this.#bytes += chunk.length;
    if (this.#bytes > DRAIN_BYTES) this.drop(tooMuch);
    else this.#chunks.push(chunk);
  }

  ended(): void {
    if (this.#state === 'draining') this.#state = 'whole';
  }

  broken(): void {
    this.#lose();
  }

  /** The next attempt starts, or the call is over: what is still being read is cut off. */
  drop(reason: Error): void {
    if (this.#state !== 'draining') return;
    this.#lose();
    this.#controller.abort(reason);
  }

  /** Gives the answer after all. `controller` stands in for the one that is gone. */
  giveTo(handler: Handler, controller: HeldController): void {
    controller.rawHeaders = this.#rawHeaders;
    handler.onResponseStart?.(controller, this.status, this.#headers, this.#statusText);
    for (const chunk of this.#chunks) handler.onResponseData?.(controller, chunk);
    handler.onResponseEnd?.(controller, {});
  }

  #lose(): void {
    this.#state = 'lost';
    this.#chunks = [];
  }
}

/** A controller whose raw headers can be set. */
export type HeldController = Controller & { rawHeaders: Controller['rawHeaders'] };
