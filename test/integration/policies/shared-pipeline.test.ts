import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { startUpstream } from '../../support/http-upstream.js';
import { startApp, until } from '../../support/running-app.js';

/** Two routes with the same policies, so that they share a pipeline, before a service that answers only by 503. */
async function two(t: TestContext, retryBudget: string, policies: string) {
  const up = await startUpstream((response) => response.writeHead(503).end());
  t.after(() => up.close());
  const app = await startApp(
    t,
    `upstreams: { up: { url: '${up.origin}', circuitBreaker: false, retryBudget: ${retryBudget} } }
defaults: { route: { retry: { backoff: { base: 1ms } }, ${policies} } }
routes:
  - { name: one, match: { path: /one }, upstream: up }
  - { name: other, match: { path: /other }, upstream: up }
`,
    { onLog: () => undefined },
  );
  const attempts = async (path: string) => {
    const response = await fetch(app.url + path);
    await response.arrayBuffer();
    return response.headers.get('x-outrigger-attempts');
  };
  return { app, attempts };
}

test('retries switched off for one of two routes that share a pipeline are still made for the other', async (t) => {
  const { app, attempts } = await two(t, 'false', 'timeout: 30s');
  for (const [route, expected] of [
    ['other', ['3', '1']],
    ['one', ['1', '1']],
  ] as const) {
    const off = JSON.stringify({ enabled: false, route });
    const headers = { 'content-type': 'application/json' };
    assert.equal((await fetch(`${app.admin}/api/retries`, { method: 'PUT', headers, body: off })).status, 200);
    assert.deepEqual([await attempts('/one'), await attempts('/other')], expected);
  }
});

test('routes that share a pipeline have budgets, series and lines of their own', async (t) => {
  const { app, attempts } = await two(
    t,
    "{ key: '{route}', minPerSecond: 0.2 }",
    'fallback: { on: [503], steps: [{ response: { status: 200 } }] }',
  );
  // Each budget holds two retries.
  assert.deepEqual([await attempts('/one'), await attempts('/one')], ['3', '1']);
  assert.deepEqual([await attempts('/other')], ['3']);
  for (const [route, calls] of [
    ['one', 2],
    ['other', 1],
  ] as const) {
    const labels = `route="${route}",upstream="up"`;
    assert.equal(await app.metric(`retries_total{${labels},reason="503"}`), 2);
    assert.equal(await app.metric(`requests_total{${labels},method="GET",code="200",outcome="fallback"}`), calls);
    assert.equal(
      await app.metric(`fallbacks_total{route="${route}",kind="response",cause="503",result="success"}`),
      calls,
    );
    const lines = () => app.logged().filter((line) => line.route === route);
    await until(() => lines().filter(({ msg }) => msg === 'call').length === calls, 'a line for each call');
    assert.equal(lines().filter(({ msg }) => msg === 'retrying').length, 2);
  }
});
