import { isIP, type LookupFunction } from 'node:net';
import { buildConnector, Pool, type Dispatcher } from 'undici';
import type { Dispatch } from '../policies/policy.js';
import { nameIn } from './discovery.js';
import type { ConnectionPool } from './endpoint.js';
import { hearLastWords } from './last-words.js';
import { UndiciHandler } from './undici-handler.js';

/** How connections to an endpoint are made. A change of any of these needs a new pool. */
export interface PoolOptions {
  readonly connectTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  readonly tls: {
    readonly ca: string | undefined;
    readonly cert: string | undefined;
    readonly key: string | undefined;
    readonly serverName: string | undefined;
    readonly verify: boolean;
  };
}

/** How much sooner than the server's own hint an idle connection is closed, so that it never closes under a request. */
const KEEP_ALIVE_MARGIN_MS = 1_000;

/** The most of an answer's head that is read. Larger than Node's 16 KiB: an upstream that sends more is not ours to judge. */
const MAX_RESPONSE_HEAD_BYTES = 64 * 1024;

/**
 * The connections to one endpoint. As many as needed are opened: the concurrency limit bounds them. undici's own timeouts
 * for heads are off, since the attempt timeout ends attempts; the one between chunks comes with each dispatch.
 *
 * @param address one of the addresses of the origin's name, where connections go to; Host and TLS name the origin still
 */
export function createPool(origin: string, options: PoolOptions, address?: string): ConnectionPool {
  const { ca, cert, key, serverName, verify } = options.tls;
  const connector = buildConnector({
    timeout: options.connectTimeoutMs,
    rejectUnauthorized: verify,
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(address === undefined ? {} : { lookup: always(address) }),
  });
  const { protocol, hostname } = new URL(origin);
  // An address is no server name (RFC 6066, 3): the certificate is then held against the address.
  const certified = serverName ?? (nameIn(origin) === undefined ? undefined : hostname);
  const pool = new Pool(origin, {
    pipelining: 1,
    headersTimeout: 0,
    maxHeaderSize: MAX_RESPONSE_HEAD_BYTES,
    keepAliveTimeout: options.keepAliveTimeoutMs,
    // A hint may shorten the time, and never lengthen it.
    keepAliveMaxTimeout: options.keepAliveTimeoutMs,
    keepAliveTimeoutThreshold: KEEP_ALIVE_MARGIN_MS,
    connect: ({ servername: _fromHostHeader, ...to }, callback) =>
      connector(certified === undefined ? to : { ...to, servername: certified }, (...[error, socket]) => {
        if (error !== null) {
          callback(error, null);
          return;
        }
        socket.on('error', tellReset);
        hearLastWords(socket);
        callback(null, socket);
      }),
  });
  return new EndpointPool(pool, protocol === 'https:' ? (certified ?? hostname) : undefined);
}

/**
 * undici takes a reset for the end of an answer whose end is the connection's (RFC 9112, 6.3), since on macOS one may come
 * after a full body: an answer cut off in the middle would be passed on as whole. It knows a reset by its code, so that
 * one goes by another name before it hears of it.
 */
function tellReset(error: NodeJS.ErrnoException): void {
  if (error.code === 'ECONNRESET') error.code = 'ECONNABORTED';
}

/** undici's pool as a layer of the line. */
class EndpointPool implements ConnectionPool {
  readonly #pool: Pool;
  /**
   * undici takes the TLS name from a request's Host header and drops the connection when the next request's differs. With
   * preserveHost that header is whatever the app asked for, and says nothing about who the upstream must be.
   */
  readonly #servername: string | undefined;

  constructor(pool: Pool, servername: string | undefined) {
    this.#pool = pool;
    this.#servername = servername;
  }

  readonly dispatch: Dispatch = (opts, handler) => {
    const named: Dispatcher.DispatchOptions & { servername?: string } =
      this.#servername === undefined ? opts : { ...opts, servername: this.#servername };
    return this.#pool.dispatch(named, new UndiciHandler(handler));
  };

  close(): Promise<void> {
    return this.#pool.close();
  }

  destroy(): Promise<void> {
    return this.#pool.destroy();
  }
}

/** A lookup that has the answer already. */
function always(address: string): LookupFunction {
  const family = isIP(address);
  return (_hostname, { all }, callback) => {
    if (all === true) callback(null, [{ address, family }]);
    else callback(null, address, family);
  };
}
