import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseConfig } from '../../../src/config/load.js';
import type { CallOptions } from '../../../src/policies/policy.js';
import type { AppCall } from '../../../src/simulation/app-call.js';
import { scriptedDispatch, type Answer } from '../../../src/simulation/scripted-upstream.js';
import { seededRandom } from '../../../src/simulation/seeded-random.js';
import { Sidecar, type AppRequest } from '../../../src/simulation/sidecar.js';
import { VirtualClock } from '../../../src/simulation/virtual-clock.js';

/** The sidecar of a policy file; `answer` says what its upstreams do. */
function sidecarOf(yaml: string, answer: (upstream: string, opts: CallOptions, origin: string) => Answer) {
  const clock = new VirtualClock();
  const seen: { readonly upstream: string; readonly opts: CallOptions }[] = [];
  const sidecar = new Sidecar({
    config: parseConfig(yaml, 'policy.yaml', { env: {} }),
    clock,
    random: seededRandom(1),
    dispatchTo: ({ name }, origin) =>
      scriptedDispatch(
        clock,
        (opts) => answer(name, opts, origin),
        ({ opts }) => seen.push({ upstream: name, opts }),
      ),
  });
  sidecar.start();
  const run = (request: Partial<AppRequest> = {}): AppCall => {
    const call = sidecar.call(sidecar.prepare({ method: 'GET', path: '/', headers: {}, ...request }), () => undefined);
    while (call.endedAt === undefined) assert.ok(clock.step(), 'the call never ends');
    return call;
  };
  return { clock, sidecar, seen, run };
}

const PLAIN = `
upstreams: { payments: { url: 'https://payments.internal' } }
routes:
  - name: charge
    match: { path: /pay/* }
    upstream: payments
    rewrite: { stripPrefix: /pay, addPrefix: /v2 }
    requestHeaders: { set: { x-api-key: k }, remove: [x-debug] }
    responseHeaders: { remove: [server] }
`;

describe('the sidecar without sockets', () => {
  test('sends a call on as the edge would, and answers as the edge would', () => {
    const answer = { status: 200, headers: { Server: 'x', 'Content-Type': 'text/plain' }, body: 'paid' };
    const { run, seen } = sidecarOf(PLAIN, () => answer);
    const call = run({ path: '/pay/1?x=1', headers: { 'x-debug': '1' } });
    assert.deepEqual(call.answer, {
      status: 200,
      headers: ['Content-Type', 'text/plain', 'x-outrigger-attempts', '1'],
      body: 'paid',
    });
    assert.equal(call.outcome, 'success');
    const { path, headers } = seen[0]!.opts;
    assert.equal(path, '/v2/1?x=1');
    const names = (headers as string[]).filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase());
    assert.deepEqual(names, ['x-api-key', 'via', 'x-forwarded-for', 'x-request-timeout-ms']);
  });

  test('retries in virtual time, and says what an unlucky app is told', () => {
    const { run, seen } = sidecarOf(PLAIN, () => 'refuse');
    const call = run({ method: 'POST', path: '/pay/1', body: 'x' });
    assert.equal(seen.length, 3);
    assert.equal(call.answer?.status, 502);
    assert.match(call.answer?.body ?? '', /"code":"connect-failure"/);
    assert.ok((call.endedAt ?? 0) > 0);
  });

  test('refuses what has no route, and malformed requests', () => {
    const { run, seen } = sidecarOf(PLAIN, () => 200);
    assert.equal(run({ path: '/other' }).answer?.status, 404);
    assert.equal(run({ path: '/other' }).outcome, 'refused');
    assert.equal(run({ path: '/pay/../x' }).answer?.status, 400);
    assert.equal(run({ path: '/pay/1', headers: { host: 'a b' } }).answer?.status, 400);
    assert.equal(seen.length, 0);
  });

  test('sends a body that is too large to be kept once, unless nothing of it was sent', () => {
    const body = 'x'.repeat(65 * 1024);
    const put = { method: 'PUT', path: '/pay/1', body };
    const cut = sidecarOf(PLAIN, () => 503);
    assert.equal(cut.run(put).call?.attempts, 1);
    const refused = sidecarOf(PLAIN, (_upstream, { call }) => (call?.attempts === 1 ? 'refuse' : 200));
    assert.equal(refused.run(put).call?.attempts, 2);
  });

  test('answers HEAD without a body, whoever answers', () => {
    const head = { method: 'HEAD', path: '/pay/1' };
    assert.equal(sidecarOf(PLAIN, () => ({ status: 200, body: 'paid' })).run(head).answer?.body, '');
    assert.equal(sidecarOf(PLAIN, () => 'refuse').run(head).answer?.body, '');
  });

  test('falls back to another upstream, with its own protection', () => {
    const file = `
upstreams:
  payments: { url: 'http://a' }
  elsewhere: { url: 'http://b' }
routes:
  - { name: r, match: {}, upstream: payments, retry: false, fallback: { steps: [{ upstream: elsewhere }] } }
`;
    const { run, seen } = sidecarOf(file, (upstream) => (upstream === 'payments' ? 503 : 200));
    const call = run();
    assert.deepEqual(
      seen.map(({ upstream }) => upstream),
      ['payments', 'elsewhere'],
    );
    assert.equal(call.outcome, 'fallback');
    assert.ok(call.answer?.headers.includes('x-outrigger-fallback'));
  });

  test('keeps calls away from an endpoint whose health checks fail', () => {
    const file = `
upstreams:
  up: { endpoints: ['http://a', 'http://b'], healthCheck: { path: /healthz, interval: 1s } }
routes: [{ name: r, match: {}, upstream: up }]
`;
    const asked: string[] = [];
    const { run, clock } = sidecarOf(file, (_upstream, opts, origin) => {
      if (opts.call === undefined) return origin === 'http://a' ? 503 : 200;
      asked.push(origin);
      return 200;
    });
    clock.advance(5_000);
    for (let i = 0; i < 10; i++) run();
    assert.deepEqual([...new Set(asked)], ['http://b']);
  });

  test('looks no names up', () => {
    sidecarOf(PLAIN, () => 200);
    assert.ok(!process.getActiveResourcesInfo().includes('GetAddrInfoReqWrap'));
  });

  test('is the same twice with the same seed, to the last event', () => {
    const trace = () => {
      const { run, clock } = sidecarOf(PLAIN, (_upstream, { call }) => (Number(call?.attempts) < 3 ? 503 : 200));
      return [1, 2, 3].map(() => [run({ path: '/pay/1' }).endedAt, clock.now()]);
    };
    assert.deepEqual(trace(), trace());
  });
});
