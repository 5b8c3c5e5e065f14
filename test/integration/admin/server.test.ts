import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { createServer, get, type IncomingMessage } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { networkInterfaces, tmpdir } from 'node:os';
import path from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import type { Readiness } from '../../../src/admin/server.js';
import { adminWith, at, LOOPBACK, NO_OPERATIONS } from '../../support/admin.js';

async function startAdmin(t: TestContext, ready: () => Readiness = () => ({ ready: true }), listen = LOOPBACK) {
  const admin = adminWith({ ready, bind: at(listen) });
  const bound = await admin.listen();
  t.after(() => admin.close());
  return bound.startsWith('unix:') ? bound : `http://${bound}`;
}

async function answer(url: string, init: RequestInit = {}) {
  const response = await fetch(url, init);
  const type = response.headers.get('content-type');
  return { status: response.status, type, body: await response.text() };
}

describe('the admin server', () => {
  test('says that the process lives', async (t) => {
    const { status, body } = await answer(`${await startAdmin(t)}/healthz`);
    assert.deepEqual([status, body], [200, 'ok\n']);
  });

  test('is ready while calls are taken, and says why not otherwise', async (t) => {
    let now: Readiness = { ready: false, reason: 'starting' };
    const url = await startAdmin(t, () => now);
    const asked = async () => {
      const { status, body } = await answer(`${url}/readyz`);
      return [status, body];
    };
    assert.deepEqual(await asked(), [503, 'starting\n']);
    now = { ready: true };
    assert.deepEqual(await asked(), [200, 'ready\n']);
    now = { ready: false, reason: 'draining' };
    assert.deepEqual(await asked(), [503, 'draining\n']);
  });

  test('gives metrics in the format asked for, and never from a cache', async (t) => {
    const url = `${await startAdmin(t)}/metrics`;
    assert.deepEqual(await answer(url), { status: 200, type: 'text/plain', body: 'up 1\n' });
    const open = await fetch(url, { headers: { accept: 'application/openmetrics-text' } });
    assert.equal(open.headers.get('content-type'), 'application/openmetrics-text');
    assert.equal(open.headers.get('cache-control'), 'no-store');
    await open.text();
  });

  for (const [method, target, expected, code] of [
    ['GET', '/nothing', 404, 'not-found'],
    ['GET', '//metrics', 404, 'not-found'],
    ['GET', '/metrics/', 404, 'not-found'],
    ['GET', '/%', 400, 'bad-request'],
    ['POST', '/metrics', 405, 'method-not-allowed'],
    ['DELETE', '/readyz', 405, 'method-not-allowed'],
    ['OPTIONS', '/healthz', 405, 'method-not-allowed'],
  ] as const) {
    test(`answers ${method} ${target} with a problem document`, async (t) => {
      const { status, type, body } = await answer(`${await startAdmin(t)}${target}`, { method });
      assert.deepEqual([status, type], [expected, 'application/problem+json']);
      const problem = JSON.parse(body) as Readonly<Record<string, unknown>>;
      assert.deepEqual([problem.status, problem.code], [expected, code]);
    });
  }

  test('keeps an error of its own from the peer, and from nobody else', async (t) => {
    const failing = { scrape: () => Promise.reject(new Error('s3cret')) };
    const faults: unknown[] = [];
    const admin = adminWith({ metrics: failing, onFault: (error) => faults.push(error) });
    t.after(() => admin.close());
    const { status, type, body } = await answer(`http://${await admin.listen()}/metrics`);
    assert.deepEqual([status, type], [500, 'application/problem+json']);
    assert.doesNotMatch(body, /s3cret/);
    assert.match(String(faults), /^Error: s3cret$/);
  });

  test('listens on a unix socket', async (t) => {
    const socket = path.join(mkdtempSync(path.join(tmpdir(), 'outrigger-')), 'admin.sock');
    const where = await startAdmin(t, () => ({ ready: true }), { path: socket });
    assert.equal(where, `unix:${socket}`);
    const [response] = (await once(get({ socketPath: socket, path: '/healthz' }), 'response')) as [IncomingMessage];
    response.resume();
    assert.equal(response.statusCode, 200);
  });

  test('takes who comes over a unix socket for a peer on this machine', async (t) => {
    const socket = path.join(mkdtempSync(path.join(tmpdir(), 'outrigger-')), 'admin.sock');
    const operations = { ...NO_OPERATIONS, routes: () => [] };
    const admin = adminWith({ bind: at({ path: socket }), operations });
    await admin.listen();
    t.after(() => admin.close());
    const asked = get({ socketPath: socket, path: '/api/routes', headers: { host: 'localhost' } });
    const [response] = (await once(asked, 'response')) as [IncomingMessage];
    response.resume();
    assert.equal(response.statusCode, 200);
  });

  const elsewhere = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
  const address = elsewhere.find(({ internal, family }) => !internal && family === 'IPv4')?.address;

  test(
    'without a token shows nothing of the API to a peer that is not on the loopback',
    { skip: address === undefined && 'this machine has no other address' },
    async (t) => {
      const refused: unknown[] = [];
      const admin = adminWith({
        bind: at({ port: 0 }),
        witness: { counted: () => undefined, refused: (change) => refused.push(change) },
      });
      const bound = await admin.listen();
      t.after(() => admin.close());
      const url = `http://${String(address)}:${bound.slice(bound.lastIndexOf(':') + 1)}`;
      assert.equal((await answer(`${url}/metrics`)).status, 200);
      for (const [method, target] of [
        ['GET', '/'],
        ['GET', '/api/config'],
        ['GET', '/api/events'],
        ['GET', '/api/openapi.json'],
        ['PUT', '/api/retries'],
        ['POST', '/-/quit'],
      ] as const) {
        const { status, body } = await answer(url + target, { method });
        assert.deepEqual([status, (JSON.parse(body) as { code: string }).code], [403, 'not-loopback'], target);
      }
      assert.deepEqual(refused[0], { change: 'retries', by: address, status: 403, code: 'not-loopback' });
    },
  );

  test('replaces a socket that a dead process left behind', async (t) => {
    const socket = path.join(mkdtempSync(path.join(tmpdir(), 'outrigger-')), 'admin.sock');
    const left = spawnSync(process.execPath, [
      '-e',
      `require('net').createServer().listen(${JSON.stringify(socket)}, () => process.kill(process.pid, 'SIGKILL'))`,
    ]);
    assert.equal(left.signal, 'SIGKILL');
    assert.equal(await startAdmin(t, () => ({ ready: true }), { path: socket }), `unix:${socket}`);
  });

  test('listens on all addresses without a host', async (t) => {
    const url = await startAdmin(t, () => ({ ready: true }), { port: 0 });
    const port = url.slice(url.lastIndexOf(':') + 1);
    assert.equal((await answer(`http://127.0.0.1:${port}/healthz`)).status, 200);
  });

  test('says what it could not listen on', async (t) => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    t.after(() => taken.close());
    const { port } = taken.address() as AddressInfo;
    const admin = adminWith({ bind: at({ ...LOOPBACK, port }) });
    await assert.rejects(
      admin.listen(),
      new RegExp(`admin\\.listen 127\\.0\\.0\\.1:${port}: address already in use; .*--admin-listen`),
    );
    await admin.close();
  });

  test('ends idle connections when it is closed', async () => {
    const admin = adminWith();
    const { hostname, port } = new URL(`http://${await admin.listen()}`);
    const idle = connect(Number(port), hostname);
    idle.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(idle, 'data');
    const ended = once(idle, 'end');
    await admin.close();
    await ended;
    idle.destroy();
  });
});
