import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startUpstream, valuesOf, type Upstream } from '../../support/http-upstream.js';
import { startApp as startWholeApp, until, type RunningApp } from '../../support/running-app.js';

/** The whole proxy before the upstream `up` and one route for all; ends with the test. */
function startApp(t: TestContext, upstream: string, route: string, random = () => 0.5): Promise<RunningApp> {
  const text = [
    `upstreams: { up: { discovery: { dns: one }, ${upstream} } }`,
    `routes: [{ name: all, match: { path: /* }, upstream: up, ${route} }]`,
  ].join('\n');
  return startWholeApp(t, text, { random });
}

/** A call that ends, so that a proxy that never answers fails the test instead of holding it up. */
function get(url: string): Promise<Response> {
  return fetch(url, { signal: AbortSignal.timeout(5_000) });
}

async function upstreamOf(t: TestContext, answer: Parameters<typeof startUpstream>[0]): Promise<Upstream> {
  const upstream = await startUpstream(answer);
  t.after(() => upstream.close());
  return upstream;
}

test('a hedge beside an attempt that hangs answers the app, and the slow connection is closed', async (t) => {
  const cut: string[] = [];
  const slow = await upstreamOf(t, (response) => response.on('close', () => cut.push('slow')));
  const quick = await upstreamOf(t, (response) => response.end('quick'));
  const app = await startApp(
    t,
    `endpoints: [${slow.origin}, ${quick.origin}], loadBalancing: roundRobin`,
    'hedge: { delay: 30ms }',
  );
  const answer = await get(`${app.url}/`);
  assert.deepEqual(
    [answer.status, await answer.text(), answer.headers.get('x-outrigger-attempts')],
    [200, 'quick', '2'],
  );
  await until(() => cut.length === 1, 'the loser is cut off');
  assert.deepEqual(valuesOf(slow.seen[0] ?? assert.fail(), 'x-retry-attempt'), []);
  assert.deepEqual(valuesOf(quick.seen[0] ?? assert.fail(), 'x-retry-attempt'), ['1']);
  assert.equal(await app.metric('hedges_total{route="all",result="won"}'), 1);
  assert.equal(await app.metric('concurrency_in_flight{upstream="up"}'), 0);
});

test('a hedge and its attempt both bad, then a retry: the app gets the good answer of the third', async (t) => {
  let asked = 0;
  const upstream = await upstreamOf(t, (response) => {
    const attempt = ++asked;
    setTimeout(
      () => {
        response.statusCode = attempt < 3 ? 503 : 200;
        response.end(`answer ${attempt}`);
      },
      attempt === 1 ? 80 : 5,
    );
  });
  const app = await startApp(
    t,
    `url: ${upstream.origin}`,
    'hedge: { delay: 30ms }, retry: { backoff: { base: 10ms } }',
  );
  const answer = await get(`${app.url}/`);
  assert.deepEqual([answer.status, await answer.text()], [200, 'answer 3']);
  assert.equal(await app.metric('hedges_total{route="all",result="failed"}'), 1);
  assert.equal(await app.metric('retries_total{route="all",upstream="up",reason="503"}'), 1);
});

test('beyond a rate limit: 429 as problem+json with Retry-After and RateLimit fields, and nothing reaches the upstream', async (t) => {
  const upstream = await upstreamOf(t, (response) => response.end('ok'));
  const app = await startApp(t, `url: ${upstream.origin}`, 'rateLimit: { requests: 2, per: 1h }');
  const statuses = [];
  for (let i = 0; i < 2; i++) statuses.push((await get(`${app.url}/`)).status);
  const refused = await get(`${app.url}/`);
  assert.deepEqual([...statuses, refused.status], [200, 200, 429]);
  assert.equal(refused.headers.get('ratelimit-policy'), '"route";q=2;w=3600');
  assert.match(refused.headers.get('ratelimit') ?? '', /^"route";r=0;t=1[78]\d\d$/);
  assert.equal(refused.headers.get('retry-after'), /t=(\d+)/.exec(refused.headers.get('ratelimit') ?? '')?.[1]);
  assert.equal(((await refused.json()) as { code: string }).code, 'rate-limited');
  assert.equal(upstream.seen.length, 2);
  assert.equal(await app.metric('rate_limited_total{route="all"}'), 1);
});

test("an upstream's rate limit counts retries as the upstream does", async (t) => {
  const upstream = await upstreamOf(t, (response) => {
    response.statusCode = 503;
    response.end('busy');
  });
  const app = await startApp(
    t,
    `url: ${upstream.origin}, rateLimit: { requests: 2, per: 1h }`,
    'retry: { maxAttempts: 5, backoff: { base: 1ms } }',
  );
  const first = await get(`${app.url}/`);
  assert.deepEqual([first.status, await first.text(), upstream.seen.length], [503, 'busy', 2]);
  const second = await get(`${app.url}/`);
  assert.equal(second.status, 429);
  assert.match(second.headers.get('ratelimit') ?? '', /^"upstream";r=0;/);
  assert.equal(upstream.seen.length, 2);
});

test('injected faults are retried like the real thing, and seen on /metrics', async (t) => {
  const upstream = await upstreamOf(t, (response) => response.end('ok'));
  // The first attempt's draw, its jitter, and the second's draw.
  const draws = [0.005, 0.5, 0.9];
  const app = await startApp(
    t,
    `url: ${upstream.origin}`,
    'faults: [{ percent: 1%, status: 503 }], retry: { backoff: { base: 1ms } }',
    () => draws.shift() ?? 0.9,
  );
  const answer = await get(`${app.url}/`);
  assert.deepEqual([answer.status, answer.headers.get('x-outrigger-attempts')], [200, '2']);
  assert.equal(upstream.seen.length, 1);
  assert.equal(await app.metric('faults_injected_total{route="all",kind="status"}'), 1);
});

test('an injected status reaches the app as a problem document, a delay is cut by the attempt timeout', async (t) => {
  const upstream = await upstreamOf(t, (response) => response.end('ok'));
  const app = await startApp(
    t,
    `url: ${upstream.origin}`,
    'retry: false, attemptTimeout: 50ms, faults: [{ percent: 50%, delay: 10s }, { percent: 100%, status: 418 }]',
    () => 0.4,
  );
  const timedOut = await get(`${app.url}/`);
  assert.equal(timedOut.status, 504);
  const answering = await startApp(
    t,
    `url: ${upstream.origin}`,
    'retry: false, faults: [{ percent: 50%, delay: 10s }, { percent: 100%, status: 418 }]',
    () => 0.6,
  );
  const answer = await get(`${answering.url}/x`);
  assert.equal(answer.status, 418);
  assert.equal(answer.headers.get('content-type'), 'application/problem+json');
  assert.equal(((await answer.json()) as { code: string }).code, 'fault');
  assert.equal(upstream.seen.length, 0);
});

test('an adaptive limit moves while it is in use, shows on /metrics, and refuses what is beyond', async (t) => {
  let release = () => {};
  const released = new Promise<void>((resolve) => (release = resolve));
  const upstream = await upstreamOf(t, (response) => {
    void released.then(() => sleep(10)).then(() => response.end('ok'));
  });
  const app = await startApp(t, `url: ${upstream.origin}, concurrency: { limit: adaptive }`, 'retry: false');
  const limit = () => app.metric('concurrency_limit{upstream="up"}');
  assert.equal(await limit(), 20);
  const call = async () => {
    const answer = await get(`${app.url}/`);
    await answer.arrayBuffer();
    return answer.status;
  };
  const first = Array.from({ length: 30 }, call);
  // Those that are refused are answered while the others wait.
  let refused = 0;
  await new Promise<void>((resolve) => {
    for (const status of first) void status.then(() => ++refused === 10 && resolve());
  });
  release();
  const statuses = await Promise.all(first);
  assert.deepEqual(
    [200, 503].map((status) => statuses.filter((one) => one === status).length),
    [20, 10],
  );
  let moved = false;
  const caller = async () => {
    while (!moved) {
      await call();
      moved ||= (await limit()) !== 20;
    }
  };
  await Promise.all(Array.from({ length: 20 }, caller));
  assert.equal(await app.metric('concurrency_in_flight{upstream="up"}'), 0);
});
