/** @fastify/http-proxy as its README sets it up. `node stock-http-proxy.js PORT UPSTREAM_PORT` */
import proxy from '@fastify/http-proxy';
import { fastify } from 'fastify';

const [port, upstreamPort] = process.argv.slice(2).map(Number);

const server = fastify();
await server.register(proxy, { upstream: `http://127.0.0.1:${upstreamPort}` });
await server.listen({ port: port ?? 0, host: '127.0.0.1' });
