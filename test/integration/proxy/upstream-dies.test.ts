/** A service that is killed in the middle of an answer, and one that is away for a while and comes back. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test, type TestContext } from 'node:test';
import { Child, compiled } from '../../support/child.js';
import { answeredOf, load } from '../../support/load.js';
import { freePort } from '../../support/proxy-process.js';
import { startApp, until } from '../../support/running-app.js';

/** A service in a process of its own, on a port that it can be started on again. */
async function startService(t: TestContext, port: number): Promise<Child> {
  const child = new Child(compiled('test/support/service-process'), [String(port)]);
  t.after(() => child.process.kill('SIGKILL'));
  await child.says(/listening/);
  return child;
}

function policy(port: number, route = '', upstream = ''): string {
  return `upstreams: { up: { url: "http://127.0.0.1:${port}"${upstream} } }
routes: [{ name: all, match: {}, upstream: up${route} }]`;
}

test('a service that is killed in the middle of its answers: each breaks visibly, none seems whole, and calls go on', async (t) => {
  const port = await freePort();
  let service = await startService(t, port);
  const app = await startApp(t, policy(port, '', ', circuitBreaker: false'));
  const begun: string[] = [];
  const ends = Array.from({ length: 50 }, async () => {
    const response = await fetch(`${app.url}/endless`);
    begun.push(String(response.status));
    return response.text().then(
      () => 'whole',
      () => 'broken',
    );
  });
  await until(() => begun.length === 50, 'all answers have begun');
  service.kill('SIGKILL');
  assert.deepEqual(new Set(await Promise.all(ends)), new Set(['broken']));
  const failed = 'requests_total{route="all",upstream="up",method="GET",code="200",outcome="failure"}';
  await until(async () => (await app.metric(failed)) === 50, 'each is counted as a failure');
  assert.equal(await app.metric('in_flight_requests'), 0);

  service = await startService(t, port);
  const { sent, answered } = await load(app.url, { calls: 200, concurrency: 10, path: '/' });
  assert.deepEqual([sent, answered.get(200)], [200, 200]);
});

test('a service that is killed while it is sent uploads: what may be sent again is, and arrives whole', async (t) => {
  const port = await freePort();
  const service = await startService(t, port);
  const app = await startApp(
    t,
    policy(
      port,
      ', retry: { maxAttempts: 20, backoff: { base: 100ms, strategy: fixed } }',
      ', circuitBreaker: false, retryBudget: false',
    ),
  );
  const bytes = Buffer.alloc(50_000, 'a');
  const digest = createHash('sha256').update(bytes).digest('hex');
  const calls = Array.from({ length: 20 }, () => fetch(`${app.url}/wait`, { method: 'PUT', body: bytes }));
  await until(async () => (await app.metric('concurrency_in_flight{upstream="up"}')) === 20, 'all are under way');
  service.kill('SIGKILL');
  await service.ended();
  await startService(t, port);
  for (const response of await Promise.all(calls))
    assert.deepEqual([response.status, await response.text()], [200, digest]);
});

test('a service that is away for two seconds under load: no call hangs or is lost, and all succeed once it is back', async (t) => {
  const port = await freePort();
  const service = await startService(t, port);
  const app = await startApp(
    t,
    policy(
      port,
      ', timeout: 2s, retry: { backoff: { base: 20ms } }',
      ', circuitBreaker: { openFor: 200ms, maxOpenFor: 400ms }',
    ),
  );
  let over = false;
  const during = load(app.url, { calls: 50_000, concurrency: 10, goOn: () => !over, pauseMs: 5 });
  const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  await wait(500);
  service.kill('SIGKILL');
  await service.ended();
  await wait(2_000);
  await startService(t, port);
  const state = (name: string) =>
    app.metric(`circuit_state{upstream="up",key="http://127.0.0.1:${port}",state="${name}"}`);
  await until(async () => (await state('closed')) === 1, 'the circuit has closed');
  over = true;
  const result = await during;

  assert.deepEqual(Object.fromEntries(result.failed), {}, 'each call has an answer');
  assert.equal(answeredOf(result), result.sent);
  assert.ok((result.answered.get(200) ?? 0) > 100, 'before and after');
  assert.ok((result.answered.get(503) ?? 0) > 100, 'the circuit answered meanwhile');
  assert.ok([...result.answered.keys()].every((status) => [200, 502, 503].includes(status)));
  assert.ok(result.slowestMs < 2_100, `${result.slowestMs} ms`);
  const after = await load(app.url, { calls: 500, concurrency: 10 });
  assert.deepEqual(Object.fromEntries(after.answered), { 200: 500 });
  t.diagnostic(`${result.sent} calls, ${JSON.stringify(Object.fromEntries(result.answered))}; afterwards 500 of 500`);
});
