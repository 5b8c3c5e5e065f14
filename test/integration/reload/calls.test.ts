import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { describe, test } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import { startUpstream } from '../../support/http-upstream.js';
import { rawClient } from '../../support/raw-client.js';
import { startApp, until } from '../../support/running-app.js';

const policy = (origin: string, upstream = '', route = '', more = '') => `${more}
upstreams: { service: { url: "${origin}"${upstream} } }
routes: [{ name: all, match: {}, upstream: service${route} }]
`;

const NAMED = (name: string) => `, responseHeaders: { set: { x-policy: "${name}" } }`;

const put = (url: string, body: object) =>
  fetch(url, { method: 'PUT', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });

describe('calls that are under way at a reload', () => {
  test('end under the policy they began with, and the next begins under the new one', async (t) => {
    let waiting: ServerResponse | undefined;
    const upstream = await startUpstream((response, { url }) => {
      if (url === '/slow') waiting = response;
      else response.end('ok');
    });
    t.after(() => upstream.close());
    const other = await startUpstream((response) => response.end('other'));
    t.after(() => other.close());
    const app = await startApp(t, policy(upstream.origin, '', NAMED('one')));
    const slow = fetch(`${app.url}/slow`);
    await until(() => waiting !== undefined, 'the call is under way');
    assert.equal((await app.reload(policy(other.origin, '', NAMED('two')))).status, 200);
    const next = await fetch(app.url);
    assert.deepEqual([next.headers.get('x-policy'), await next.text()], ['two', 'other']);
    assert.equal(await app.metric('in_flight_requests'), 1);
    waiting?.write('a part, ');
    const response = await slow;
    assert.equal(response.headers.get('x-policy'), 'one');
    waiting?.end('and the rest');
    assert.equal(await response.text(), 'a part, and the rest');
    assert.equal(await app.metric('in_flight_requests'), 0);
  });

  test('are retried as the policy says that they began with', async (t) => {
    const upstream = await startUpstream((response, { rawHeaders }) => {
      response.writeHead(rawHeaders.includes('x-retry-attempt') ? 200 : 503).end();
    });
    t.after(() => upstream.close());
    const waits = ', retry: { backoff: { strategy: fixed, base: 400ms, jitter: none } }';
    const app = await startApp(t, policy(upstream.origin, '', waits));
    const call = fetch(app.url);
    await until(() => upstream.seen.length === 1, 'the first attempt was made');
    assert.equal((await app.reload(policy('http://127.0.0.1:9', '', ', retry: false'))).status, 200);
    assert.equal((await call).status, 200);
    assert.equal(upstream.seen.length, 2);
  });

  test('WebSockets among them, which hold up nothing', async (t) => {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    t.after(() => server.close());
    await once(server, 'listening');
    server.on('connection', (socket) => socket.on('message', (data) => socket.send(data)));
    const { port } = server.address() as { port: number };
    const app = await startApp(t, policy(`http://127.0.0.1:${port}`));
    const socket = new WebSocket(app.url.replace('http', 'ws'));
    await once(socket, 'open');
    const upstream = await startUpstream();
    t.after(() => upstream.close());
    assert.equal((await app.reload(policy(upstream.origin))).status, 200);
    assert.equal((await fetch(app.url)).status, 200);
    const echoed = once(socket, 'message') as Promise<[Buffer]>;
    socket.send('still there');
    assert.equal(String((await echoed)[0]), 'still there');
    socket.close(1000);
    await once(socket, 'close');
    await until(async () => (await app.metric('in_flight_requests')) === 0, 'it has ended');
    await until(() => server.clients.size === 0, 'its connection to the upstream is closed');
  });

  test('and a connection with two requests at once has its answers in their order', async (t) => {
    const answers: (() => void)[] = [];
    const upstream = await startUpstream((response, { url }) => answers.push(() => response.end(url)));
    t.after(() => upstream.close());
    const app = await startApp(t, policy(upstream.origin));
    const client = rawClient(app.port);
    client.write('GET /1 HTTP/1.1\r\nHost: a\r\n\r\n');
    await until(() => answers.length === 1, 'the first is under way');
    await app.reload(policy(upstream.origin, '', NAMED('two')));
    client.write('GET /2 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    answers[0]?.();
    await until(() => answers.length === 2, 'the second is under way');
    answers[1]?.();
    const { received } = await client.ended();
    assert.match(received, /^HTTP\/1\.1 200[^]*\/1HTTP\/1\.1 200[^]*x-policy: two[^]*\/2$/);
  });
});

describe('what is kept', () => {
  test('connections, while the endpoint is the same and they are made in the same way', async (t) => {
    const upstream = await startUpstream();
    t.after(() => upstream.close());
    const app = await startApp(t, policy(upstream.origin));
    const connections = async () => {
      await (await fetch(app.url)).text();
      return new Set(upstream.seen.map(({ connection }) => connection)).size;
    };
    assert.equal(await connections(), 1);
    const [limited, slower] = [', concurrency: { limit: 5 }', ', concurrency: { limit: 5 }, connectTimeout: 1s'];
    await app.reload(policy(upstream.origin, limited, NAMED('two')));
    assert.equal(await connections(), 1);
    await app.reload(policy(upstream.origin, slower, NAMED('two')));
    assert.equal(await connections(), 2);
  });

  test('circuits, forced ones too, while the options of the circuit breaker are the same', async (t) => {
    const upstream = await startUpstream();
    t.after(() => upstream.close());
    const app = await startApp(t, policy(upstream.origin));
    await put(`${app.admin}/api/circuits/service`, { state: 'forced-open' });
    const state = async () => {
      const response = await fetch(`${app.admin}/api/circuits`);
      return ((await response.json()) as { state: string }[]).map((circuit) => circuit.state);
    };
    await app.reload(policy(upstream.origin, ', retryBudget: false', ', retry: false'));
    assert.deepEqual(await state(), ['forced-open']);
    assert.equal((await fetch(app.url)).status, 503);
    await app.reload(policy(upstream.origin, ', circuitBreaker: { minimumCalls: 30 }'));
    assert.deepEqual(await state(), ['closed']);
    assert.equal((await fetch(app.url)).status, 200);
  });

  test("a route's bucket and stale answers; not for callers that they were not kept for", async (t) => {
    let down = false;
    const upstream = await startUpstream((response) => {
      response.writeHead(down ? 500 : 200, { 'cache-control': 'max-age=60' }).end('kept');
    });
    t.after(() => upstream.close());
    const route = (key: string, limit: number) =>
      `, retry: false, rateLimit: { requests: ${limit}, per: 1h }, fallback: { steps: [{ stale: { key: [${key}] } }] }`;
    const app = await startApp(t, policy(upstream.origin, '', route('x-tenant', 3)));
    const get = async () => {
      const response = await fetch(app.url, { headers: { 'x-tenant': 'a' } });
      await response.text();
      return response.headers.get('x-outrigger-fallback') ?? response.status;
    };
    assert.equal(await get(), 200);
    down = true;
    await app.reload(policy(upstream.origin, ', circuitBreaker: false', route('x-tenant', 3)));
    assert.deepEqual([await get(), await get(), await get()], ['stale', 'stale', 429]);
    await app.reload(policy(upstream.origin, '', route('', 4)));
    assert.equal(await get(), 500);
  });

  test('counts of routes that stay; those of others go; retries that were switched off; the log level', async (t) => {
    const upstream = await startUpstream();
    t.after(() => upstream.close());
    const two = `upstreams: { service: { url: "${upstream.origin}" } }
routes: [{ name: all, match: { path: /a }, upstream: service }, { name: more, match: {}, upstream: service }]
`;
    const app = await startApp(t, two, { logLevel: 'error' });
    for (const path of ['/a', '/a', '/b']) await (await fetch(app.url + path)).text();
    await put(`${app.admin}/api/retries`, { enabled: false, ttl: '10m' });
    await put(`${app.admin}/api/log`, { level: 'debug', ttl: '10m' });
    const { body } = await app.reload(policy(upstream.origin));
    assert.deepEqual(body.routes, { added: [], removed: ['more'], changed: ['all'] });
    const of = (route: string) =>
      `requests_total{route="${route}",upstream="service",method="GET",code="200",outcome="success"}`;
    assert.deepEqual([await app.metric(of('all')), await app.metric(of('more'))], [2, Number.NaN]);
    assert.equal(await app.metric('retries_enabled{route="all"}'), 0);
    assert.ok(
      app.logged().some(({ msg }) => msg === 'reloaded'),
      'the level is still debug',
    );
  });
});

describe('a reload', () => {
  test('that says nothing new changes nothing, and says so', async (t) => {
    const file = policy('http://127.0.0.1:9');
    const app = await startApp(t, file, { logLevel: 'info' });
    const none = { added: [], removed: [], changed: [] };
    const { status, body } = await app.reload(`# a remark\n${file}`);
    assert.deepEqual(
      [status, body],
      [200, { result: 'unchanged', routes: none, upstreams: none, settings: [], restart: [] }],
    );
    assert.ok(app.logged().some(({ msg, by }) => msg === 'nothing changed' && by === '127.0.0.1'));
  });

  test('with a mistake is answered with all of them, told, counted, and an event', async (t) => {
    const upstream = await startUpstream();
    t.after(() => upstream.close());
    const app = await startApp(t, policy(upstream.origin), { logLevel: 'warn' });
    const { status, body } = await app.reload(policy(upstream.origin, '', ', timeout: 3, upsteam: x'));
    assert.deepEqual([status, body.code], [422, 'invalid-policy-file']);
    const errors = body.errors as { line: number; column: number; path: string; file: string; suggestion?: string }[];
    assert.deepEqual(
      errors.map(({ path, line, file }) => [path, line, file]),
      [
        ['routes[0].timeout', 7, 'policy.yaml'],
        ['routes[0].upsteam', 7, 'policy.yaml'],
      ],
    );
    assert.match(errors[0]?.suggestion ?? '', /3s/);
    assert.equal(app.logged().filter(({ msg }) => msg === 'reload failed').length, 2);
    assert.equal(await app.metric('config_reloads_total{result="failure"}'), 1);
    assert.equal(await app.metric('admin_changes_total{change="reload",result="invalid"}'), 1);
    assert.equal((await fetch(app.url)).status, 200);
    const events = await fetch(`${app.admin}/api/events?history=9`);
    const reader = events.body!.getReader();
    let text = '';
    while (!text.includes('event: reload')) text += Buffer.from((await reader.read()).value).toString();
    await reader.cancel();
    assert.match(text, /"to":"invalid"/);
  });

  test('takes all but what needs a restart, and says what does', async (t) => {
    const upstream = await startUpstream();
    t.after(() => upstream.close());
    const file = policy(upstream.origin, '', '', 'limits: { maxEventLoopDelay: off }');
    const app = await startApp(t, file, { logLevel: 'warn' });
    const changed = policy(upstream.origin, '', NAMED('two'), 'limits: { maxConnections: 5 }\ndrainTimeout: 3s');
    const { body } = await app.reload(changed);
    assert.deepEqual([body.restart, body.settings], [['limits'], ['drainTimeout']]);
    assert.ok(app.logged().some(({ msg, key }) => msg === 'needs a restart' && key === 'limits'));
    assert.equal((await fetch(app.url)).headers.get('x-policy'), 'two');
    const config = (await (await fetch(`${app.admin}/api/config`)).json()) as Record<string, Record<string, unknown>>;
    assert.deepEqual([config.limits?.maxConnections, config.limits?.maxEventLoopDelay], [10_000, 'off']);
  });

  test('is refused while the process drains', async (t) => {
    let waiting: ServerResponse | undefined;
    const upstream = await startUpstream((response) => (waiting = response));
    t.after(() => upstream.close());
    const app = await startApp(t, policy(upstream.origin));
    const call = fetch(app.url);
    await until(() => waiting !== undefined, 'a call is under way');
    const drained = app.drain();
    assert.equal((await app.reload(policy('http://127.0.0.1:9'))).status, 409);
    waiting?.end('ok');
    assert.equal((await call).status, 200);
    await drained;
  });

  test('is one of many at once: they are done one after the other, and the last is in force', async (t) => {
    const upstream = await startUpstream();
    t.after(() => upstream.close());
    const app = await startApp(t, policy(upstream.origin));
    const names = Array.from({ length: 10 }, (_, n) => String(n));
    const all = names.map((name) => app.reload(policy(upstream.origin, '', NAMED(name))));
    assert.deepEqual(new Set((await Promise.all(all)).map(({ status }) => status)), new Set([200]));
    assert.equal((await fetch(app.url)).headers.get('x-policy'), '9');
    assert.equal(await app.metric('config_reloads_total{result="success"}'), 10);
  });
});
