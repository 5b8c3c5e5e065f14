import type { Controller, Handler } from '../../policies/policy.js';

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
  readonly method: string;
  /** The protocol that the connection may go on with. */
  readonly upgrade: string | undefined;
  /** The longest pause in the answer's body, in milliseconds; 0: any. */
  readonly idleTimeoutMs: number;
  readonly #connection: Steered;
  rawHeaders: string[] | null = null;
  rawTrailers: string[] | null = null;
  reason: Error | null = null;
  paused = false;
  over = false;

  constructor(
    connection: Steered,
    handler: Handler,
    method: string,
    upgrade: string | undefined,
    idleTimeoutMs: number,
  ) {
    this.#connection = connection;
    this.handler = handler;
    this.method = method;
    this.upgrade = upgrade;
    this.idleTimeoutMs = idleTimeoutMs;
  }

  get aborted(): boolean {
    return this.reason !== null;
  }

  abort(reason: Error): void {
    if (this.over || this.aborted) return;
    this.reason = reason;
    this.#connection.abort(this, reason);
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
