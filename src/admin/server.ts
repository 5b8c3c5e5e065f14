import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { fastify, type FastifyInstance } from 'fastify';
import type { EventFeed } from '../observability/event-feed.js';
import type { Metrics } from '../observability/metrics.js';
import type { Clock } from '../runtime/clock.js';
import type { AccessRules } from './access.js';
import { Api } from './api.js';
import { EventStreams } from './event-stream.js';
import { prefersOpenMetrics } from './negotiate.js';
import type { ChangeWitness, Operations } from './operations.js';
import { problemBytes, sendProblem, type Refusal } from './problem.js';

/** Whether calls are taken, and why not if they are not. */
export interface Readiness {
  readonly ready: boolean;
  readonly reason?: string;
}

export interface AdminOptions {
  readonly metrics: Pick<Metrics, 'scrape'>;
  readonly ready: () => Readiness;
  /** Has a server listen on the admin address; returns it as people write it. */
  readonly bind: (server: Server) => Promise<string>;
  /** Who may use the API; asked for each request. */
  readonly rules: () => AccessRules;
  readonly operations: Operations;
  readonly witness: ChangeWitness;
  /** Is told of an error that is no peer's: the peer is told nothing of it. */
  readonly onFault: (error: unknown) => void;
  readonly feed: EventFeed;
  readonly clock: Clock;
  /** Outrigger's own version. */
  readonly version: string;
  readonly limits?: AdminLimits;
}

export interface Admin {
  /** Starts to listen, and returns where: `host:port` or `unix:/path`. */
  listen(): Promise<string>;
  /** Stops; event streams and idle connections are closed at once. */
  close(): Promise<void>;
}

/** What the admin address may take of the process, so that nobody who reaches it can hurt the calls. */
export interface AdminLimits {
  /** A peer that sends the head of its request slower is cut off, in milliseconds. */
  readonly headersTimeoutMs: number;
  /** The same for the whole of it. */
  readonly requestTimeoutMs: number;
  /** One that does not take its answer is cut off, in milliseconds. */
  readonly inactivityMs: number;
  /** How long a connection without a request is kept, in milliseconds. */
  readonly keepAliveMs: number;
  /** How often the first two are looked at, in milliseconds. */
  readonly checkEveryMs: number;
  /** The next one is turned away. */
  readonly maxConnections: number;
}

/** Enough for probes, scrapers, event streams and a few people. */
export const ADMIN_LIMITS: AdminLimits = {
  headersTimeoutMs: 5_000,
  requestTimeoutMs: 10_000,
  inactivityMs: 30_000,
  keepAliveMs: 10_000,
  checkEveryMs: 1_000,
  maxConnections: 256,
};

/** The admin server: /metrics, /healthz, /readyz for everybody, the API for operators. Apart from the calls' own server. */
export function createAdmin(options: AdminOptions): Admin {
  const { limits = ADMIN_LIMITS } = options;
  const app = fastify({
    logger: false,
    requestTimeout: limits.requestTimeoutMs,
    connectionTimeout: limits.inactivityMs,
    keepAliveTimeout: limits.keepAliveMs,
    http: { headersTimeout: limits.headersTimeoutMs, connectionsCheckingInterval: limits.checkEveryMs },
    forceCloseConnections: 'idle',
    frameworkErrors: (_error, _request, reply) => void sendProblem(reply, BAD_REQUEST),
    clientErrorHandler: (error, socket) => refuse(socket, error),
  });
  app.server.maxConnections = limits.maxConnections;
  // The API reads bodies itself, once it knows whose they are.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, _payload, done) => done(null, undefined));
  app.setErrorHandler((error, _request, reply) => {
    options.onFault(error);
    return sendProblem(reply, INTERNAL);
  });
  const streams = new EventStreams(options.feed, options.clock);
  addRoutes(app, options, new Api({ ...options, streams }));
  return {
    async listen() {
      await app.ready();
      return options.bind(app.server);
    },
    async close() {
      app.server.close();
      streams.close();
      app.server.closeIdleConnections();
      await app.close();
    },
  };
}

function addRoutes(app: FastifyInstance, { metrics, ready }: AdminOptions, api: Api): void {
  app.addHook('onRequest', (_request, reply, done) => {
    reply.header('cache-control', 'no-store');
    done();
  });
  app.get('/metrics', async (request, reply) => {
    const { contentType, body } = await metrics.scrape(prefersOpenMetrics(request.headers.accept));
    return reply.header('content-type', contentType).send(Readable.from(body));
  });
  app.get('/healthz', (_request, reply) => reply.type('text/plain').send('ok\n'));
  app.get('/readyz', (_request, reply) => {
    const now = ready();
    return reply
      .code(now.ready ? 200 : 503)
      .type('text/plain')
      .send(`${now.ready ? 'ready' : (now.reason ?? 'not ready')}\n`);
  });
  app.all('/*', (request, reply) => api.handle(request, reply));
}

const BAD_REQUEST: Refusal = { status: 400, code: 'bad-request', detail: 'The request is malformed.' };
const INTERNAL: Refusal = { status: 500, code: 'internal', detail: 'The proxy failed.' };

/** What Node's parser gave up on. */
const CLIENT_ERRORS: Readonly<Record<string, Refusal>> = {
  HPE_HEADER_OVERFLOW: { status: 431, code: 'bad-request', detail: 'The head of the request is too large.' },
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, code: 'bad-request', detail: 'The request took too long.' },
};

function refuse(socket: Socket, { code = '' }: NodeJS.ErrnoException): void {
  socket.on('error', () => {});
  if (socket.writable) socket.end(problemBytes(CLIENT_ERRORS[code] ?? BAD_REQUEST), () => socket.destroy());
  else socket.destroy();
}
