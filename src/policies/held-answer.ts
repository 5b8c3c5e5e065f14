import { OutriggerError } from '../errors.js';
import type { Clock, Controller, Handler, ResponseHeaders, Timer } from './policy.js';

/** More of a body than this is not worth reading to save a connection. */
const DRAIN_BYTES = 64 * 1024;

/** Nor is it worth a longer wait, in milliseconds. */
const DRAIN_MS = 1_000;

/** What happens to an answer whose body is over 64 KiB: its connection is closed, or it is paused until it is decided. */
export type Overflow = 'drop' | 'pause';

/**
 * An answer that is not passed on, at least not yet. Its body is read, so that its connection lives on, and kept, so that
 * the app can still have the answer if nothing better comes.
 */
export class HeldAnswer {
  readonly status: number;
  readonly #headers: ResponseHeaders;
  readonly #statusText: string | undefined;
  /** For the controller that stands in when the answer is given after all. */
  readonly rawHeaders: Controller['rawHeaders'];
  readonly #controller: Controller;
  readonly #overflow: Overflow;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #state: 'reading' | 'draining' | 'whole' | 'lost' = 'reading';
  #error: Error | undefined;
  #drain: Timer | undefined;

  constructor(
    controller: Controller,
    status: number,
    headers: ResponseHeaders,
    statusText: string | undefined,
    overflow: Overflow,
  ) {
    this.status = status;
    this.#controller = controller;
    this.rawHeaders = controller.rawHeaders;
    this.#headers = headers;
    this.#statusText = statusText;
    this.#overflow = overflow;
  }

  get whole(): boolean {
    return this.#state === 'whole';
  }

  /** Whether it is whole, or may still become so. */
  get usable(): boolean {
    return this.whole || (this.#state === 'reading' && this.#error === undefined);
  }

  data(chunk: Buffer): void {
    if (this.#state === 'whole' || this.#state === 'lost') return;
    this.#bytes += chunk.length;
    const fits = this.#bytes <= DRAIN_BYTES;
    if (this.#state === 'draining' || (!fits && this.#overflow === 'drop')) {
      if (!fits) this.drop();
      return;
    }
    this.#chunks.push(chunk);
    if (!fits) this.#controller.pause();
  }

  ended(): void {
    this.#drain?.cancel();
    if (this.#state === 'reading') this.#state = 'whole';
    else this.#lose();
  }

  broken(error: Error): void {
    this.#error = error;
    if (this.#overflow === 'drop' || this.#state === 'draining') this.#lose();
  }

  /** The answer will not be wanted: what is still being read is cut off. */
  drop(): void {
    if (this.#state !== 'reading' && this.#state !== 'draining') return;
    this.#lose();
    this.#controller.abort(new OutriggerError('cancelled', 'the answer is not wanted any more'));
  }

  /** The answer will not be wanted: a short one is read to its end, so that its connection lives on. */
  letGo(clock: Clock): void {
    if (this.#state !== 'reading') return;
    if (this.#error !== undefined || this.#bytes > DRAIN_BYTES) {
      this.drop();
      return;
    }
    this.#state = 'draining';
    this.#chunks = [];
    this.#drain = clock.setTimer(DRAIN_MS, () => this.drop());
  }

  /**
   * Gives the answer after all, as far as it is here; what is still to come its owner hands on as it comes.
   * Returns whether it is all.
   */
  giveTo(handler: Handler, controller: Controller): boolean {
    handler.onResponseStart?.(controller, this.status, this.#headers, this.#statusText);
    for (const chunk of this.#chunks) {
      if (this.#isCut(controller)) return true;
      handler.onResponseData?.(controller, chunk);
    }
    if (this.#error !== undefined) handler.onResponseError?.(controller, this.#error);
    else if (this.whole) handler.onResponseEnd?.(controller, {});
    else return this.#isCut(controller);
    return true;
  }

  /** Whether it was cut off, while it still came, by who is given it: its end was told then. */
  #isCut(controller: Controller): boolean {
    return controller.aborted && !this.whole && this.#error === undefined;
  }

  #lose(): void {
    this.#drain?.cancel();
    this.#state = 'lost';
    this.#chunks = [];
  }
}
