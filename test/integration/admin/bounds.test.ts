/** What peers of the admin address can take of the process: little. */
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { describe, test, type TestContext } from 'node:test';
import type { AdminLimits } from '../../../src/admin/server.js';
import { adminWith, NO_OPERATIONS } from '../../support/admin.js';
import { rawClient, type RawClient } from '../../support/raw-client.js';
import { until } from '../../support/running-app.js';

const LIMITS: AdminLimits = {
  headersTimeoutMs: 200,
  requestTimeoutMs: 200,
  inactivityMs: 300,
  keepAliveMs: 100,
  checkEveryMs: 20,
  maxConnections: 3,
};

async function start(t: TestContext, limits: Partial<AdminLimits> = {}, slices: readonly string[] = ['up 1\n']) {
  const admin = adminWith({
    limits: { ...LIMITS, ...limits },
    metrics: { scrape: () => Promise.resolve({ contentType: 'text/plain', body: Readable.from(slices) }) },
    operations: { ...NO_OPERATIONS, switchRetries: () => [] },
    rules: () => ({ token: 't', hosts: [] }),
  });
  const url = `http://${await admin.listen()}`;
  const clients: RawClient[] = [];
  t.after(() => {
    for (const { socket } of clients) socket.destroy();
    return admin.close();
  });
  const client = () => {
    const opened = rawClient(Number(new URL(url).port));
    clients.push(opened);
    return opened;
  };
  return { url, client };
}

const PUT = 'PUT /api/retries HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n';

describe('a peer is cut off', () => {
  test('that does not send its head', async (t) => {
    const { client } = await start(t);
    const slow = client();
    slow.write('GET /healthz HTTP/1.1\r\nHost: lo');
    const { received } = await slow.ended();
    assert.match(received, /^HTTP\/1\.1 408 /);
    assert.match(received, /application\/problem\+json/);
  });

  test('that does not send its body', async (t) => {
    const { client } = await start(t);
    const slow = client();
    slow.write(`${PUT}Authorization: Bearer t\r\nContent-Length: 17\r\n\r\n{"enabled"`);
    await slow.ended();
  });

  test('that does not take its answer', async (t) => {
    const megabyte = 'x'.repeat(1024 * 1024);
    const { client } = await start(t, {}, new Array<string>(32).fill(megabyte));
    const slow = client();
    slow.write('GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await slow.until('200 OK');
    slow.socket.pause();
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    slow.socket.resume();
    assert((await slow.ended()).received.length < 32 * 1024 * 1024);
  });

  test('that has nothing to ask', async (t) => {
    const { client } = await start(t);
    const idle = client();
    idle.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
    assert.match((await idle.ended()).received, /ok\n$/);
  });
});

test('a body is not read before its sender is known, and the connection is closed', async (t) => {
  const { client } = await start(t, { requestTimeoutMs: 60_000, headersTimeoutMs: 60_000 });
  const stranger = client();
  stranger.write(`${PUT}Content-Length: 1000000000\r\n\r\n{`);
  const { received } = await stranger.ended();
  assert.match(received, /^HTTP\/1\.1 401 /);
  assert.match(received, /\r\nconnection: close\r\n/);
});

test('a body without a length is bounded too', async (t) => {
  const { client } = await start(t, { requestTimeoutMs: 60_000, headersTimeoutMs: 60_000 });
  const peer = client();
  peer.write(`${PUT}Authorization: Bearer t\r\nTransfer-Encoding: chunked\r\n\r\n`);
  for (let i = 0; i < 5; i++) peer.write(`1000\r\n${' '.repeat(0x1000)}\r\n`);
  const { received } = await peer.ended();
  assert.match(received, /^HTTP\/1\.1 413 /);
});

test('a head that is too large is refused in our own words', async (t) => {
  const { client } = await start(t);
  const peer = client();
  peer.write(`GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`);
  const { received } = await peer.ended();
  assert.match(received, /^HTTP\/1\.1 431 [^]*application\/problem\+json[^]*"code":"bad-request"/);
});

test('beyond so many connections the next is turned away, and there is room again when one ends', async (t) => {
  const { url, client } = await start(t, { headersTimeoutMs: 60_000, requestTimeoutMs: 60_000, inactivityMs: 60_000 });
  const held = [client(), client(), client()];
  for (const { socket } of held) if (socket.connecting) await new Promise((resolve) => socket.once('connect', resolve));
  await assert.rejects(fetch(`${url}/healthz`));
  held[0]!.socket.destroy();
  const isWell = async () => (await fetch(`${url}/healthz`)).ok;
  await until(() => isWell().catch(() => false), 'there is room');
});
