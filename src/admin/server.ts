import type { Server } from 'node:http';
import { fastify, type FastifyInstance, type FastifyReply } from 'fastify';
import type { Metrics } from '../observability/metrics.js';
import { prefersOpenMetrics } from './negotiate.js';

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
}

export interface Admin {
  /** Starts to listen, and returns where: `host:port` or `unix:/path`. */
  listen(): Promise<string>;
  /** Stops; idle connections are closed at once. */
  close(): Promise<void>;
}

/** A scraper or a probe that sends its request slower is cut off; in milliseconds. */
const REQUEST_TIMEOUT_MS = 10_000;

/** The admin server: /metrics, /healthz, /readyz. It stands apart from the calls' own server, on its own address. */
export function createAdmin({ metrics, ready, bind }: AdminOptions): Admin {
  const app = fastify({
    logger: false,
    requestTimeout: REQUEST_TIMEOUT_MS,
    forceCloseConnections: 'idle',
    frameworkErrors: (_error, _request, reply) => {
      problem(reply, 400, 'Bad Request', 'bad-request');
    },
  });
  app.setNotFoundHandler((_request, reply) => problem(reply, 404, 'Not Found', 'not-found'));
  app.setErrorHandler((_error, _request, reply) => problem(reply, 500, 'Internal Server Error', 'internal'));
  addRoutes(app, metrics, ready);
  return {
    async listen() {
      await app.ready();
      return bind(app.server);
    },
    async close() {
      app.server.close();
      app.server.closeIdleConnections();
      await app.close();
    },
  };
}

function addRoutes(app: FastifyInstance, metrics: Pick<Metrics, 'scrape'>, ready: () => Readiness): void {
  app.addHook('onRequest', (_request, reply, done) => {
    reply.header('cache-control', 'no-store');
    done();
  });
  app.get('/metrics', async (request, reply) => {
    const { contentType, body } = await metrics.scrape(prefersOpenMetrics(request.headers.accept));
    return reply.header('content-type', contentType).send(body);
  });
  app.get('/healthz', (_request, reply) => reply.type('text/plain').send('ok\n'));
  app.get('/readyz', (_request, reply) => {
    const now = ready();
    return reply
      .code(now.ready ? 200 : 503)
      .type('text/plain')
      .send(`${now.ready ? 'ready' : (now.reason ?? 'not ready')}\n`);
  });
}

/** A problem document (RFC 9457); as bytes, since Fastify adds a charset to text. */
function problem(reply: FastifyReply, status: number, title: string, code: string): FastifyReply {
  return reply
    .code(status)
    .header('content-type', 'application/problem+json')
    .send(Buffer.from(JSON.stringify({ type: 'about:blank', title, status, code })));
}
