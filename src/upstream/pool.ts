import { Pool } from 'undici';
import type { ConnectionPool } from './endpoint.js';

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
 */
export function createPool(origin: string, options: PoolOptions): ConnectionPool {
  const { ca, cert, key, serverName, verify } = options.tls;
  return new Pool(origin, {
    pipelining: 1,
    headersTimeout: 0,
    maxHeaderSize: MAX_RESPONSE_HEAD_BYTES,
    keepAliveTimeout: options.keepAliveTimeoutMs,
    // A hint may shorten the time, and never lengthen it.
    keepAliveMaxTimeout: options.keepAliveTimeoutMs,
    keepAliveTimeoutThreshold: KEEP_ALIVE_MARGIN_MS,
    connect: {
      timeout: options.connectTimeoutMs,
      rejectUnauthorized: verify,
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      ...(serverName === undefined ? {} : { servername: serverName }),
    },
  });
}
