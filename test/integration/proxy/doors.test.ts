/** Who gets where: an app to the upstreams of the policy file and nowhere else, and to nothing of the operator's. */
import assert from 'node:assert/strict';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { once } from 'node:events';
import { describe, test, type TestContext } from 'node:test';
import { startUpstream, valuesOf, type Upstream } from '../../support/http-upstream.js';
import { rawClient } from '../../support/raw-client.js';
import { startApp, until, type RunningApp } from '../../support/running-app.js';

async function upstream(t: TestContext, answer?: Parameters<typeof startUpstream>[0]): Promise<Upstream> {
  const started = await startUpstream(answer);
  t.after(() => started.close());
  return started;
}

/** Sends a request's head, and returns what is answered to it: the head and what comes with it; nothing if cut off. */
async function send(t: TestContext, port: number, head: string): Promise<string> {
  const client = rawClient(port);
  t.after(() => client.socket.destroy());
  client.write(`${head}\r\n\r\n`);
  return client.until(/\r\n\r\n[^]*[}\w]/).catch(() => client.received);
}

const statusOf = (answer: string) => Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1]);

/** What an attacker may write into a request to have it sent to `HIDDEN`, an address that no policy names. */
const ATTEMPTS: Readonly<Record<string, string>> = {
  'an absolute-form target': 'GET http://HIDDEN/x HTTP/1.1\r\nHost: HIDDEN',
  'an absolute-form target with user information': 'GET http://app@HIDDEN/x HTTP/1.1\r\nHost: app',
  'a target of another scheme': 'GET https://HIDDEN/x HTTP/1.1\r\nHost: HIDDEN',
  'a target without a scheme': 'GET //HIDDEN/x HTTP/1.1\r\nHost: app',
  'an authority in the path': 'GET /http://HIDDEN/x HTTP/1.1\r\nHost: app',
  'an authority behind @': 'GET @HIDDEN/x HTTP/1.1\r\nHost: app',
  'an authority in a path that begins with @': 'GET /@HIDDEN/x HTTP/1.1\r\nHost: app',
  backslashes: 'GET /\\HIDDEN/x HTTP/1.1\r\nHost: app',
  Host: 'GET /x HTTP/1.1\r\nHost: HIDDEN',
  'two Hosts': 'GET /x HTTP/1.1\r\nHost: app\r\nHost: HIDDEN',
  'X-Forwarded-Host and -Port': 'GET /x HTTP/1.1\r\nHost: app\r\nX-Forwarded-Host: HIDDEN\r\nX-Forwarded-Port: PORT',
  'X-Forwarded-Server and -Proto':
    'GET /x HTTP/1.1\r\nHost: app\r\nX-Forwarded-Server: HIDDEN\r\nX-Forwarded-Proto: http',
  Forwarded: 'GET /x HTTP/1.1\r\nHost: app\r\nForwarded: host=HIDDEN;proto=http;by=HIDDEN',
  'X-Original-URL and -Host':
    'GET /x HTTP/1.1\r\nHost: app\r\nX-Original-URL: http://HIDDEN/x\r\nX-Original-Host: HIDDEN',
  'X-Rewrite-URL and X-Host': 'GET /x HTTP/1.1\r\nHost: app\r\nX-Rewrite-URL: http://HIDDEN/x\r\nX-Host: HIDDEN',
  'headers that look like ours':
    'GET /x HTTP/1.1\r\nHost: app\r\nx-outrigger-upstream: http://HIDDEN\r\nx-outrigger-url: http://HIDDEN\r\n' +
    'x-outrigger-endpoint: HIDDEN\r\nx-outrigger-route: hidden\r\nx-outrigger-attempts: 0\r\nx-outrigger-fallback: upstream',
  'headers that other proxies believe':
    'GET /x HTTP/1.1\r\nHost: app\r\nx-envoy-original-dst-host: HIDDEN\r\nl5d-dst-override: HIDDEN\r\n' +
    'Proxy-Connection: keep-alive\r\ndapr-app-id: HIDDEN\r\nX-Upstream: HIDDEN\r\nOrigin: http://HIDDEN\r\nReferer: http://HIDDEN/',
  CONNECT: 'CONNECT HIDDEN HTTP/1.1\r\nHost: HIDDEN',
  'a WebSocket':
    'GET http://HIDDEN/x HTTP/1.1\r\nHost: HIDDEN\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
    'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
};

describe('no request names an upstream', () => {
  for (const [what, head] of Object.entries(ATTEMPTS)) {
    for (const preserveHost of [false, true]) {
      test(`by ${what}${preserveHost ? ', where Host goes on' : ''}`, async (t) => {
        const [named, hidden] = [await upstream(t), await upstream(t)];
        const app = await startApp(
          t,
          `upstreams: { up: { url: ${named.origin} } }\n` +
            `routes: [{ name: all, match: {}, upstream: up, preserveHost: ${preserveHost} }]\n`,
        );
        const bytes = head.replaceAll('HIDDEN', `127.0.0.1:${hidden.port}`).replaceAll('PORT', String(hidden.port));
        const answer = await send(t, app.port, bytes);
        // It goes where the policy says, or nowhere.
        const status = statusOf(answer);
        assert(named.seen.length === 1 ? status === 200 : status >= 400, answer);
        assert.equal(hidden.seen.length, 0);
      });
    }
  }

  test('nor does an answer: it is passed on, and not followed', async (t) => {
    const hidden = await upstream(t);
    const named = await upstream(t, (response) => {
      const headers = { location: `${hidden.origin}/x`, 'alt-svc': `http/1.1="127.0.0.1:${hidden.port}"` };
      response
        .writeHead(302, { ...headers, 'content-location': hidden.origin, refresh: `0; url=${hidden.origin}` })
        .end();
    });
    const app = await startApp(
      t,
      `upstreams: { up: { url: ${named.origin} } }\nroutes: [{ name: all, match: {}, upstream: up }]\n`,
    );
    for (let i = 0; i < 3; i++) {
      const response = await fetch(app.url, { redirect: 'manual' });
      assert.deepEqual([response.status, response.headers.get('location')], [302, `${hidden.origin}/x`]);
    }
    assert.deepEqual([named.seen.length, hidden.seen.length], [3, 0]);
  });
});

describe('X-Forwarded-*', () => {
  test('is added to and not believed: neither route nor upstream nor rate limit go by it', async (t) => {
    const [inner, outer] = [await upstream(t), await upstream(t)];
    const app = await startApp(
      t,
      `upstreams: { inner: { url: ${inner.origin} }, outer: { url: ${outer.origin} } }
routes:
  - { name: admin, match: { host: admin.internal }, upstream: inner }
  - { name: rest, match: {}, upstream: outer, rateLimit: { requests: 1, per: 1h } }
`,
    );
    const forged = {
      'x-forwarded-for': '10.9.8.7',
      'x-forwarded-host': 'admin.internal',
      'x-forwarded-proto': 'https',
      forwarded: 'for=10.9.8.7;host=admin.internal;proto=https',
    };
    assert.equal((await fetch(app.url, { headers: forged })).status, 200);
    const [seen] = outer.seen;
    assert.deepEqual([inner.seen.length, outer.seen.length], [0, 1]);
    assert.deepEqual(valuesOf(seen!, 'x-forwarded-for'), ['10.9.8.7, 127.0.0.1']);
    assert.deepEqual(
      valuesOf(seen!, 'x-forwarded-host'),
      ['admin.internal'],
      'what the app says it was asked for goes on',
    );
    assert.match(
      valuesOf(seen!, 'forwarded')[0]!,
      /^for=10\.9\.8\.7;host=admin\.internal;proto=https, for=127\.0\.0\.1;/,
    );
    const again = { ...forged, 'x-forwarded-for': '10.9.8.6' };
    assert.equal(
      (await fetch(app.url, { headers: again })).status,
      429,
      'another address that is said is no other caller',
    );
  });
});

/** A proxy whose upstream is itself. */
async function startLoop(t: TestContext): Promise<RunningApp> {
  let to = 0;
  const relay = createServer((socket: Socket) => {
    const onward = connect(to, '127.0.0.1');
    for (const end of [socket, onward]) end.on('error', () => undefined);
    socket.pipe(onward).pipe(socket);
  });
  relay.listen(0, '127.0.0.1');
  await once(relay, 'listening');
  t.after(() => relay.close());
  const origin = `http://127.0.0.1:${(relay.address() as AddressInfo).port}`;
  const app = await startApp(
    t,
    `upstreams: { self: { url: ${origin} } }\nroutes: [{ name: all, match: {}, upstream: self }]\n`,
  );
  to = app.port;
  return app;
}

describe('a loop', () => {
  for (const method of ['GET', 'POST']) {
    test(`is cut after five turns, and nothing is tried again: ${method}`, async (t) => {
      const app = await startLoop(t);
      const response = await fetch(app.url, { method, ...(method === 'POST' ? { body: 'x' } : {}) });
      assert.equal(response.status, 508);
      assert.equal(((await response.json()) as { code: string }).code, 'loop');
      const taken = 'requests_total{route="all",upstream="self",method="METHOD",code="508",outcome="failure"}';
      await until(async () => (await app.metric(taken.replace('METHOD', method))) === 6, 'six calls passed it on');
      assert.equal(await app.metric('in_flight_requests'), 0);
    });
  }
});

describe('the data port shows nothing of the admin address', () => {
  const TARGETS: readonly (readonly [string, string])[] = [
    ['GET', '/metrics'],
    ['GET', '/healthz'],
    ['GET', '/readyz'],
    ['GET', '/api/config'],
    ['GET', '/api/events'],
    ['GET', '/api/openapi.json'],
    ['PUT', '/api/retries'],
    ['DELETE', '/api/circuits/up'],
    ['POST', '/-/quit'],
    ['POST', '/-/reload'],
  ];

  test('its paths are paths like any other: they go to the upstream, or match no route', async (t) => {
    const up = await upstream(t, (response) => response.end('the upstream’s'));
    const config = (match: string) =>
      `upstreams: { up: { url: ${up.origin} } }\nroutes: [{ name: all, match: ${match}, upstream: up }]\n`;
    const [all, some] = [await startApp(t, config('{}')), await startApp(t, config('{ path: /other }'))];
    for (const [method, target] of TARGETS) {
      const passed = await fetch(all.url + target, { method });
      assert.deepEqual([passed.status, await passed.text()], [200, 'the upstream’s'], target);
      const refused = await fetch(some.url + target, { method });
      assert.equal(refused.status, 404, target);
      assert.equal(((await refused.json()) as { code: string }).code, 'no-route');
    }
    assert.deepEqual(
      up.seen.map(({ method, url }) => [method, url]),
      TARGETS.map((target) => [...target]),
    );
    assert.deepEqual([all.quits(), some.quits()], [0, 0]);
  });

  test('nor does its Host lead there', async (t) => {
    const up = await upstream(t, (response) => response.end('the upstream’s'));
    const app = await startApp(
      t,
      `upstreams: { up: { url: ${up.origin} } }\nroutes: [{ name: all, match: {}, upstream: up }]\n`,
    );
    const { host } = new URL(app.admin);
    for (const target of ['/metrics', `http://${host}/metrics`]) {
      const answer = await send(t, app.port, `GET ${target} HTTP/1.1\r\nHost: ${host}`);
      assert.match(answer, /the upstream’s|upstream/);
      assert.doesNotMatch(answer, /outrigger_/);
    }
  });
});

describe('the admin address passes nothing on', () => {
  for (const head of [
    'GET http://up.internal/x HTTP/1.1\r\nHost: up.internal',
    'GET /x HTTP/1.1\r\nHost: up.internal',
    'GET /x HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-Host: up.internal',
    'PUT http://localhost/api/retries HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0',
    'CONNECT up.internal:80 HTTP/1.1\r\nHost: up.internal:80',
    'GET /x HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    'GET /healthz HTTP/1.1',
    'GET /api/config HTTP/1.0',
    'GET /api/config HTTP/1.1\r\nHost: a\r\nHost: localhost',
    'nonsense',
  ]) {
    test(JSON.stringify(head.slice(0, 60)), async (t) => {
      const up = await upstream(t);
      const app = await startApp(
        t,
        `upstreams: { up: { url: ${up.origin} } }\nroutes: [{ name: all, match: { host: up.internal }, upstream: up }]\n`,
      );
      const port = Number(new URL(app.admin).port);
      const answer = await send(t, port, head);
      assert(answer === '' || statusOf(answer) >= 400, answer);
      assert.equal(up.seen.length, 0);
      assert.equal(await app.metric('in_flight_requests'), 0, 'it lives');
    });
  }
});
