import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, createServer, get, type IncomingMessage } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { describe, test, type TestContext } from 'node:test';
import { startStreamingUpstream, startUpstream } from '../../support/http-upstream.js';
import { promtool, skipWithoutPromtool } from '../../support/promtool.js';
import {
  endOf,
  folder,
  oneRoute,
  policyFileOf,
  spawnProxy,
  startProxy as startProcess,
  type ProxyProcess,
} from '../../support/proxy-process.js';
import { rawClient } from '../../support/raw-client.js';

function policy(upstream: string): string {
  return policyFileOf(oneRoute(upstream));
}

/** `outrigger run` in front of an upstream. */
function startProxy(t: TestContext, upstream: string, more?: string): Promise<ProxyProcess> {
  return startProcess(t, oneRoute(upstream, more));
}

async function answer(
  url: string,
): Promise<{ readonly status: number; readonly close: boolean; readonly body: string }> {
  const response = await fetch(url);
  const close = response.headers.get('connection') === 'close';
  return { status: response.status, close, body: await response.text() };
}

describe('outrigger run', () => {
  test('takes calls, and says on the admin address how they went', async (t) => {
    let calls = 0;
    const upstream = await startUpstream((response) => {
      response.writeHead(++calls === 1 ? 503 : 200).end('hello');
    });
    t.after(() => upstream.close());
    const { child, url, admin } = await startProxy(t, upstream.origin);
    assert.equal((await answer(`${admin}/readyz`)).status, 200);
    assert.deepEqual(await answer(`${url}/a?secret=s3cret`), { status: 200, close: false, body: 'hello' });

    const { body } = await answer(`${admin}/metrics`);
    const labels = 'route="all",upstream="service"';
    for (const line of [
      `outrigger_requests_total{${labels},method="GET",code="200",outcome="success"} 1`,
      `outrigger_attempts_total{${labels},endpoint="${upstream.origin}",result="503"} 1`,
      `outrigger_attempts_total{${labels},endpoint="${upstream.origin}",result="success"} 1`,
      `outrigger_retries_total{${labels},reason="503"} 1`,
      `outrigger_retry_successes_total{${labels}} 1`,
      `outrigger_retry_ratio{${labels}} 1`,
      `outrigger_circuit_state{upstream="service",key="${upstream.origin}",state="closed"} 1`,
      'outrigger_concurrency_limit{upstream="service"} 1024',
      'outrigger_in_flight_requests 0',
    ]) {
      assert.ok(body.includes(`\n${line}\n`), line);
    }
    const retry = child.lines().find(({ msg }) => msg === 'retrying');
    assert.equal(retry?.reason, '503');
    assert.equal(retry.attempts, 3);
    assert.doesNotMatch(child.stdout, /s3cret/);
  });

  test('gives metrics that promtool has nothing to mind about', { skip: skipWithoutPromtool }, async (t) => {
    const upstream = await startUpstream();
    t.after(() => upstream.close());
    const { url, admin } = await startProxy(t, upstream.origin);
    await answer(url);
    assert.deepEqual(promtool(['check', 'metrics'], (await answer(`${admin}/metrics`)).body), { code: 0, said: '' });
  });

  for (const which of ['listen', 'admin.listen'] as const) {
    test(`${which} in use: one line, and 1`, async (t) => {
      const taken = createServer().listen(0, '127.0.0.1');
      await once(taken, 'listening');
      t.after(() => taken.close());
      const { port } = taken.address() as AddressInfo;
      const flag = which === 'listen' ? '--listen' : '--admin-listen';
      const child = spawnProxy(t, ['--config', policy('http://127.0.0.1:1'), flag, `127.0.0.1:${port}`]);
      assert.equal(await child.ended(), 1);
      assert.equal(
        child.stderr,
        `outrigger: ${which} 127.0.0.1:${port}: address already in use; end what listens there, or choose another ` +
          `address (${which} in the policy file, ${flag} or OUTRIGGER_${flag.slice(2).toUpperCase().replace('-', '_')})\n`,
      );
    });
  }

  test('addresses from the environment, unix sockets among them, and healthcheck asks there', async (t) => {
    const upstream = await startUpstream();
    t.after(() => upstream.close());
    const env = {
      OUTRIGGER_CONFIG: policy(upstream.origin),
      OUTRIGGER_LISTEN: `unix:${folder()}/o.sock`,
      OUTRIGGER_ADMIN_LISTEN: `unix:${folder()}/admin.sock`,
    };
    const child = spawnProxy(t, [], env);
    await child.says(/"msg":"started"/);
    const socketPath = env.OUTRIGGER_LISTEN.slice('unix:'.length);
    const [response] = (await once(get({ socketPath, path: '/' }), 'response')) as [IncomingMessage];
    response.resume();
    assert.equal(response.statusCode, 200);
    assert.equal(await spawnProxy(t, ['healthcheck'], env).ended(), 0);
    const admin = { socketPath: env.OUTRIGGER_ADMIN_LISTEN.slice('unix:'.length), path: '/api/config' };
    const [config] = (await once(get(admin), 'response')) as [IncomingMessage];
    const { listen, admin: shown } = (await json(config)) as { listen: unknown; admin: { listen: unknown } };
    assert.deepEqual([listen, shown.listen], [[env.OUTRIGGER_LISTEN], env.OUTRIGGER_ADMIN_LISTEN], 'those in force');
    child.kill('SIGTERM');
    assert.equal(await child.ended(), 0);
    assert.equal(await spawnProxy(t, ['healthcheck'], env).ended(), 1);
  });

  test('--demo starts an upstream too, and says what to try', async (t) => {
    const child = spawnProxy(t, ['--demo', '--listen', '127.0.0.1:0', '--admin-listen', '127.0.0.1:0']);
    const [, url] = await child.says(/curl -i (http:\/\/127\.0\.0\.1:\d+)\/flaky/, 'stderr');
    assert.equal((await answer(`${url}/ok`)).status, 200);
    child.kill('SIGINT');
    assert.equal(await child.ended(), 0);
  });

  test('POST /-/quit: what is in flight is answered, then 0', async (t) => {
    const upstream = await startUpstream((response) => void setTimeout(() => response.end('slow'), 300));
    t.after(() => upstream.close());
    const { child, url, admin } = await startProxy(t, upstream.origin);
    const inFlight = answer(url);
    while (upstream.seen.length === 0) await once(upstream.server, 'request');
    for (let i = 0; i < 2; i++) assert.equal((await fetch(`${admin}/-/quit`, { method: 'POST' })).status, 202);
    assert.deepEqual(await inFlight, { status: 200, close: true, body: 'slow' });
    assert.equal(await child.ended(), 0);
    assert.deepEqual(
      child.lines().flatMap(({ msg, change, by }) => (msg === 'admin change' ? [[change, by]] : [])),
      [
        ['quit', '127.0.0.1'],
        ['quit', '127.0.0.1'],
      ],
    );
  });
});

describe('SIGTERM', () => {
  test('under load: every call in flight and every new one is answered, then 0', async (t) => {
    const upstream = await startUpstream((response) => {
      setTimeout(() => response.end('slow'), 600);
    });
    t.after(() => upstream.close());
    const { child, url, admin } = await startProxy(t, upstream.origin);
    const before = Array.from({ length: 50 }, () => answer(url));
    while (upstream.seen.length < before.length) await once(upstream.server, 'request');
    child.kill('SIGTERM');
    await child.says(/"msg":"draining"/);
    assert.deepEqual(await answer(`${admin}/readyz`), { status: 503, close: false, body: 'draining\n' });
    const after = Array.from({ length: 10 }, () => answer(url));
    for (const each of await Promise.all([...before, ...after])) {
      assert.deepEqual(each, { status: 200, close: true, body: 'slow' });
    }
    const { code, ms } = await endOf(child);
    assert.equal(code, 0);
    assert.ok(ms < 1_500, `${ms} ms after the last answer`);
  });

  test('at drainTimeout: no head yet gets 503 draining, a stream is cut, then 0', async (t) => {
    const upstream = await startStreamingUpstream((request, response) => {
      if (request.url === '/stream') response.write('begun');
    });
    t.after(() => upstream.close());
    const { child, url } = await startProxy(t, upstream.origin, 'drainTimeout: 700ms');
    const stream = get(`${url}/stream`);
    const [streamed] = (await once(stream, 'response')) as [IncomingMessage];
    const broken = once(streamed, 'error');
    const hanging = answer(`${url}/hang`);
    while (upstream.seen.length < 2) await once(upstream.server, 'request');
    child.kill('SIGTERM');
    const { status, close, body } = await hanging;
    assert.deepEqual([status, close], [503, true]);
    assert.equal((JSON.parse(body) as { code: string }).code, 'draining');
    streamed.resume();
    await broken;
    const { code, ms } = await endOf(child);
    assert.equal(code, 0);
    assert.ok(ms < 1_000, `${ms} ms after the last answer`);
  });

  test('at drainTimeout: a WebSocket that stays open is cut, then 0', async (t) => {
    const server = createServer().on('upgrade', (_request, socket) => {
      socket.on('error', () => undefined);
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => server.close());
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const { child, url } = await startProxy(t, origin, 'drainTimeout: 700ms');
    const client = rawClient(Number(new URL(url).port));
    client.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n');
    client.write('Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n');
    await client.until('\r\n\r\n');
    child.kill('SIGTERM');
    await client.ended();
    const { code, ms } = await endOf(child);
    assert.equal(code, 0);
    assert.ok(ms < 1_000, `${ms} ms`);
    assert.match(child.stdout, /"inFlight":1,"msg":"calls cut at the drain timeout"/);
  });

  test('a second one cuts everything at once', async (t) => {
    const upstream = await startStreamingUpstream((_request, response) => response.write('begun'));
    t.after(() => upstream.close());
    const { child, url } = await startProxy(t, upstream.origin);
    const [streamed] = (await once(get(url), 'response')) as [IncomingMessage];
    const broken = once(streamed, 'error');
    child.kill('SIGTERM');
    await child.says(/"msg":"draining"/);
    child.kill('SIGTERM');
    const { code, ms } = await endOf(child);
    assert.equal(code, 143);
    assert.ok(ms < 1_000, `${ms} ms`);
    streamed.resume();
    await broken;
  });

  test('calls are taken for drainDelay, though none is in flight', async (t) => {
    const upstream = await startUpstream();
    t.after(() => upstream.close());
    const { child, url, admin } = await startProxy(t, upstream.origin, 'drainDelay: 2s');
    const start = performance.now();
    child.kill('SIGTERM');
    await child.says(/"msg":"draining"/);
    assert.equal((await answer(`${admin}/readyz`)).status, 503);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    assert.deepEqual(await answer(url), { status: 200, close: true, body: 'ok' });
    const { code } = await endOf(child);
    assert.equal(code, 0);
    assert.ok(performance.now() - start >= 2_000);
  });

  test('a WebSocket is in flight until it ends', async (t) => {
    const server = createServer().on('upgrade', (_request, socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
      socket.on('data', () => socket.end());
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => server.close());
    const { child, url } = await startProxy(t, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname);
    socket.write(
      `GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n` +
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    );
    const [head] = (await once(socket, 'data')) as [Buffer];
    assert.match(head.toString(), /^HTTP\/1\.1 101 /);
    child.kill('SIGTERM');
    await child.says(/"msg":"draining"/);
    const early = await Promise.race([child.ended(), new Promise((resolve) => setTimeout(resolve, 1_200, 'alive'))]);
    assert.equal(early, 'alive');
    socket.end('bye');
    const { code, ms } = await endOf(child);
    assert.equal(code, 0);
    assert.ok(ms < 1_500, `${ms} ms`);
  });

  test('idle connections do not hold it up', async (t) => {
    const upstream = await startUpstream();
    t.after(() => upstream.close());
    const { child, url, admin } = await startProxy(t, upstream.origin);
    const agent = new Agent({ keepAlive: true });
    t.after(() => agent.destroy());
    for (const target of [url, `${admin}/metrics`]) {
      const [response] = (await once(get(target, { agent }), 'response')) as [IncomingMessage];
      response.resume();
      await once(response, 'end');
    }
    child.kill('SIGTERM');
    const { code, ms } = await endOf(child);
    assert.equal(code, 0);
    assert.ok(ms < 1_500, `${ms} ms`);
  });
});
