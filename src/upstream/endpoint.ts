import type { AttemptEndpoint, Dispatch } from '../policies/policy.js';

/** A connection pool, as far as an endpoint needs one. */
export interface ConnectionPool {
  readonly dispatch: Dispatch;
  /** Waits for what is in flight, then closes. */
  close(): Promise<void>;
  /** Ends what is in flight. */
  destroy(): Promise<void>;
}

/** Where an endpoint is. */
export interface EndpointPlace {
  readonly origin: string;
  /** One of the addresses of the origin's name; undefined: the operating system finds one for each connection. */
  readonly address: string | undefined;
}

/** One place where an upstream answers: its pool, how busy it is, and whether its health checks hold. */
export class Endpoint implements AttemptEndpoint {
  /** The origin, with #address while its name has several. */
  label: string;
  readonly origin: string;
  readonly address: string | undefined;
  readonly internalHeaders: boolean;
  readonly dispatcher: ConnectionPool;
  /** What the health checks say; true without any. */
  healthy = true;
  #inFlight = 0;
  /** How many configurations use it. */
  #users = 1;
  #whenIdle: (() => void) | undefined;

  constructor({ origin, address }: EndpointPlace, pool: ConnectionPool, internalHeaders: boolean, label = origin) {
    this.label = label;
    this.origin = origin;
    this.address = address;
    this.dispatcher = pool;
    this.internalHeaders = internalHeaders;
  }

  /** Attempts in flight, until their bodies end. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** An attempt was given this endpoint. */
  take(): void {
    this.#inFlight++;
  }

  /** An attempt here is wholly over. */
  release(): void {
    this.#inFlight--;
    if (this.#inFlight === 0) this.#whenIdle?.();
  }

  /** Another configuration uses it too: it lives on when this one's endpoints are retired. */
  share(): this {
    this.#users++;
    return this;
  }

  /**
   * A configuration will give this endpoint to no attempt any more. When none does, its pool is closed once those in flight
   * have ended: not at once, since an attempt may have been given the endpoint and not yet have reached the pool.
   */
  async retire(): Promise<void> {
    if (--this.#users > 0) return;
    if (this.#inFlight > 0) await new Promise<void>((resolve) => (this.#whenIdle = resolve));
    await this.dispatcher.close();
  }
}
