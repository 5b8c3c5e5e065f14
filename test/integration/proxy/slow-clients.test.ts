/** Many apps that send next to nothing (slowloris), or nothing any more: they are cut, told why and counted, others are served. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startStreamingUpstream } from '../../support/http-upstream.js';
import { exchange, rawClient, type RawClient } from '../../support/raw-client.js';
import { startApp, until, type RunningApp } from '../../support/running-app.js';

const CLIENTS = 150;

/** An upstream that answers when it has read the whole request, and notes whose ended before. */
async function start(t: TestContext, limits = '', route = '') {
  const halves = { open: 0, whole: 0, ended: 0 };
  const upstream = await startStreamingUpstream((request, response) => {
    halves.open++;
    request.resume();
    request.once('end', () => response.end('ok'));
    request.on('error', () => {});
    request.once('close', () => {
      halves.open--;
      if (request.complete) halves.whole++;
      else halves.ended++;
    });
  });
  t.after(() => upstream.close());
  const app = await startApp(
    t,
    `limits: { maxEventLoopDelay: off${limits} }
upstreams: { service: { url: "${upstream.origin}" } }
routes: [{ name: all, match: {}, upstream: service${route} }]
`,
  );
  return { upstream, app, halves };
}

function clients(t: TestContext, { port }: RunningApp): RawClient[] {
  const all = Array.from({ length: CLIENTS }, () => rawClient(port));
  t.after(() => {
    for (const { socket } of all) socket.destroy();
  });
  return all;
}

/** Makes calls, one after the other, until something is over; how many there were. All have to succeed. */
async function callUntil(over: Promise<unknown>, { port }: RunningApp): Promise<number> {
  let [calls, going] = [0, true];
  void over.then(() => (going = false));
  for (; going; calls++) {
    const answer = await exchange(port, 'GET /well HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    assert.match(answer, /^HTTP\/1\.1 200 /);
    await sleep(10);
  }
  return calls;
}

test('heads that come byte by byte are cut at headersTimeout, however steadily they come; others get their answers', async (t) => {
  const { upstream, app } = await start(t, ', headersTimeout: 1s');
  const slow = clients(t, app);
  const head = `GET /slow HTTP/1.1\r\nHost: a\r\nX-Padding: ${'x'.repeat(10_000)}`;
  let sent = 0;
  const drip = setInterval(() => {
    for (const { socket } of slow) if (socket.writable) socket.write(head[sent]!);
    sent++;
  }, 50);
  t.after(() => clearInterval(drip));
  const cut = Promise.all(slow.map((client) => client.until(/^HTTP\/1\.1 408 [^]*"code":"bad-request"/)));
  assert.ok((await callUntil(cut, app)) > 5);
  await cut;
  await until(async () => (await app.metric('connections')) === 0, 'none of the connections is kept');
  assert.equal(await app.metric('bad_requests_total{reason="head-stalled"}'), CLIENTS);
  assert.ok(upstream.seen.every(({ url }) => url === '/well'));
});

test('bodies that stop are cut at idleTimeout, and the upstream keeps no half of a call', async (t) => {
  const { app, halves } = await start(t, '', ', idleTimeout: 500ms');
  const slow = clients(t, app);
  slow.forEach((client, i) => {
    const body = [
      'Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n',
      'Content-Length: 1000000\r\n\r\nabc',
      'Content-Length: 10\r\n\r\nabc',
    ][i % 3];
    client.write(`POST / HTTP/1.1\r\nHost: a\r\n${body}`);
  });
  const cut = Promise.all(slow.map((client) => client.until(/^HTTP\/1\.1 408 [^]*"code":"bad-request"/)));
  const calls = await callUntil(cut, app);
  await cut;
  assert.ok(calls > 5);
  await until(() => halves.open === 0, 'nothing is open at the upstream');
  // Those of a known size that are kept were to be read first.
  assert.deepEqual(halves, { open: 0, whole: calls, ended: (CLIENTS / 3) * 2 });
  assert.equal(await app.metric('bad_requests_total{reason="body-stalled"}'), CLIENTS);
  assert.equal(await app.metric('timeouts_total{route="all",upstream="service",kind="idle"}'), CLIENTS);
  await until(async () => (await app.metric('in_flight_requests')) === 0, 'no call is in flight');
  assert.equal(await app.metric('replay_memory_bytes'), 0);
});
