/** The event stream over real sockets. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { test, type TestContext } from 'node:test';
import { MAX_STREAMS } from '../../../src/admin/event-stream.js';
import { EventFeed } from '../../../src/observability/event-feed.js';
import { systemClock } from '../../../src/runtime/clock.js';
import { adminWith } from '../../support/admin.js';
import { rawClient } from '../../support/raw-client.js';
import { until } from '../../support/running-app.js';

async function start(t: TestContext) {
  const feed = new EventFeed(systemClock);
  const admin = adminWith({ feed });
  const url = `http://${await admin.listen()}`;
  t.after(() => admin.close());
  const happen = (key: string) =>
    feed.record({ type: 'circuit', upstream: 'up', key, from: 'closed', to: 'open', reason: 'r', forMs: undefined });
  return { admin, feed, url, happen };
}

/** Opens a stream; what it says is gathered. */
async function listen(t: TestContext, url: string, headers: Record<string, string> = {}) {
  const asked = get(`${url}/api/events`, { headers, agent: false });
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  let said = '';
  response.setEncoding('utf8').on('data', (text: string) => (said += text));
  response.on('error', () => undefined);
  t.after(() => response.destroy());
  return { response, said: () => said };
}

test('events come as they happen, and a reader that was cut off gets what it missed', async (t) => {
  const { url, happen } = await start(t);
  const first = await listen(t, url);
  assert.equal(first.response.headers['content-type'], 'text/event-stream; charset=utf-8');
  happen('a');
  await until(() => first.said().includes('"key":"a"'), 'the first event');
  const lastId = /^id: (\S+)$/m.exec(first.said())?.[1];
  first.response.destroy();
  happen('b');
  const second = await listen(t, url, { 'last-event-id': lastId! });
  await until(() => second.said().includes('"key":"b"'), 'what was missed');
  assert.doesNotMatch(second.said(), /"key":"a"/);
});

test('there are so many streams at most, and a reader that leaves makes room', async (t) => {
  const { url } = await start(t);
  const readers = [];
  for (let i = 0; i < MAX_STREAMS; i++) readers.push(await listen(t, url));
  const refused = await fetch(`${url}/api/events`);
  assert.deepEqual([refused.status, refused.headers.get('retry-after')], [503, '5']);
  assert.equal(((await refused.json()) as { code: string }).code, 'too-many-streams');
  readers[0]!.response.destroy();
  await until(async () => {
    const response = await fetch(`${url}/api/events`);
    await response.body?.cancel();
    return response.status === 200;
  }, 'there is room again');
});

test('HEAD opens no stream', async (t) => {
  const { url } = await start(t);
  assert.equal((await fetch(`${url}/api/events`, { method: 'HEAD' })).status, 405);
});

test('what is no number of events is said to be none', async (t) => {
  const { url } = await start(t);
  for (const history of ['-1', 'all', '10000', '']) {
    const answer = await fetch(`${url}/api/events?history=${history}`);
    assert.equal(answer.status, 422);
    await answer.text();
  }
});

test('streams end when the server closes, and do not hold it up', async (t) => {
  const { admin, url } = await start(t);
  const { response } = await listen(t, url);
  const ended = once(response, 'close');
  await admin.close();
  await ended;
});

test('a reader that stops reading holds up neither events nor other readers', async (t) => {
  const { url, happen } = await start(t);
  const slow = rawClient(Number(new URL(url).port));
  t.after(() => slow.socket.destroy());
  slow.write('GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await slow.until('text/event-stream');
  slow.socket.pause();
  const quick = await listen(t, url);
  // Far more than the connection of the one that does not read can hold.
  for (let i = 0; i < 20_000; i++) happen('x'.repeat(2_000));
  happen('last');
  await until(() => quick.said().includes('"key":"last"'), 'the other reader has the last event');
});
