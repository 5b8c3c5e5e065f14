import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { backoffDelay, longestDelay, type BackoffRules } from '../../../../src/policies/rules/backoff.js';

const RULES: BackoffRules = {
  strategy: 'exponential',
  baseMs: 100,
  factor: 2,
  maxMs: 5_000,
  jitter: 'none',
  delaysMs: [10, 20, 30],
};

const anyRules = fc.record({
  strategy: fc.constantFrom('fixed' as const, 'linear' as const, 'exponential' as const, 'sequence' as const),
  baseMs: fc.oneof(fc.constant(0), fc.nat(10_000)),
  factor: fc.double({ min: 1, max: 100, noNaN: true }),
  maxMs: fc.nat(1_000_000),
  jitter: fc.constantFrom('none' as const, 'full' as const, 'equal' as const),
  delaysMs: fc.array(fc.nat(10_000), { minLength: 1, maxLength: 5 }),
});

const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const attempt = fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }));

describe('back-off', () => {
  test('fixed waits the same each time, whatever max says', () => {
    const fixed = { ...RULES, strategy: 'fixed', baseMs: 9_000 } as const;
    assert.deepEqual(
      [1, 2, 50].map((n) => backoffDelay(fixed, n, undefined, () => 0)),
      [9_000, 9_000, 9_000],
    );
  });

  test('linear grows by base up to max', () => {
    const linear = { ...RULES, strategy: 'linear', maxMs: 250 } as const;
    assert.deepEqual(
      [1, 2, 3, 4].map((n) => backoffDelay(linear, n, undefined, () => 0)),
      [100, 200, 250, 250],
    );
  });

  test('a sequence repeats its last', () => {
    const sequence = { ...RULES, strategy: 'sequence' } as const;
    assert.deepEqual(
      [1, 2, 3, 4, 1_000].map((n) => backoffDelay(sequence, n, undefined, () => 0)),
      [10, 20, 30, 30, 30],
    );
  });

  test('full lies between nothing and the wait, equal between half of it and all', () => {
    fc.assert(
      fc.property(anyRules, attempt, chance, (rules, n, drawn) => {
        const wait = backoffDelay({ ...rules, jitter: 'none' }, n, undefined, () => drawn);
        const delay = backoffDelay(rules, n, undefined, () => drawn);
        const least = { none: wait, full: 0, equal: wait / 2 }[rules.jitter];
        assert.ok(Number.isFinite(delay) && delay >= least && delay <= wait, `${delay} of ${wait}`);
        assert.ok(delay <= longestDelay(rules, n));
      }),
    );
  });

  test('grows or stays, never falls', () => {
    fc.assert(
      fc.property(anyRules, fc.integer({ min: 1, max: 500 }), (rules, n) => {
        fc.pre(rules.strategy !== 'sequence');
        const none = { ...rules, jitter: 'none' } as const;
        assert.ok(backoffDelay(none, n + 1, undefined, () => 0) >= backoffDelay(none, n, undefined, () => 0));
      }),
    );
  });

  test('decorrelated lies between base and three times the last wait, and never over max', () => {
    fc.assert(
      fc.property(
        fc.nat(10_000),
        fc.nat(20_000),
        fc.array(chance, { minLength: 1, maxLength: 30 }),
        (baseMs, maxMs, drawn) => {
          const rules = { ...RULES, jitter: 'decorrelated', baseMs, maxMs } as const;
          let previous: number | undefined;
          drawn.forEach((value, index) => {
            const delay = backoffDelay(rules, index + 1, previous, () => value);
            const upper = Math.min(maxMs, Math.max(baseMs, 3 * (previous ?? baseMs)));
            assert.ok(delay >= Math.min(baseMs, maxMs) && delay <= upper, `${delay} over ${upper}`);
            assert.ok(delay <= longestDelay(rules, index + 1) + 1e-6);
            previous = delay;
          });
        },
      ),
    );
  });
});
