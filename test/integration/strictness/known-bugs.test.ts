/**
 * Bugs that other proxies and HTTP libraries had, replayed. Those about the bytes of requests are in corpus.ts; the rest of
 * what is known of them stands where its part of the proxy is tested:
 *
 * | bug | test |
 * | --- | --- |
 * | CVE-2026-6733, CVE-2026-48931: an unsolicited answer is given to the next call | proxy/hostile-connections |
 * | CVE-2026-3635, CVE-2026-16732: X-Forwarded-* believed; CVE-2024-55602: part of a Host picks the route | proxy/doors |
 * | CVE-2026-1525: two Content-Lengths of a request, in other letters | upstream/http1/request-head |
 * | CVE-2026-21710: `__proto__` as a header's name, in answers | proxy/hostile-heads |
 * | undici#5405: stalled by back-pressure | edge/response-streams |
 * | undici#5675, cockatiel: an abort in the back-off is ignored | conformance/retry-over-http, 37 |
 * | undici#2965: timeouts are not retried | proxy/promises |
 * | reply-from: Retry-After in milliseconds, dates as NaN | conformance/retry-over-http, 34 |
 * | cockatiel: stale windows after idleness; jitter NaN | conformance/circuit, 21; conformance/back-off, 4 |
 * | opossum: a full semaphore trips the breaker | conformance/circuit, 23 |
 *
 * Here: CVE-2026-29057, GHSA-6x33-pw7p-hmpq, CVE-2026-33805 (reply-from#449), CVE-2026-1527, CVE-2025-47279, CVE-2024-21536,
 * CVE-2025-32996, CVE-2025-32997, CVE-2024-55603, CVE-2026-21710 in requests, CVE-2025-59465, undici#3975, and opossum's one
 * abort controller. In corpus.ts: what was known of Node's parser.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { test, type TestContext } from 'node:test';
import httpProxy from 'http-proxy';
import { selfSigned } from '../../support/certificate.js';
import { Child } from '../../support/child.js';
import { startRawUpstream, startUpstream } from '../../support/http-upstream.js';
import { projectRoot } from '../../support/project-root.js';
import { exchange, rawClient } from '../../support/raw-client.js';
import { inWords, startRecordingUpstream, type RecordingUpstream } from '../../support/recording-upstream.js';
import { startApp, until, type RunningApp } from '../../support/running-app.js';

async function recorder(t: TestContext): Promise<RecordingUpstream> {
  const upstream = await startRecordingUpstream();
  t.after(() => upstream.close());
  return upstream;
}

/** The proxy before one upstream. `route` is what its only route has besides; `upstream` likewise. */
function outrigger(t: TestContext, origin: string, route = '', upstream = ''): Promise<RunningApp> {
  return startApp(
    t,
    `upstreams: { up: { url: '${origin}'${upstream} } }\nroutes: [{ name: all, match: {}, upstream: up${route} }]\n`,
  );
}

/** http-proxy as it comes, before one upstream. Returns its port. */
async function httpProxyBefore(t: TestContext, origin: string): Promise<number> {
  const proxy = httpProxy.createProxyServer({ target: origin });
  proxy.on('error', () => {});
  const server = createServer((request, response) => proxy.web(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.closeAllConnections());
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

const SNEAKED = 'GET /sneaked HTTP/1.1\r\nHost: a\r\n\r\n';

/** A request whose chunked body looks like another request. */
const smuggling = (method: string) =>
  `${method} /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n` +
  `${SNEAKED.length.toString(16)}\r\n${SNEAKED}\r\n0\r\n\r\n`;

for (const method of ['DELETE', 'OPTIONS']) {
  test(`CVE-2026-29057: a chunked body of ${method} stays a body, and http-proxy 1.18.1 makes it a request`, async (t) => {
    const behindOurs = await recorder(t);
    await exchange((await outrigger(t, behindOurs.origin)).port, smuggling(method));
    assert.deepEqual(behindOurs.requests.map(inWords), [`${method} /x ${SNEAKED}`]);
    assert.deepEqual(behindOurs.problems, []);

    const behindTheirs = await recorder(t);
    const client = rawClient(await httpProxyBefore(t, behindTheirs.origin));
    client.write(smuggling(method));
    await until(() => behindTheirs.requests.length === 2, 'http-proxy smuggles');
    assert.deepEqual(behindTheirs.requests.map(inWords), [`${method} /x`, 'GET /sneaked']);
    client.socket.destroy();
  });
}

test('GHSA-6x33-pw7p-hmpq: a long body and a header that the route sets are no danger to the process', async (t) => {
  const upstream = await recorder(t);
  const app = await outrigger(t, upstream.origin, ', requestHeaders: { set: { x-mine: ours } }');
  const body = 'x'.repeat(1_000_000);
  const head = `POST /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Mine: theirs\r\nContent-Length: ${body.length}\r\n\r\n`;
  assert.match(await exchange(app.port, head + body), /^HTTP\/1\.1 200/);
  const [request] = upstream.requests;
  assert.equal(request?.body, body);
  assert.deepEqual(valuesOf(request.headers, 'x-mine'), ['ours']);
});

test('CVE-2026-33805: what the proxy adds cannot be named away by Connection', async (t) => {
  const upstream = await recorder(t);
  const app = await outrigger(t, upstream.origin, ', requestHeaders: { set: { x-key: ours } }');
  const names = ['x-key', 'via', 'x-forwarded-for', 'x-request-timeout-ms', 'host', 'content-length', 'connection'];
  await exchange(
    app.port,
    `POST /x HTTP/1.1\r\nHost: a\r\nConnection: close, ${names.join(', ')}\r\nX-Key: theirs\r\nContent-Length: 3\r\n\r\nabc`,
  );
  const [request] = upstream.requests;
  assert.equal(request?.body, 'abc');
  assert.deepEqual(valuesOf(request.headers, 'x-key'), ['ours']);
  for (const name of names) assert.equal(valuesOf(request.headers, name).length, 1, name);
});

test('CVE-2026-1527: what the app writes into Upgrade is not written on', async (t) => {
  const upstream = await recorder(t);
  const app = await outrigger(t, upstream.origin);
  const upgrade = 'x/1 (\t y), WebSocket ,\tz';
  await exchange(
    app.port,
    `GET /x HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: ${upgrade}\r\nSec-WebSocket-Key: eA==\r\n\r\n`,
  );
  assert.deepEqual(valuesOf(upstream.requests[0]!.headers, 'upgrade'), ['websocket']);
  assert.deepEqual(upstream.problems, []);
});

test('CVE-2025-47279: calls to an upstream with a bad certificate leave no connection behind', async (t) => {
  const open = new Set<Socket>();
  const server = createTlsServer({ ...selfSigned('DNS:localhost') });
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket)).on('error', () => {});
  });
  server.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const app = await outrigger(t, `https://localhost:${port}`, '', ', circuitBreaker: false');
  for (let i = 0; i < 50; i++) {
    const answer = await exchange(app.port, 'GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    assert.match(answer, /^HTTP\/1\.1 502 [^]*tls_certificate_error/);
  }
  await until(() => open.size === 0, 'all connections are closed');
});

test('CVE-2024-21536: no path ends the process', async (t) => {
  const upstream = await recorder(t);
  const app = await outrigger(t, upstream.origin, ', rewrite: { stripPrefix: /a, addPrefix: /b }');
  const paths = [
    '//',
    '///',
    '/a//',
    '/%',
    '/%E0%A4%A',
    '/a%',
    '/?',
    '/??',
    '/a?%',
    '/:',
    '/@',
    '/[',
    "/'",
    '/a|b',
    '/{}',
  ];
  for (const path of paths) {
    const answer = await exchange(app.port, `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    assert.match(answer, /^HTTP\/1\.1 200/, path);
  }
  assert.equal(upstream.requests.length, paths.length);
});

test('CVE-2025-32996, CVE-2025-32997, CVE-2024-55603: a body goes on once and as it is, whatever its type says', async (t) => {
  const upstream = await recorder(t);
  const app = await outrigger(t, upstream.origin);
  const bodies: [type: string, body: string][] = [
    ['application/json', '{"a":1}'],
    ['application/json', '{"a":'],
    ['application/x-www-form-urlencoded', 'a=1&a=2&%'],
    [
      'multipart/form-data; boundary=b',
      '--b\r\nContent-Disposition: form-data; name="a\r\nX: y"\r\n\r\n1\r\n--b--\r\n',
    ],
  ];
  for (const [type, body] of bodies) {
    const head = `POST /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: ${type}\r\n`;
    await exchange(app.port, `${head}Content-Length: ${body.length}\r\n\r\n${body}`);
    await exchange(
      app.port,
      `${head}Transfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
    );
  }
  assert.deepEqual(
    upstream.requests.map((request) => request.body),
    bodies.flatMap(([, body]) => [body, body]),
  );
});

test('CVE-2026-21710: __proto__ is a header like any other, and Connection may name it', async (t) => {
  const upstream = await recorder(t);
  const app = await outrigger(t, upstream.origin, ', requestHeaders: { remove: [constructor] }');
  const odd = '__proto__: 1\r\n__proto__: 2\r\nconstructor: 3\r\ntoString: 4\r\nhasOwnProperty: 5\r\n';
  const answer = await exchange(
    app.port,
    `GET /x HTTP/1.1\r\nHost: a\r\nConnection: close, hasOwnProperty, valueOf\r\n${odd}\r\n`,
  );
  assert.match(answer, /^HTTP\/1\.1 200/);
  const { headers } = upstream.requests[0]!;
  const counts = ['__proto__', 'constructor', 'toString', 'hasOwnProperty'].map(
    (name) => valuesOf(headers, name).length,
  );
  assert.deepEqual(counts, [2, 0, 1, 0]);
});

test('CVE-2025-59465: a TLS connection that breaks at any moment costs a call at most', async (t) => {
  const { cert, key } = selfSigned('DNS:localhost');
  const tlsServer = createTlsServer({ cert, key }, (socket) => {
    socket.on('error', () => {});
    socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
  });
  tlsServer.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => tlsServer.listen(0, '127.0.0.1', resolve));
  t.after(() => tlsServer.close());
  const { port } = tlsServer.address() as AddressInfo;
  // A relay before it, which breaks connections: within the handshake, or when they lie idle, by a reset or by garbage.
  const ways: ((app: Socket) => void)[] = [
    (app) => void app.resetAndDestroy(),
    (app) => void app.end('HTTP/1.1 400 x\r\n\r\n'),
    (app) => void app.write('\x16\x03\x03\x00\x07garbage'),
  ];
  let way: ((app: Socket) => void) | undefined;
  const idle = new Set<Socket>();
  const relay = await startRawUpstream((app) => {
    if (way !== undefined) {
      way(app);
      return;
    }
    const { socket } = rawClient(port);
    t.after(() => socket.destroy());
    idle.add(app);
    app.pipe(socket).pipe(app);
    for (const end of ['end', 'close']) app.on(end, () => idle.delete(app));
  });
  t.after(() => relay.close());
  const app = await startApp(
    t,
    `upstreams: { up: { url: 'https://localhost:${relay.port}', tls: { verify: false }, circuitBreaker: false } }\n` +
      `routes: [{ name: all, match: {}, upstream: up, retry: false }]\n`,
  );
  const call = async () =>
    (await exchange(app.port, 'GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')).slice(9, 12);
  for (const one of ways) {
    assert.equal(await call(), '200');
    assert.equal(idle.size, 1);
    for (const connection of idle) one(connection);
    await until(() => idle.size === 0, 'the idle connection is given up');
    way = one;
    assert.equal(await call(), '502');
    way = undefined;
  }
  assert.equal(await call(), '200');
});

test('undici#3975: a process that only waits for a back-off does not end before its call', async (t) => {
  let calls = 0;
  const upstream = await startUpstream((response) => {
    // The connection is gone, so that nothing but the timer holds the process.
    response.writeHead(++calls === 1 ? 503 : 200, { connection: 'close' }).end();
  });
  t.after(() => upstream.close());
  const child = new Child(join(projectRoot, '.build/test/support/waiting-process.js'), [upstream.origin]);
  t.after(() => child.process.kill('SIGKILL'));
  await child.says(/^answered 200$/m);
  assert.equal(calls, 2);
});

test('opossum: a call that is given up ends no other, nor the calls after it', async (t) => {
  const held: ServerResponse[] = [];
  const upstream = await startUpstream((response) => held.push(response));
  t.after(() => upstream.close());
  const app = await outrigger(t, upstream.origin);
  const call = () => {
    const client = rawClient(app.port);
    t.after(() => client.socket.destroy());
    client.write('GET /x HTTP/1.1\r\nHost: a\r\n\r\n');
    return client;
  };
  const givenUp = call();
  await until(() => held.length === 1, 'the first call is under way');
  const stays = call();
  await until(() => held.length === 2, 'the second call is under way');
  const cancelled = once(held[0]!, 'close');
  givenUp.socket.destroy();
  await cancelled;
  const next = call();
  await until(() => held.length === 3, 'the third call is under way');
  for (const response of held.slice(1)) response.end('ok');
  for (const client of [stays, next]) assert.match(await client.until(/\r\n\r\nok$/), /^HTTP\/1\.1 200/);
});

function valuesOf(headers: readonly string[], name: string): string[] {
  return headers.filter((_, i) => i % 2 === 1 && headers[i - 1]!.toLowerCase() === name.toLowerCase());
}
