import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { problemOf } from '../../../src/edge/problem.js';
import { RateLimitOptions, RateLimits } from '../../../src/policies/rate-limit.js';
import { createLine, type LineOptions } from '../../support/line.js';
import { fakeCall } from '../../support/policy-events.js';
import { VirtualClock } from '../../../src/simulation/virtual-clock.js';
import { withDefaults } from '../../../src/policies/rules/with-defaults.js';

/** The headers of the answer that tells the app of an error. */
function headersOf(error: Parameters<typeof problemOf>[0] | undefined): Readonly<Record<string, string>> {
  assert.ok(error);
  const { headers } = problemOf(error, { route: 'route', upstream: 'up', attempts: 0 });
  return Object.fromEntries(headers.flatMap((name, i) => (i % 2 === 0 ? [[name, headers[i + 1] ?? '']] : [])));
}

describe('the rate limit of calls', () => {
  const TWO_A_SECOND: LineOptions = { rateLimit: { requests: 2, per: '1s' } };

  test('lets a burst through, refuses what is beyond, and recovers with time', () => {
    const line = createLine(TWO_A_SECOND);
    assert.deepEqual(
      [1, 2, 3].map(() => line.run().status ?? 'refused'),
      [200, 200, 'refused'],
    );
    line.advance(500);
    assert.deepEqual([line.run().status, line.run().error?.code], [200, 'rate-limited']);
    line.finish();
  });

  test('a burst may be larger than the rate', () => {
    const line = createLine({ rateLimit: { requests: 1, per: '1s', burst: 5 } });
    assert.equal([...Array(10).keys()].filter(() => line.run().status === 200).length, 5);
    line.finish();
  });

  test('what is refused reaches nothing: no attempt, no place in the budget, no fallback, one end', () => {
    const line = createLine({ ...TWO_A_SECOND, fallback: { on: ['rate-limited', '5xx'] } });
    const calls = [line.run(), line.run(), line.run()];
    line.finish();
    assert.equal(calls[2]?.error?.code, 'rate-limited');
    assert.equal(calls[2].attempts, 0);
    assert.equal(line.seen().length, 2);
    assert.deepEqual(line.of('fallback'), []);
    assert.equal(line.of('rate-limited').length, 1);
  });

  test('says when to come again, in Retry-After and in the RateLimit fields of the IETF draft', () => {
    const line = createLine({ rateLimit: { requests: 6, per: '1m', burst: 1 } });
    line.run();
    line.advance(1_000);
    const headers = headersOf(line.run().error);
    assert.equal(headers['retry-after'], '9');
    assert.equal(headers.ratelimit, '"route";r=0;t=9');
    assert.equal(headers['ratelimit-policy'], '"route";q=6;w=60');
  });

  test('a window is told in whole seconds: a shorter or broken one is brought up', () => {
    const policy = (requests: number, per: string) => {
      const line = createLine({ rateLimit: { requests, per, burst: 1 } });
      line.run();
      return headersOf(line.run().error)['ratelimit-policy'];
    };
    assert.equal(policy(10, '250ms'), '"route";q=40;w=1');
    assert.equal(policy(3, '1s500ms'), '"route";q=4;w=2');
    assert.equal(policy(1000, '1h'), '"route";q=1000;w=3600');
  });

  test('retries and hedges of a call that passed take nothing', () => {
    const line = createLine({
      rateLimit: { requests: 1, per: '1s' },
      retry: { maxAttempts: 3 },
      endpoints: { a: [503, 503, 200] },
    });
    assert.deepEqual([line.run().status, line.seen().length], [200, 3]);
    line.finish();
  });

  test('each key has a bucket of its own', () => {
    const line = createLine({ rateLimit: { requests: 1, per: '1h', key: '{header:x-tenant}' } });
    const ask = (tenant: string) => line.run({ headers: { 'x-tenant': tenant } }).status ?? 'refused';
    assert.deepEqual(['a', 'a', 'b', 'b', 'a'].map(ask), [200, 'refused', 200, 'refused', 'refused']);
    assert.equal(line.run().status, 200, 'no header is a key too');
    line.finish();
  });

  test('keys are bounded: full buckets are forgotten, and no key gains by the others', () => {
    const clock = new VirtualClock();
    const limits = new RateLimits(withDefaults(RateLimitOptions, { requests: 1, per: '1s', key: '{header:k}' }), clock);
    const bucket = (key: string) => limits.for(fakeCall({ header: () => key }));
    for (let i = 0; i < 30_000; i++) {
      clock.advance(1);
      bucket(`key ${i}`).take(clock.now());
    }
    assert.equal(limits.size, 10_000);
    bucket('victim').take(clock.now());
    assert.ok(bucket('victim').take(clock.now()) > 0);
  });

  test('when no bucket may be forgotten, new keys share one, and who was refused stays refused', () => {
    const clock = new VirtualClock();
    const limits = new RateLimits(withDefaults(RateLimitOptions, { requests: 1, per: '1h', key: '{header:k}' }), clock);
    const waits = (key: string) => limits.for(fakeCall({ header: () => key })).take(clock.now()) > 0;
    waits('first');
    for (let i = 0; i < 12_000; i++) waits(`key ${i}`);
    assert.ok(limits.size <= 10_001);
    assert.equal(waits('first'), true);
  });
});

describe('the rate limit of attempts', () => {
  test('counts what is sent, retries included, and refuses what is beyond', () => {
    const line = createLine({
      attemptRateLimit: { requests: 2, per: '1m' },
      retry: { maxAttempts: 5, backoff: { base: '10ms' } },
      endpoints: { a: [{ status: 503, body: 'sorry' }] },
    });
    const call = line.run();
    line.finish();
    assert.deepEqual([call.status, call.body, call.attempts], [503, 'sorry', 2]);
    assert.deepEqual(line.suppressed(), ['rate-limited']);
    assert.equal(line.of('rate-limited').length, 1);
  });

  test('a refusal is never retried, and tells whose limit it was', () => {
    const line = createLine({ attemptRateLimit: { requests: 1, per: '10s' }, retry: { maxAttempts: 3 } });
    line.run();
    const call = line.run();
    line.finish();
    assert.deepEqual([call.error?.code, call.attempts], ['rate-limited', 0]);
    const headers = headersOf(call.error);
    assert.deepEqual([headers.ratelimit, headers['retry-after']], ['"upstream";r=0;t=10', '10']);
    assert.deepEqual(line.of('retry'), []);
  });

  test('it may be answered by a fallback, as any failure below one', () => {
    const line = createLine({
      attemptRateLimit: { requests: 1, per: '10s' },
      fallback: { on: ['rate-limited'], response: { body: 'instead' } },
    });
    line.run();
    assert.equal(line.run().body, 'instead');
    line.finish();
  });

  test('a refusal counts neither way at the circuit, and gives its permit and its place back', () => {
    const line = createLine({
      attemptRateLimit: { requests: 1, per: '1s', burst: 3 },
      circuitBreaker: { consecutiveFailures: 3, openFor: '100ms', halfOpenProbes: 1, probeShare: 0 },
      concurrency: { limit: 1 },
      retry: false,
      endpoints: { a: [503, 503, 503, 200] },
    });
    for (let i = 0; i < 3; i++) line.run();
    assert.equal(line.circuit().state, 'open');
    line.advance(200);
    // Half-open now, but there is no token for the only permit there is.
    assert.equal(line.run().error?.code, 'rate-limited');
    assert.equal(line.run().error?.code, 'rate-limited');
    assert.equal(line.circuit().state, 'half-open');
    line.advance(1_000);
    assert.equal(line.run().status, 200);
    line.finish();
  });

  test('what the circuit refuses takes no token', () => {
    const line = createLine({
      attemptRateLimit: { requests: 5, per: '1h' },
      circuitBreaker: { consecutiveFailures: 1, openFor: '1s', probeShare: 0, halfOpenProbes: 1 },
      retry: false,
      endpoints: { a: [503, 200] },
    });
    line.run();
    for (let i = 0; i < 50; i++) assert.equal(line.run().error?.code, 'circuit-open');
    line.advance(2_000);
    assert.equal(line.run().status, 200);
    line.finish();
  });

  test('a hedge without a token is just not made', () => {
    const line = createLine({
      attemptRateLimit: { requests: 1, per: '1m' },
      hedge: { delay: '50ms' },
      retry: false,
      endpoints: { a: [{ status: 200, after: 100 }] },
    });
    assert.equal(line.run().headAt, 100);
    line.finish();
    assert.deepEqual(line.of('hedge'), []);
  });
});
