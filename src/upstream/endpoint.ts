import type { AttemptEndpoint, Dispatch } from '../policies/policy.js';

/** A connection pool, as far as an endpoint needs one. */
export interface ConnectionPool {
  readonly dispatch: Dispatch;
  /** Waits for what is in flight, then closes. */
  close(): Promise<void>;
  /** Ends what is in flight. */
  destroy(): Promise<void>;
}

/** One place where an upstream answers: its pool, how busy it is, and whether its health checks hold. */
export class Endpoint implements AttemptEndpoint {
  readonly label: string;
  readonly origin: string;
  readonly internalHeaders: boolean;
  readonly dispatcher: ConnectionPool;
  /** Attempts in flight, until their bodies end. */
  inFlight = 0;
  /** What the health checks say; true without any. */
  healthy = true;

  constructor(origin: string, pool: ConnectionPool, internalHeaders: boolean, label = origin) {
    this.label = label;
    this.origin = origin;
    this.dispatcher = pool;
    this.internalHeaders = internalHeaders;
  }
}
