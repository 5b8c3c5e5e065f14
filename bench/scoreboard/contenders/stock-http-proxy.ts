/**
 * @fastify/http-proxy as it comes, with one second for an attempt. Ten retries of a 503 are its own default.
 * `node stock-http-proxy.js PORT UPSTREAM_PORT`
 */
import proxy from '@fastify/http-proxy';
import { fastify } from 'fastify';
import { ATTEMPT_TIMEOUT_MS } from '../plan.js';

const [port, upstreamPort] = process.argv.slice(2).map(Number);

const server = fastify();
await server.register(proxy, {
  upstream: `http://127.0.0.1:${upstreamPort}`,
  undici: { headersTimeout: ATTEMPT_TIMEOUT_MS },
});
await server.listen({ port: port ?? 0, host: '127.0.0.1' });
