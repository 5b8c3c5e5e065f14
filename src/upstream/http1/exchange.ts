import type { CallOptions, Controller, Handler } from '../../policies/policy.js';

/** What an exchange steers. */
export interface Steered {
  /** Ends the exchange: its connection is closed. */
  abort(exchange: Exchange, reason: Error): void;
  pause(): void;
  resume(): void;
}

/** One request and its answer. When it is over, the connection may serve another: this steers it no more. */
export class Exchange implements Controller {
  readonly handler: Handler;
  readonly opts: CallOptions;
  readonly #connection: Steered;
  rawHeaders: string[] | null = null;
  rawTrailers: string[] | null = null;
  reason: Error | null = null;
  paused = false;
  over = false;
  /** Its connection is gone, and its request waits for another. */
  waiting = false;

  constructor(connection: Steered, handler: Handler, opts: CallOptions) {
    this.#connection = connection;
    this.handler = handler;
    this.opts = opts;
  }

  /** Whether the connection may go on with another protocol. */
  get upgrades(): boolean {
    return typeof this.opts.upgrade === 'string';
  }

  /** Whether a protocol is one of those that were offered (RFC 9110, 7.8). */
  offers(protocol: string | undefined): boolean {
    const { upgrade } = this.opts;
    if (typeof upgrade !== 'string' || protocol === undefined) return false;
    return upgrade.split(',').some((one) => one.trim().toLowerCase() === protocol.toLowerCase());
  }

  /** The longest pause in the answer's body, in milliseconds; 0: any. */
  get idleTimeoutMs(): number {
    return this.opts.bodyTimeout ?? 0;
  }

  get aborted(): boolean {
    return this.reason !== null;
  }

  abort(reason: Error): void {
    if (this.over || this.aborted) return;
    this.reason = reason;
    if (!this.waiting) {
      this.#connection.abort(this, reason);
      return;
    }
    this.over = true;
    this.handler.onResponseError?.(this, reason);
  }

  pause(): void {
    if (this.over || this.paused) return;
    this.paused = true;
    this.#connection.pause();
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    if (!this.over) this.#connection.resume();
  }
}
