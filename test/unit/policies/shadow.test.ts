import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createLine, type Line, type LineOptions, type LineRequest } from '../../support/line.js';
import type { Answer } from '../../support/scripted-upstream.js';

const shadowed = (line: Line) => line.of('shadow').map(({ policy, action }) => `${policy} ${action}`);

/** What the app and the upstream see of some calls, each begun 10 ms after the last. */
function traceOf(options: LineOptions, requests: readonly LineRequest[]): unknown {
  const line = createLine(options);
  const calls = requests.map((request) => {
    const call = line.call(request);
    line.advance(10);
    return call;
  });
  line.finish();
  return {
    app: calls.map(({ status, body, error, headAt, endedAt, attempts }) => [
      status,
      body,
      error?.code,
      headAt,
      endedAt,
      attempts,
    ]),
    upstream: line.seen().map(({ at, opts }) => [at, opts.method, opts.headers]),
  };
}

const MESS: readonly Answer[] = [
  503,
  { status: 200, after: 40, body: 'a' },
  'reset',
  { status: 429, headers: { 'retry-after': '1' } },
  'refuse',
  { status: 500, after: 30, body: 'b', bodyAfter: 20 },
  { status: 200, after: 5, body: 'c', breaks: true },
  'hang',
];

describe('in shadow mode the app and the upstream see what they would see without', () => {
  const OFF: LineOptions = {
    retry: false,
    circuitBreaker: false,
    concurrency: false,
    attemptTimeout: '300ms',
    endpoints: {
      a: (attempt) => MESS[(attempt - 1) % MESS.length] ?? 200,
      b: (attempt) => (attempt % 3 === 0 ? 503 : 200),
    },
  };
  const SHADOWS: Readonly<Record<string, LineOptions>> = {
    retry: { retry: { mode: 'shadow', backoff: { base: '0s' } } },
    circuitBreaker: { circuitBreaker: { mode: 'shadow', consecutiveFailures: 1, minimumCalls: 1, failureRate: '1%' } },
    concurrency: { concurrency: { mode: 'shadow', limit: 1 } },
    rateLimit: { rateLimit: { mode: 'shadow', requests: 1, per: '1h' } },
  };
  const requests: readonly LineRequest[] = Array.from({ length: 40 }, (_, i) => ({
    method: i % 4 === 0 ? 'POST' : 'GET',
  }));

  for (const [policy, shadow] of Object.entries(SHADOWS)) {
    test(`${policy}: the same answers at the same times, the same attempts`, () => {
      assert.deepEqual(traceOf({ ...OFF, ...shadow }, requests), traceOf(OFF, requests));
    });
  }

  test('all of them together', () => {
    const all = Object.assign({}, ...Object.values(SHADOWS)) as LineOptions;
    assert.deepEqual(traceOf({ ...OFF, ...all }, requests), traceOf(OFF, requests));
  });
});

describe('and it is told what would have happened', () => {
  test('retry: once for each call that would have been retried, with the reason where it would not', () => {
    const line = createLine({ retry: { mode: 'shadow' }, endpoints: { a: [503, 200, 503, 503] } });
    line.run();
    line.run();
    line.run({ method: 'POST' });
    line.run({ headers: { 'x-retry-attempt': '1' } });
    line.finish();
    assert.deepEqual(shadowed(line), ['retry would-retry']);
    assert.deepEqual(line.suppressed(), ['shadow', 'method', 'already-a-retry']);
    assert.deepEqual(line.of('retry'), []);
  });

  test('retry: the budget is asked and not used', () => {
    const budget = { minPerSecond: 0, failedRatio: '10%', totalRatio: '10%' };
    const line = createLine({
      retry: { mode: 'shadow' },
      retryBudget: budget,
      circuitBreaker: false,
      endpoints: { a: [503] },
    });
    for (let i = 0; i < 20; i++) line.run();
    line.finish();
    // From the tenth call on there would be one place; without retries it stays.
    assert.equal(shadowed(line).length, 11);
    assert.equal(line.suppressed().filter((reason) => reason === 'budget').length, 9);
  });

  test('retry: a body that would have been kept counts as kept, although none is', () => {
    const line = createLine({ retry: { mode: 'shadow', maxBodySize: '1KiB' }, endpoints: { a: [503] } });
    const put = (length: string | undefined) =>
      line.run({
        method: 'PUT',
        headers: length === undefined ? {} : { 'content-length': length },
        body: {
          state: 'consumed',
          notKept: 'body-too-large',
          complete: true,
          onComplete: (callback) => {
            callback();
            return () => undefined;
          },
          forAttempt: () => null,
          release: () => undefined,
        },
      });
    put('1024');
    put('1025');
    put(undefined);
    line.finish();
    assert.deepEqual(line.suppressed(), ['shadow', 'body-too-large', 'body-too-large']);
  });

  test('circuitBreaker: would open, would refuse', () => {
    const line = createLine({
      retry: false,
      circuitBreaker: { mode: 'shadow', consecutiveFailures: 3, probeShare: 0 },
      endpoints: { a: [503] },
    });
    for (let i = 0; i < 5; i++) assert.equal(line.run().status, 503);
    line.finish();
    assert.deepEqual(shadowed(line), [
      'circuitBreaker would-open',
      'circuitBreaker would-refuse',
      'circuitBreaker would-refuse',
    ]);
    assert.deepEqual(line.of('circuit-refusal'), []);
  });

  test('concurrency: would refuse those who would have found no place and no room in the queue', () => {
    const line = createLine({
      concurrency: { mode: 'shadow', limit: 2, queue: 1 },
      endpoints: { a: [{ status: 200, after: 100 }] },
    });
    for (let i = 0; i < 5; i++) line.call();
    line.finish();
    assert.equal(line.seen().length, 5);
    assert.deepEqual(shadowed(line), ['concurrency would-refuse', 'concurrency would-refuse']);
  });

  test('rateLimit: would refuse what is beyond the rate', () => {
    const line = createLine({ rateLimit: { mode: 'shadow', requests: 2, per: '1s' } });
    for (let i = 0; i < 5; i++) assert.equal(line.run().status, 200);
    line.finish();
    assert.deepEqual(shadowed(line), Array(3).fill('rateLimit would-refuse'));
    assert.deepEqual(line.of('rate-limited'), []);
  });
});
