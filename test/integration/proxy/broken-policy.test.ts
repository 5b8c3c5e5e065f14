/** A bug in a policy costs the calls that meet it and nothing else. The bug here: chance throws, where a policy draws. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { startUpstream } from '../../support/http-upstream.js';
import { rawClient } from '../../support/raw-client.js';
import { startApp, until } from '../../support/running-app.js';

const LABELS = '{route="all",upstream="up"}';

/** The proxy with a chance that throws while `broken` says so, in front of an upstream that answers each first attempt 503. */
async function startBroken(t: TestContext, more = '') {
  const state = { broken: false };
  const lines: Readonly<Record<string, unknown>>[] = [];
  const upstream = await startUpstream((response, { rawHeaders }) => {
    response.writeHead(rawHeaders.includes('x-retry-attempt') ? 200 : 503).end();
  });
  t.after(() => upstream.close());
  const app = await startApp(
    t,
    `upstreams: { up: { url: "${upstream.origin}", concurrency: { limit: 4 }, circuitBreaker: false${more} } }
routes: [{ name: all, match: {}, upstream: up, retry: { backoff: { base: 1ms } } }]`,
    {
      random: () => {
        if (state.broken) throw new TypeError('the secret of the bug');
        return 0.5;
      },
      onLog: (line) => lines.push(line),
    },
  );
  return { app, state, lines, upstream };
}

test('calls that meet a bug get 502 internal, are logged with its stack and counted, and hold nothing any more', async (t) => {
  const { app, state, lines } = await startBroken(t);
  state.broken = true;
  // More than there are places, one after the other and at once, with a body that is kept and without.
  const calls = Array.from({ length: 12 }, (_, i) =>
    fetch(app.url, i % 2 === 0 ? {} : { method: 'PUT', body: 'x'.repeat(10_000) }),
  );
  const answers = await Promise.all(calls);
  for (const response of answers) {
    assert.equal(response.status, 502);
    assert.equal(response.headers.get('proxy-status'), 'outrigger; error=proxy_internal_error');
    const problem = (await response.json()) as Record<string, unknown>;
    assert.deepEqual([problem.code, problem.detail, problem.attempts], ['internal', 'The proxy failed.', 1]);
  }
  await until(async () => (await app.metric('in_flight_requests')) === 0, 'all calls have ended');
  assert.equal(await app.metric(`internal_errors_total${LABELS}`), 12);
  assert.equal(await app.metric('concurrency_in_flight{upstream="up"}'), 0);
  assert.equal(await app.metric('replay_memory_bytes'), 0);
  const logged = lines.filter(({ level }) => level === 'error');
  assert.equal(logged.length, 12);
  assert.match(JSON.stringify(logged[0]), /"error":"internal".*TypeError: the secret of the bug.*retry-decision/);

  state.broken = false;
  for (let i = 0; i < 12; i++) assert.equal((await fetch(app.url)).status, 200);
  assert.equal(await app.metric(`internal_errors_total${LABELS}`), 12);
});

test('a WebSocket handshake that meets a bug gets 502 too', async (t) => {
  const { app, state, upstream } = await startBroken(t, ', loadBalancing: random');
  const client = rawClient(app.port);
  state.broken = true;
  client.write(
    'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n',
  );
  client.write('Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n');
  assert.match((await client.ended()).received, /^HTTP\/1\.1 502 [^]*"code":"internal"/);
  await until(async () => (await app.metric('in_flight_requests')) === 0, 'the call has ended');
  assert.equal(upstream.seen.length, 0);
});
