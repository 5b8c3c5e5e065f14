import { Readable } from 'node:stream';
import { OutriggerError } from '../errors.js';
import type { CallOptions, Dispatch, Handler } from '../policies/policy.js';
import { noDescriptor } from '../policies/rules/classify.js';
import { systemClock, type Clock } from '../runtime/clock.js';
import { afterPolling } from '../runtime/polling.js';
import { ConnectionQuota, type QuotaMember } from './connection-quota.js';
import type { ConnectionPool } from './endpoint.js';
import { Connection, type ConnectionOwner } from './http1/connection.js';
import { Connector, type ConnectorOptions } from './http1/connector.js';
import type { Exchange } from './http1/exchange.js';
import { IdleConnections } from './http1/idle-connections.js';
import { readInto } from './http1/read-buffer.js';
import { fail, isHedge, isWanted, type WaitingRequest } from './http1/waiting-request.js';

/** How connections to an endpoint are made. A change of any of these needs a new pool. */
export interface PoolOptions extends Pick<ConnectorOptions, 'connectTimeoutMs' | 'tls'> {
  /** How long a connection may wait for its next request, in milliseconds. A server's own hint shortens it. */
  readonly keepAliveTimeoutMs: number;
}

/** How much sooner than the server's own hint an idle connection is closed, so that it never closes under a request. */
const KEEP_ALIVE_MARGIN_MS = 1_000;

/** Methods of requests that change nothing (RFC 9110, 9.2.1): they may be sent twice, whatever the retry policy is. */
const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'QUERY']);

/**
 * The connections to one endpoint. As many as needed are opened: the concurrency limit bounds them. It has no timeout for
 * heads, since the attempt timeout ends attempts; the one between chunks comes with each dispatch.
 *
 * @param address one of the addresses of the origin's name, where connections go to; Host and TLS name the origin still
 * @param quota how many connections all pools may have; any number if left out
 */
export function createPool(
  origin: string,
  options: PoolOptions,
  address?: string,
  clock: Clock = systemClock,
  quota: ConnectionQuota = new ConnectionQuota(Infinity),
): ConnectionPool {
  return new Http1Pool(origin, options, address, clock, quota);
}

/** Ends an attempt to connect. */
interface Connecting {
  destroy(): void;
}

class Http1Pool implements ConnectionPool, ConnectionOwner, QuotaMember {
  readonly host: string;
  readonly clock: Clock;
  readonly #connector: Connector;
  readonly #keepAliveTimeoutMs: number;
  readonly #quota: ConnectionQuota;
  readonly #idle: IdleConnections;
  readonly #open = new Set<Connection>();
  /** Never fewer than there are requests waiting: each of those has a connection on its way, if no other is free first. */
  readonly #connecting = new Set<Connecting>();
  readonly #upgrading = new Set<Connecting>();
  #waiting: WaitingRequest[] = [];
  #closed = false;
  #whenEmpty: (() => void)[] = [];

  constructor(origin: string, options: PoolOptions, address: string | undefined, clock: Clock, quota: ConnectionQuota) {
    const { connectTimeoutMs, keepAliveTimeoutMs, tls } = options;
    this.host = new URL(origin).host;
    this.clock = clock;
    this.#idle = new IdleConnections(clock);
    this.#connector = new Connector({ origin, address, connectTimeoutMs, tls, clock });
    this.#keepAliveTimeoutMs = keepAliveTimeoutMs;
    this.#quota = quota;
    quota.join(this);
  }

  readonly dispatch: Dispatch = (opts: CallOptions, handler) => {
    if (this.#closed) {
      fail({ opts, handler }, new OutriggerError('connect-failure', 'the pool is closed', { reason: 'closed' }));
    } else if (typeof opts.upgrade === 'string') {
      this.#connectForUpgrade(opts, handler);
    } else {
      this.#send({ opts, handler });
    }
    return true;
  };

  /** Waits for what is in flight, then closes. */
  close(): Promise<void> {
    this.#closed = true;
    this.#quota.leave(this);
    this.#idle.close();
    return new Promise((resolve) => {
      this.#whenEmpty.push(resolve);
      this.#checkEmpty();
    });
  }

  /** Ends what is in flight. */
  destroy(): Promise<void> {
    const closed = this.close();
    for (const connection of [...this.#open]) connection.destroy();
    for (const connecting of [...this.#connecting, ...this.#upgrading]) connecting.destroy();
    return closed;
  }

  /** Closes the connection that has been idle longest. */
  closeIdle(): boolean {
    const { oldest } = this.#idle;
    oldest?.destroy();
    return oldest !== undefined;
  }

  cutHedge(): boolean {
    const index = this.#waiting.findLastIndex(isHedge);
    const [waiting] = index < 0 ? [] : this.#waiting.splice(index, 1);
    if (waiting !== undefined) {
      // Of the connections on their way, one was for it.
      const [connecting] = this.#connecting;
      if (connecting !== undefined) this.#connecting.delete(connecting);
      connecting?.destroy();
      fail(waiting, noDescriptor());
      return true;
    }
    for (const connection of this.#open) if (connection.cutHedge(noDescriptor())) return true;
    return false;
  }

  // Its connections tell.

  onFree(connection: Connection, keepAliveMs: number | undefined): void {
    const hint = keepAliveMs === undefined ? Infinity : keepAliveMs - KEEP_ALIVE_MARGIN_MS;
    this.#serve(connection, Math.min(this.#keepAliveTimeoutMs, hint));
  }

  onGone(connection: Connection): void {
    this.#idle.remove(connection);
    this.#open.delete(connection);
    this.#checkEmpty();
  }

  /**
   * A connection that was kept may be closed by the server just when it is used again. A request that changes nothing is
   * sent again then (RFC 9112, 9.3.1), over a connection that was not kept: that is no failure of the upstream which a retry
   * or a circuit should count.
   */
  onUnanswered(exchange: Exchange, error: Error): void {
    const { opts, handler } = exchange;
    if (this.#closed || !SAFE.has(opts.method) || opts.body instanceof Readable) {
      handler.onResponseError?.(exchange, error);
      return;
    }
    exchange.over = false;
    exchange.waiting = true;
    this.#connectFor({ opts, handler, before: exchange });
  }

  #send(waiting: WaitingRequest): void {
    const connection = this.#idle.take();
    if (connection === undefined) {
      this.#connectFor(waiting);
    } else if (SAFE.has(waiting.opts.method)) {
      this.#sendOver(connection, waiting);
    } else {
      this.#sendOnceChecked(connection, waiting);
    }
  }

  /**
   * A request that may not be made again is not sent before the connection was looked at: its server may have closed it just
   * now, and the news lie unread.
   */
  #sendOnceChecked(connection: Connection, waiting: WaitingRequest): void {
    afterPolling(() => {
      if (connection.usable) this.#sendOver(connection, waiting);
      else this.#send(waiting);
    });
  }

  /** Sends a request, unless it was given up; then the connection serves others. */
  #sendOver(connection: Connection, { opts, handler }: WaitingRequest): void {
    if (!connection.send(opts, handler)) this.#serve(connection, this.#keepAliveTimeoutMs);
  }

  /** Gives a connection to the request that waits longest; without one it is idle, for `keepMs`. */
  #serve(connection: Connection, keepMs: number): void {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      if (isWanted(next) && connection.send(next.opts, next.handler)) return;
    }
    if (this.#closed || keepMs <= 0) {
      connection.destroy();
      return;
    }
    this.#idle.push(connection, keepMs);
  }

  #connectFor(waiting: WaitingRequest): void {
    if (this.#quota.hasRoom(isHedge(waiting))) {
      this.#waiting.push(waiting);
      this.#connect();
    } else if (this.#waiting.length < this.#connecting.size) {
      this.#waiting.push(waiting);
    } else {
      // It, and not one that came before and has a connection on its way.
      fail(waiting, noDescriptor());
    }
  }

  #connect(): void {
    const { readsPlain } = this.#connector;
    let read: Connection['read'] = () => {};
    const socket = this.#connector.connect(
      (error) => {
        this.#connecting.delete(socket);
        if (error !== undefined) {
          this.#connectFailed(error);
          return;
        }
        const connection = new Connection(socket, this, !readsPlain);
        ({ read } = connection);
        this.#open.add(connection);
        this.#serve(connection, this.#keepAliveTimeoutMs);
      },
      readsPlain ? readInto((bytes, borrowed) => read(bytes, borrowed)) : undefined,
    );
    this.#quota.add(socket);
    this.#connecting.add(socket);
  }

  /** The request that waits longest fails, unless a connection is on its way for every one that waits. */
  #connectFailed(error: Error): void {
    if (this.#waiting.length > this.#connecting.size) {
      fail(this.#waiting.shift()!, error);
    }
    this.#checkEmpty();
  }

  /** What follows a switch of protocols is read from the socket as a stream, so that the connection is one of its own. */
  #connectForUpgrade(opts: CallOptions, handler: Handler): void {
    if (!this.#quota.hasRoom(false)) {
      fail({ opts, handler }, noDescriptor());
      return;
    }
    const socket = this.#connector.connect((error) => {
      this.#upgrading.delete(socket);
      if (error !== undefined) {
        fail({ opts, handler }, error);
        this.#checkEmpty();
        return;
      }
      const connection = new Connection(socket, this, true);
      this.#open.add(connection);
      this.#sendOver(connection, { opts, handler });
    });
    this.#quota.add(socket);
    this.#upgrading.add(socket);
  }

  #checkEmpty(): void {
    if (!this.#closed || this.#open.size + this.#connecting.size + this.#upgrading.size > 0) return;
    for (const resolve of this.#whenEmpty.splice(0)) resolve();
  }
}
