import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { createLine, type Line } from '../../support/line.js';
import { seededRandom } from '../../../src/simulation/seeded-random.js';
import type { Answer } from '../../support/scripted-upstream.js';

const delays = fc.constantFrom(0, 1, 10, 50, 51, 120, 300);
const answers: fc.Arbitrary<Answer> = fc.oneof(
  fc.constantFrom<Answer>('reset', 'refuse', 'hang', 'no-connection'),
  fc.record({
    status: fc.constantFrom(200, 200, 200, 404, 429, 500, 503),
    after: delays,
    body: fc.constantFrom('', 'short', 'x'.repeat(70_000)),
    bodyAfter: delays,
    breaks: fc.boolean(),
  }),
);

const calls = fc.record({
  method: fc.constantFrom('GET', 'GET', 'POST', 'PUT'),
  pauseMs: delays,
  leavesAfterMs: fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, fc.integer({ min: 0, max: 400 })),
});

const options = fc.record({
  hedge: fc.record({
    delay: fc.constantFrom('0s', '10ms', '50ms'),
    max: fc.integer({ min: 1, max: 3 }),
    methods: fc.constant(['GET', 'PUT']),
  }),
  retry: fc.oneof(
    fc.constant<false>(false),
    fc.record({ maxAttempts: fc.integer({ min: 1, max: 4 }), backoff: fc.constant({ base: '20ms' }) }),
  ),
  retryBudget: fc.constantFrom({ minPerSecond: 1 }, { minPerSecond: 100 }, { minPerSecond: 0, failedRatio: '50%' }),
  circuitBreaker: fc.constantFrom<false | { consecutiveFailures: number; openFor: string }>(false, {
    consecutiveFailures: 3,
    openFor: '100ms',
  }),
  concurrency: fc.constantFrom<{ limit: number | 'adaptive'; queue: number; mode?: 'shadow' }>(
    { limit: 2, queue: 2 },
    { limit: 100, queue: 0 },
    { limit: 'adaptive', queue: 1 },
    { limit: 1, queue: 0, mode: 'shadow' },
  ),
  attemptTimeout: fc.constantFrom('100ms', '200ms'),
  timeout: fc.constantFrom('150ms', '1s'),
  seed: fc.integer(),
});

describe('hedge × retry × budget × circuit × places × limits × faults × fallback', () => {
  test('whatever happens, each call ends once, nothing runs on, and every place is given back', () => {
    const scripts = fc.array(fc.array(answers, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(
        options,
        scripts,
        fc.array(calls, { minLength: 1, maxLength: 12 }),
        fc.boolean(),
        fc.boolean(),
        (given, endpoints, made, limited, faulty) => {
          const { seed, ...policies } = given;
          const line = createLine({
            ...policies,
            random: seededRandom(seed),
            fallback: { on: ['deadline', 'rate-limited', '500'], response: { body: 'instead' } },
            ...(limited ? { attemptRateLimit: { requests: 5, per: '100ms' }, rateLimit: { requests: 100 } } : {}),
            ...(faulty
              ? {
                  faults: [
                    { percent: '20%', delay: '60ms' },
                    { percent: '10%', status: 503 },
                    { percent: '10%', abort: 'refuse' },
                  ],
                }
              : {}),
            endpoints: Object.fromEntries(endpoints.map((script, i) => [`e${i}`, script])),
          });
          for (const { method, pauseMs, leavesAfterMs } of made) {
            const call = line.call({ method });
            if (leavesAfterMs !== undefined) line.clock.setTimer(leavesAfterMs, () => call.ends === 0 && call.leave());
            line.advance(pauseMs);
          }
          // Answers that were not wanted may be read to their ends.
          line.advance(20_000);
          line.finish();
          checkEvents(line, made.length);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  test('in an outage hedges and retries together keep to the budget', () => {
    const line = createLine({
      hedge: { delay: '10ms', max: 2 },
      retry: { maxAttempts: 5, backoff: { base: '10ms' } },
      retryBudget: { minPerSecond: 1 },
      circuitBreaker: false,
      attemptTimeout: '100ms',
      endpoints: { a: () => ({ status: 503, after: 30 }) },
    });
    for (let i = 0; i < 2_000; i++) {
      line.call();
      line.advance(10);
    }
    line.finish();
    // 20 s: a fifth of the calls, and no more than the floor of 10 at the start of each window.
    const extra = line.seen().length - 2_000;
    assert.ok(extra <= 0.2 * 2_000 + 20, `${extra} extra attempts`);
    assert.ok(extra > 300 && line.of('hedge').length > 0 && line.of('retry').length > 0, 'both had their share');
  });

  test('in a full outage the circuit ends hedges too', () => {
    const line = createLine({
      hedge: { delay: '10ms' },
      retry: { maxAttempts: 3 },
      endpoints: { a: ['hang'], b: ['hang'] },
      attemptTimeout: '100ms',
      random: seededRandom(3),
    });
    for (let i = 0; i < 6_000; i++) {
      line.call();
      line.advance(5);
    }
    line.finish();
    const late = line.seen().filter((seen) => seen.at > 10_000).length;
    assert.ok(late <= 0.15 * 4_000, `${late} attempts for 4000 calls`);
  });
});

/** What is told must add up. */
function checkEvents(line: Line, calls: number): void {
  const attempts = line.of('attempt');
  const made = attempts.length;
  const hedged = attempts.filter(({ attempt }) => attempt.hedge).length;
  // A hedge that was refused here is not told of; each one that was made is, once.
  assert.equal(line.of('hedge').length, hedged, 'each hedge that was made has one result');
  const firstAttempts = attempts.filter(({ attempt }) => !attempt.hedge && attempt.number === 1).length;
  assert.ok(firstAttempts <= calls);
  assert.ok(made >= line.seen().length, 'nothing reaches an upstream uncounted');
  const permits = line.upstream.circuits?.view() ?? [];
  for (const { calls: counted } of permits) assert.ok(counted <= made);
}
