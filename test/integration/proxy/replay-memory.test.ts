import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startUpstream } from '../../support/http-upstream.js';
import { rawClient, type RawClient } from '../../support/raw-client.js';
import { startApp, until } from '../../support/running-app.js';

const KIB = 1024;
const BODY = 64 * KIB;
/** Bodies that there is room for. */
const ROOM = 16;
const UPLOADS = 48;

/** Which of them say how long they are; the others come in chunks, and take room as they come. */
const saysLength = (i: number) => i % 2 === 0;

function begin(client: RawClient, i: number): void {
  const framing = saysLength(i)
    ? `Content-Length: ${BODY}\r\n\r\n`
    : `Transfer-Encoding: chunked\r\n\r\n${BODY.toString(16)}\r\n`;
  client.write(`PUT /${i} HTTP/1.1\r\nHost: a\r\n${framing}${'x'.repeat(BODY / 2)}`);
}

function finish(client: RawClient, i: number): void {
  client.write('x'.repeat(BODY / 2) + (saysLength(i) ? '' : '\r\n0\r\n\r\n'));
}

test('bodies kept for retries never take more than replayMemory; the others are streamed once, which is counted', async (t) => {
  const failed = new Set<string>();
  const upstream = await startUpstream((response, { url, body }) => {
    const first = !failed.has(url);
    failed.add(url);
    response.statusCode = first ? 503 : 200;
    response.end(`${url} ${body.length};`);
  });
  t.after(() => upstream.close());
  const app = await startApp(
    t,
    `limits: { maxEventLoopDelay: off, replayMemory: ${ROOM * 64}KiB }
upstreams: { service: { url: "${upstream.origin}", circuitBreaker: false, retryBudget: { totalRatio: 1000%, failedRatio: 1000% } } }
routes: [{ name: all, match: {}, upstream: service, retry: { backoff: { base: 1ms }, maxBodySize: 64KiB } }]
`,
  );
  const held = () => app.metric('replay_memory_bytes');
  let [most, watching] = [0, true];
  const watch = (async () => {
    while (watching) {
      most = Math.max(most, await held());
      await sleep(5);
    }
  })();

  const all = Array.from({ length: UPLOADS }, () => rawClient(app.port));
  t.after(() => {
    for (const { socket } of all) socket.destroy();
  });
  all.forEach(begin);
  await until(async () => (await held()) > (ROOM - 1) * BODY, 'the memory is full');
  await until(async () => (await app.metric('in_flight_requests')) === UPLOADS, 'all are on their way');
  all.forEach(finish);
  const answers = await Promise.all(all.map((client) => client.until(/^HTTP\/1\.1 [^]*;$/)));
  const again = answers.filter((answer) => answer.startsWith('HTTP/1.1 200 ')).length;
  const once = answers.filter((answer) => answer.startsWith('HTTP/1.1 503 ')).length;
  assert.equal(again + once, UPLOADS);
  assert.ok(again > 0 && again <= ROOM * 2 && once > 0, `${again} were kept`);
  assert.ok(
    answers.every((answer, i) => answer.endsWith(`/${i} ${BODY};`)),
    'each body arrived whole',
  );
  assert.equal(
    await app.metric('retries_suppressed_total{route="all",upstream="service",reason="replay-memory"}'),
    once,
  );
  assert.equal(await held(), 0);

  const gone = Array.from({ length: UPLOADS }, () => rawClient(app.port));
  gone.forEach(begin);
  await until(async () => (await held()) > (ROOM - 1) * BODY, 'the memory is full again');
  for (const { socket } of gone) socket.destroy();
  await until(async () => (await held()) === 0, 'what apps have left holds nothing');
  watching = false;
  await watch;
  assert.ok(most > 0 && most <= ROOM * BODY, `${most} bytes were held`);
});
