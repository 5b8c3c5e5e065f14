/** Endpoints where nobody listens: the connection is refused, so that nothing was sent. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { startUpstream } from '../../support/http-upstream.js';
import { load } from '../../support/load.js';
import { startApp, type RunningApp } from '../../support/running-app.js';

/** Ports of services that no machine has had for decades. */
const DEAD = ['http://127.0.0.1:1', 'http://127.0.0.1:2'] as const;

/** A window that a busy machine does not outlast, and six places to begin with. */
const FEW_PLACES = 'retryBudget: { window: 1m, minPerSecond: 0.1 }';

async function startProxy(t: TestContext, endpoints: readonly string[], more: string): Promise<RunningApp> {
  return startApp(
    t,
    `upstreams: { up: { endpoints: ${JSON.stringify(endpoints)}, loadBalancing: roundRobin${more} } }
routes: [{ name: all, match: {}, upstream: up }]`,
  );
}

function attemptsAt(app: RunningApp, endpoint: string, result = 'connect-failure'): Promise<number> {
  return app.metric(`attempts_total{route="all",upstream="up",endpoint="${endpoint}",result="${result}"}`);
}

test('one endpoint of two is dead when the proxy starts: all of 2,000 calls are answered, 100 at once', async (t) => {
  const service = await startUpstream();
  t.after(() => service.close());
  const app = await startProxy(t, [DEAD[0], service.origin], `, ${FEW_PLACES}`);
  const { answered, failed } = await load(app.url, { calls: 2_000, concurrency: 100 });
  assert.deepEqual([Object.fromEntries(answered), failed.size], [{ 200: 2_000 }, 0]);
  assert.equal(service.seen.length, 2_000, 'and none is sent twice');
  assert.ok((await attemptsAt(app, DEAD[0])) >= 15, 'some had to be made again');
  assert.equal(await app.metric('retry_budget_remaining{upstream="up"}'), 400, 'from which none took a place');
});

test('both are dead, and no circuit opens: retries add little more than the budget allows', async (t) => {
  const app = await startProxy(t, DEAD, `, ${FEW_PLACES}, circuitBreaker: false`);
  const { answered } = await load(app.url, { calls: 1_000, concurrency: 20 });
  assert.deepEqual(Object.fromEntries(answered), { 502: 1_000 });
  const attempts = (await attemptsAt(app, DEAD[0])) + (await attemptsAt(app, DEAD[1]));
  // A fifth, and what 20 calls had planned before they could be counted.
  assert.ok(attempts > 1_150 && attempts <= 1_000 + 200 + 2 * 20, `${attempts} attempts`);
});
