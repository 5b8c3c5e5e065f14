import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { systemClock } from '../../../src/runtime/clock.js';
import type { Observed } from '../../../src/policy-tests/run-test.js';
import { findings, results } from '../../support/policy-suite.js';

const observed = (given: string, options?: Parameters<typeof results>[1]): Observed => {
  const [result] = results([`${given}, expect: { upstreamCalls: ">= 0" }`], options);
  return result?.observed ?? assert.fail('no result');
};

const timeline = (given: string) => {
  const [result] = results([`${given}, expect: { upstreamCalls: -1 }`.replace('-1', '99')]);
  return result?.observed.timeline.map(({ at, text }) => `${Math.round(at)} ${text}`);
};

describe('one call in virtual time', () => {
  test('has a timeline, attempt by attempt', () => {
    const policy = 'path: /x, method: PUT';
    const lines = timeline(
      `request: { ${policy} }, upstreams: { payments: [hang, reset, { status: 201, after: 40ms }] }`,
    );
    assert.equal(lines?.length, 7);
    assert.match(lines[0]!, /^0 PUT \/x \(route plain, upstream payments\)$/);
    assert.match(lines[1]!, /^0 attempt 1 to https:\/\/[ab]\.internal: timeout \(.*\) after 1s$/);
    assert.match(lines[2]!, /^1000 back-off of [\d.]+ms, then a retry because of timeout$/);
    assert.match(lines[3]!, /^1\d\d\d attempt 2 to .*: reset \(.*\) after 0ms$/);
    assert.match(lines[4]!, /^1\d\d\d back-off of [\d.]+ms, then a retry because of reset$/);
    assert.match(lines[5]!, /^1\d\d\d attempt 3 to .*: 201 after 40ms$/);
    assert.match(lines[6]!, /^1\d\d\d answered 201$/);
  });

  test('has the fallback and the error in its timeline', () => {
    const fallback = timeline('request: { method: POST, path: /pay/1 }, upstreams: { payments: [503] }');
    assert.deepEqual(fallback?.slice(-4), [
      '0 no retry: method',
      '0 fallback upstream because of 503: failure',
      '0 fallback response because of 503: success',
      '0 answered 200, by fallback response',
    ]);
    const refused = timeline('request: { path: /x/%2e%2e }');
    assert.match(refused?.at(-1) ?? '', /^0 answered 400 bad-request: /);
  });

  test('has injected faults in its timeline, with the attempts they spoil', () => {
    const policy = `
upstreams: { payments: { url: http://a } }
routes: [{ name: r, match: {}, upstream: payments, retry: { maxAttempts: 2, backoff: { jitter: none } }, faults: [{ percent: 100%, status: 503 }] }]`;
    const [result] = results(['request: {}, expect: { status: 200, upstreamCalls: 0 }'], { policy });
    assert.deepEqual(
      result?.observed.timeline.map(({ at, text }) => `${at} ${text}`),
      [
        '0 GET / (route r, upstream payments)',
        '0 injected fault: status',
        '0 attempt 1 to http://a: 503 after 0ms',
        '0 back-off of 100ms, then a retry because of 503',
        '100 injected fault: status',
        '100 attempt 2 to http://a: 503 after 0ms',
        '100 no retry: attempts',
        '100 answered 503',
      ],
    );
    assert.deepEqual(
      result.findings.map(({ key }) => key),
      ['status'],
    );
  });

  test('that never ends is said to', () => {
    const policy = `
upstreams: { payments: { url: http://a, healthCheck: { path: /h, interval: 1h } } }
routes: [{ name: r, match: {}, upstream: payments, timeout: false, attemptTimeout: false }]`;
    const given = 'request: { path: /x }, upstreams: { payments: [hang] }';
    assert.deepEqual(findings(`${given}, expect: { elapsed: "< 1s", status: 200 }`, { policy }), [
      'elapsed: expected < 1s, got never',
      'status: expected 200, got never',
    ]);
    assert.equal(observed(given, { policy }).inFlight, 1);
  });

  test('has answers by attempt of the call at that upstream, the last for ever', () => {
    const given = 'request: { method: POST, path: /pay/1 }, upstreams: { payments: [refuse], spare: [201, 500] }';
    assert.deepEqual(findings(`${given}, expect: { status: 201 }`), []);
  });

  test('keeps a body as the route does: one that is too large is sent once', () => {
    const body = 'x'.repeat(65 * 1024);
    const given = `request: { method: PUT, path: /x, body: "${body}" }, upstreams: { payments: [503, 200] }`;
    assert.deepEqual(findings(`${given}, expect: { status: 503, suppressed: body-too-large }`), []);
  });
});

describe('a load in virtual time', () => {
  test('comes evenly, or by chance at the same mean rate', () => {
    const load = (arrivals: string) => observed(`load: { rate: 200/s, for: 30s, arrivals: ${arrivals}, request: {} }`);
    assert.equal(load('regular').calls, 6_000);
    const { calls } = load('poisson');
    assert.notEqual(calls, 6_000);
    // Four standard deviations.
    assert.ok(Math.abs(calls - 6_000) < 4 * Math.sqrt(6_000), String(calls));
  });

  test('an answer list counts by attempt within each call', () => {
    const { upstreamCalls, successes } = observed(
      'load: { rate: 1/s, for: 1m, request: {} }, upstreams: { payments: [503, 200] }',
    );
    assert.deepEqual([upstreamCalls.get('payments'), successes], [120, 60]);
  });

  test('recovery is measured from the last change, and is 0 if nothing went wrong after it', () => {
    const load = 'load: { rate: 10/s, for: 20s, request: {} }';
    assert.equal(observed(`${load}, upstreams: { payments: { 5s: [429], 5500ms: [200] } }`).recoveryMs, 0);
    const late = observed(`${load}, upstreams: { payments: { 5s: [200], 10s: [404, 200], 11s: [hang] } }`);
    assert.ok((late.recoveryMs ?? 0) > 8_000, String(late.recoveryMs));
  });

  test('counts an answer of 500 or above as none, also where a fallback gave it', () => {
    const policy = `
upstreams: { payments: { url: http://a } }
routes: [{ name: r, match: {}, upstream: payments, fallback: { steps: [{ response: { status: 503 } }] } }]`;
    const given = 'load: { rate: 1/s, for: 10s, request: {} }, upstreams: { payments: { 5s: [500] } }';
    assert.deepEqual(findings(`${given}, expect: { success: 50%, successWithoutFallback: 50% }`, { policy }), []);
  });

  test('has health checks that see what a call would, count as no calls, and know a good status by themselves', () => {
    const policy = `
upstreams: { payments: { endpoints: [http://a, http://b], healthCheck: { path: /h, interval: 1s, unhealthyAfter: 1, expect: [204], panicThreshold: 0% } } }
routes: [{ name: r, match: {}, upstream: payments, retry: false }]`;
    const load = 'load: { rate: 10/s, for: 10s, request: {} }';
    assert.deepEqual(findings(`${load}, expect: { success: 100%, upstreamCalls: 100 }`, { policy }), []);
    const sick = `${load}, upstreams: { "http://a": { 2s: [hang] } }`;
    assert.deepEqual(findings(`${sick}, expect: { success: "> 80%" }`, { policy }), []);
  });

  test('ends when its last call has', () => {
    const { endedAt } = observed(
      'load: { rate: 1/s, for: 2s, request: {} }, upstreams: { payments: [{ status: 200, after: 900ms }] }',
    );
    assert.equal(endedAt, 1_900);
  });

  test('of an hour with one call a second takes seconds, through an outage of ten minutes', () => {
    const startedAt = systemClock.now();
    const seen = observed(
      'load: { rate: 1/s, for: 1h, request: {} }, upstreams: { payments: { 20m: [503], 30m: [200] } }',
    );
    assert.equal(seen.calls, 3_600);
    assert.ok(systemClock.now() - startedAt < 20_000);
  });
});

describe('the engine', () => {
  const answer = fc.constantFrom(
    '200',
    '404',
    '429',
    '500',
    '503',
    'reset',
    'refuse',
    'hang',
    '{ status: 200, after: 300ms }',
  );
  const answers = fc.array(answer, { minLength: 1, maxLength: 3 }).map((list) => `[${list.join(', ')}]`);
  const script = fc.tuple(answers, answers, answers).map(([a, b, c]) => `{ 0s: ${a}, 2s: ${b}, 4s: ${c} }`);
  const request = fc.constantFrom(
    '{ path: /x }',
    '{ method: POST, path: /pay/1, body: b }',
    '{ method: PUT, path: /y }',
  );
  const load = fc
    .tuple(fc.integer({ min: 1, max: 60 }), fc.constantFrom('regular', 'poisson'), request, script, script)
    .map(
      ([rate, arrivals, req, a, b]) =>
        `load: { rate: ${rate}/s, for: 6s, arrivals: ${arrivals}, request: ${req} }, upstreams: { payments: ${a}, spare: ${b} }`,
    );
  const seed = fc.integer({ min: 0, max: 4_294_967_295 });

  test('gives the same result for the same seed, and loses no call', () => {
    fc.assert(
      fc.property(load, seed, (given, chance) => {
        const first = observed(given, { seed: chance });
        assert.deepEqual(plain(observed(given, { seed: chance })), plain(first));
        assert.equal(first.calls, first.successes + first.failures + first.inFlight);
        // Every route here has a deadline.
        assert.equal(first.inFlight, 0);
        assert.ok(first.withoutFallback <= first.successes);
        const { slices, upstreamCalls } = first;
        assert.equal(
          slices.reduce((sum, { calls }) => sum + calls, 0),
          first.calls,
        );
        const attempts = [...upstreamCalls.values()].reduce((sum, count) => sum + count, 0);
        assert.equal(
          slices.reduce((sum, slice) => sum + slice.attempts, 0),
          attempts,
        );
        // Three attempts and one at the spare.
        assert.ok(attempts <= 4 * first.calls);
      }),
      { numRuns: 40 },
    );
  });

  test('gives other results for other seeds', () => {
    for (const arrivals of ['regular', 'poisson']) {
      const given = `load: { rate: 20/s, for: 6s, arrivals: ${arrivals}, request: {} }, upstreams: { payments: [503, 200] }`;
      assert.notDeepEqual(plain(observed(given, { seed: 1 })), plain(observed(given, { seed: 2 })));
    }
  });
});

/** All but the call, which holds what can't be compared. */
function plain({ watched, ...rest }: Observed): object {
  return { ...rest, answer: watched?.answer };
}
