import { createServer, METHODS, type IncomingMessage, type ServerResponse } from 'node:http';
import proxy from '@fastify/http-proxy';
import fastify, { type FastifyInstance } from 'fastify';

/** Where @fastify/http-proxy would send requests if it sent any. */
const NOWHERE = 'http://outrigger.invalid';

/**
 * Fastify with @fastify/http-proxy registered once, for everything, whose `preHandler` hands over to our own routing and
 * pipeline. Fastify sees every request as one for `/`: its router would refuse lawful paths such as `//x` and `%E9`, and
 * routes in the file's order are not in its power. The plugin's handler behind the preHandler parses three URLs for each
 * call and refuses what it takes for an escape; what it checked, dot segments, is checked in forward.ts.
 */
export async function catchAll(
  take: (request: IncomingMessage, response: ServerResponse, target: string) => void,
): Promise<FastifyInstance> {
  const app = fastify({
    logger: false,
    exposeHeadRoutes: false,
    return503OnClosing: false,
    rewriteUrl: () => '/',
    // It never listens: the listener outlives the generations and hands over what comes in.
    serverFactory: () => createServer(),
  });
  const methods = METHODS.filter((method) => method !== 'CONNECT');
  // No method has a body in Fastify's eyes, so that it leaves bodies alone.
  for (const method of methods) app.addHttpMethod(method, { hasBody: false, overrideExisting: true });
  await app.register(proxy, {
    upstream: NOWHERE,
    httpMethods: methods,
    routes: ['/'],
    proxyPayloads: false,
    // Nothing goes out through it. Node's own client, which it is to use, costs nothing; undici need not even be loaded
    // (build/left-out.js).
    http: {},
    preHandler: (request, reply, done) => {
      // Fastify answers what a handler throws in its own words; from here on it has nothing to say.
      reply.hijack();
      take(request.raw, reply.raw, request.originalUrl);
      done();
    },
  });
  await app.ready();
  return app;
}
