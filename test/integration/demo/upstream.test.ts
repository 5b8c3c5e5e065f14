import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { request } from 'undici';
import WebSocket from 'ws';
import { startDemoUpstream, type DemoUpstream } from '../../../src/demo/upstream.js';
import { scriptedRandom } from '../../support/scripted-random.js';
import { VirtualClock } from '../../../src/simulation/virtual-clock.js';

async function start(t: TestContext, draws: readonly number[] = [], port = 0) {
  const clock = new VirtualClock();
  let drawn = 0;
  const script = scriptedRandom(...draws);
  const random = (): number => {
    drawn++;
    return script();
  };
  const upstream = await startDemoUpstream({ host: '127.0.0.1', port, clock, random });
  t.after(() => upstream.close());
  return { clock, upstream, drawn: () => drawn };
}

async function statusOf(upstream: DemoUpstream, path: string, method: 'GET' | 'POST' = 'GET'): Promise<number> {
  const { statusCode, body } = await request(`${upstream.url}${path}`, { method, headersTimeout: 10_000 });
  await body.dump();
  return statusCode;
}

test('flaky answers 503, resets, hangs or is fine, as chance says', async (t) => {
  const { upstream, drawn } = await start(t, [0.29, 0.39, 0.44, 0.45]);
  assert.equal(await statusOf(upstream, '/flaky'), 503);
  await assert.rejects(statusOf(upstream, '/flaky'), { code: 'ECONNRESET' });
  const hanging = statusOf(upstream, '/flaky');
  while (drawn() < 3) await statusOf(upstream, '/ok');
  assert.equal(await statusOf(upstream, '/flaky'), 200);
  await Promise.all([upstream.close(), assert.rejects(hanging)]);
});

test('retry-after asks twice for a second, then answers', async (t) => {
  const { upstream } = await start(t);
  const seen = [];
  for (let i = 0; i < 4; i++) {
    const { statusCode, headers, body } = await request(`${upstream.url}/retry-after`);
    await body.dump();
    seen.push([statusCode, headers['retry-after']]);
  }
  assert.deepEqual(seen, [
    [503, '1'],
    [503, '1'],
    [200, undefined],
    [503, '1'],
  ]);
});

test('an outage takes every path down until its time is over, or until it is ended', async (t) => {
  const { clock, upstream } = await start(t);
  assert.equal(await statusOf(upstream, '/_/down?for=20s', 'POST'), 200);
  assert.equal(await statusOf(upstream, '/ok'), 503);
  assert.equal(await statusOf(upstream, '/'), 503);
  clock.advance(19_999);
  assert.equal(await statusOf(upstream, '/ok'), 503);
  clock.advance(1);
  assert.equal(await statusOf(upstream, '/ok'), 200);
  await statusOf(upstream, '/_/down', 'POST');
  assert.equal(await statusOf(upstream, '/ok'), 503);
  await statusOf(upstream, '/_/up', 'POST');
  assert.equal(await statusOf(upstream, '/ok'), 200);
});

test('an outage may refuse connections, and the same port listens again afterwards', async (t) => {
  const { clock, upstream } = await start(t);
  await statusOf(upstream, '/_/down?for=5s&how=refuse', 'POST');
  // The answer may arrive a moment before the port is closed.
  let error: unknown;
  for (let i = 0; i < 100 && error === undefined; i++)
    await statusOf(upstream, '/ok').catch((e: unknown) => (error = e));
  await assert.rejects(statusOf(upstream, '/ok'), { code: 'ECONNREFUSED' });
  clock.advance(5_000);
  let status = 0;
  for (let i = 0; i < 100 && status === 0; i++) status = await statusOf(upstream, '/ok').catch(() => 0);
  assert.equal(status, 200);
});

test('bad parameters and unknown paths are told', async (t) => {
  const { upstream } = await start(t);
  assert.equal(await statusOf(upstream, '/_/down?for=20', 'POST'), 400);
  assert.equal(await statusOf(upstream, '/_/down?how=softly', 'POST'), 400);
  assert.equal(await statusOf(upstream, '/_/down'), 405);
  assert.equal(await statusOf(upstream, '/_/sideways', 'POST'), 404);
  assert.equal(await statusOf(upstream, '/slow?ms=soon'), 400);
  assert.equal(await statusOf(upstream, '/big?mb=-1'), 400);
  assert.equal(await statusOf(upstream, '/nowhere'), 404);
});

test('slow answers when its time has come', async (t) => {
  const { clock, upstream } = await start(t);
  let status = 0;
  const slow = statusOf(upstream, '/slow?ms=3000').then((s) => (status = s));
  // A later answer on another connection: by then the slow request has arrived, too.
  while (clock.pending === 0) await statusOf(upstream, '/ok');
  clock.advance(2_999);
  await statusOf(upstream, '/ok');
  assert.equal(status, 0);
  clock.advance(1);
  assert.equal(await slow, 200);
});

test('echo tells method, path, headers and the digest of the body', async (t) => {
  const { upstream } = await start(t);
  const bytes = Buffer.alloc(100_000, 7);
  const { body } = await request(`${upstream.url}/echo/7?a=1&a=2`, {
    method: 'PUT',
    headers: { 'x-retry-attempt': '1' },
    body: bytes,
  });
  const seen = (await body.json()) as { method: string; url: string; headers: Record<string, string>; body: unknown };
  assert.equal(seen.method, 'PUT');
  assert.equal(seen.url, '/echo/7?a=1&a=2');
  assert.equal(seen.headers['x-retry-attempt'], '1');
  assert.deepEqual(seen.body, { length: 100_000, sha256: createHash('sha256').update(bytes).digest('hex') });
});

test('sse sends an event a second', async (t) => {
  const { clock, upstream } = await start(t);
  const { headers, body } = await request(`${upstream.url}/sse`);
  assert.equal(headers['content-type'], 'text/event-stream');
  const events = body[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  clock.advance(0);
  assert.match(String((await events.next()).value), /^id: 1\n/);
  clock.advance(1_000);
  assert.match(String((await events.next()).value), /^id: 2\n/);
});

test('big sends as many megabytes as asked for', async (t) => {
  const { upstream } = await start(t);
  const { body } = await request(`${upstream.url}/big?mb=2.5`);
  assert.equal((await body.arrayBuffer()).byteLength, 2_500_000);
});

test('reset, cut and garbage fail as they say', async (t) => {
  const { upstream } = await start(t);
  await assert.rejects(statusOf(upstream, '/reset'), { code: 'ECONNRESET' });
  await assert.rejects(statusOf(upstream, '/garbage'), /Expected|Invalid|Response/i);
  const { statusCode, body } = await request(`${upstream.url}/cut`);
  assert.equal(statusCode, 200);
  await assert.rejects(body.text());
});

test('a WebSocket says everything back, whatever its size', async (t) => {
  const { upstream } = await start(t);
  const socket = new WebSocket(`${upstream.url.replace('http', 'ws')}/ws`, 'chat');
  t.after(() => socket.terminate());
  await once(socket, 'open');
  assert.equal(socket.protocol, 'chat');
  for (const size of [0, 125, 126, 65_535, 65_536, 300_000]) {
    const sent = Buffer.alloc(size, size % 251);
    socket.send(sent);
    const [received] = (await once(socket, 'message')) as [Buffer];
    assert.ok(received.equals(sent), `${size} bytes`);
  }
  socket.ping('hi');
  assert.equal(String(((await once(socket, 'pong')) as [Buffer])[0]), 'hi');
  socket.close(1001);
  assert.deepEqual((await once(socket, 'close'))[0], 1001);
});

test('a WebSocket elsewhere, or during an outage, is refused', async (t) => {
  const { upstream } = await start(t);
  const base = upstream.url.replace('http', 'ws');
  const refused = async (path: string): Promise<number | undefined> => {
    const socket = new WebSocket(`${base}${path}`);
    socket.on('error', () => undefined);
    const [, res] = (await once(socket, 'unexpected-response')) as [unknown, { statusCode?: number }];
    socket.terminate();
    return res.statusCode;
  };
  assert.equal(await refused('/ok'), 400);
  await statusOf(upstream, '/_/down', 'POST');
  assert.equal(await refused('/ws'), 503);
});

test('a port in use is passed by for a free one', async (t) => {
  const holder = createServer().listen(0, '127.0.0.1');
  await once(holder, 'listening');
  t.after(() => holder.close());
  const { port } = holder.address() as AddressInfo;
  const { upstream } = await start(t, [], port);
  assert.notEqual(upstream.port, port);
  assert.equal(await statusOf(upstream, '/ok'), 200);
});
