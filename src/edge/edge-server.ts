import { createServer, type Server, type ServerResponse } from 'node:http';
import { EdgeRequest } from './edge-request.js';
import { EdgeResponse } from './edge-response.js';

/** What a client may send before anybody has looked at it. */
export interface HeadLimits {
  /** Bytes of a request's head. */
  readonly maxHeaderSize: number;
  /** How long a client may take to send a head, in milliseconds. */
  readonly headersTimeoutMs: number;
}

/** How long a connection without a request is kept. */
const KEEP_ALIVE_MS = 75_000;

/** How often Node looks for heads that are late. */
const CONNECTIONS_CHECKING_MS = 1_000;

/** Node's server, set so that it decides as little as possible by itself. */
export function createEdgeServer(
  { maxHeaderSize, headersTimeoutMs }: HeadLimits,
  onRequest: (request: EdgeRequest, response: ServerResponse) => void,
): Server {
  const server = createServer(
    {
      IncomingMessage: EdgeRequest,
      ServerResponse: EdgeResponse,
      maxHeaderSize,
      headersTimeout: headersTimeoutMs,
      connectionsCheckingInterval: CONNECTIONS_CHECKING_MS,
      // An upload may take its time; a route's idleTimeout guards it.
      requestTimeout: 0,
      keepAliveTimeout: KEEP_ALIVE_MS,
      // We answer such requests ourselves.
      requireHostHeader: false,
    },
    onRequest,
  );
  // Node would drop what is beyond its count without a word; maxHeaderSize bounds them.
  server.maxHeadersCount = 0;
  // Any but 100-continue, which Node would refuse.
  server.on('checkExpectation', onRequest);
  return server;
}
