import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { backoffDelay, longestDelay, type BackoffRules } from '../../src/policies/rules/backoff.js';
import { createLine } from '../support/line.js';
import { scriptedRandom } from '../support/scripted-random.js';

const SECOND = 1_000;
const DAY = 86_400_000;
const ALMOST_ONE = 1 - Number.EPSILON;

function rules(over: Partial<BackoffRules>): BackoffRules {
  return { strategy: 'exponential', baseMs: 100, factor: 2, maxMs: 5_000, jitter: 'none', delaysMs: [], ...over };
}

function waits(given: Partial<BackoffRules>, attempts: readonly number[]): number[] {
  return attempts.map((n) => backoffDelay(rules(given), n, undefined, () => 0.5));
}

describe('conformance: back-off', () => {
  test('1. exponential base 1s factor 2 max 40s jitter none, attempts 1–8: 1, 2, 4, 8, 16, 32, 40, 40 s', () => {
    const seen = waits({ baseMs: SECOND, maxMs: 40 * SECOND }, [1, 2, 3, 4, 5, 6, 7, 8]);
    assert.deepEqual(
      seen,
      [1, 2, 4, 8, 16, 32, 40, 40].map((seconds) => seconds * SECOND),
    );
  });

  test('2. sequence 1s, 2s, 3s; 5 attempts: waits 1, 2, 3, 3', () => {
    const backoff = { strategy: 'sequence', delays: ['1s', '2s', '3s'], jitter: 'none' } as const;
    const line = createLine({ retry: { maxAttempts: 5, backoff }, endpoints: { a: [503] } });
    line.run();
    assert.deepEqual(line.waits(), [1_000, 2_000, 3_000, 3_000]);
    line.finish();
  });

  test('3. exponential base 100ms factor 2 max 100s: waits 12 and 13 are both 100 s', () => {
    assert.deepEqual(waits({ maxMs: 100 * SECOND }, [10, 11, 12, 13]), [51_200, 100_000, 100_000, 100_000]);
  });

  test('4. attempt 1000, base 1 day, max 2 days: 2 days; no Infinity, no NaN, for any attempt and any jitter', () => {
    const long = { baseMs: DAY, maxMs: 2 * DAY };
    assert.deepEqual(waits(long, [1_000]), [2 * DAY]);
    for (const jitter of ['none', 'full', 'equal', 'decorrelated'] as const) {
      for (const n of [1, 1_000, 100_000, Number.MAX_SAFE_INTEGER]) {
        for (const baseMs of [0, DAY]) {
          const wait = backoffDelay(rules({ ...long, baseMs, jitter }), n, 2 * DAY, scriptedRandom(ALMOST_ONE));
          assert.ok(wait >= 0 && wait <= 2 * DAY, `${jitter}, attempt ${n}: ${wait}`);
          const longest = longestDelay(rules({ ...long, baseMs, jitter }), n);
          assert.ok(longest >= 0 && longest <= 2 * DAY, `${jitter}, attempt ${n}, longest: ${longest}`);
        }
      }
    }
  });

  test('5. full jitter with random 0 and 0.999…: 0 and just under v; equal: v/2 and just under v; decorrelated with random 1: 3·base first, then the cap', () => {
    const between = (jitter: BackoffRules['jitter']) =>
      [0, ALMOST_ONE].map((chance) => backoffDelay(rules({ baseMs: 1_000, jitter }), 1, undefined, () => chance));
    const [fullLow, fullHigh] = between('full') as [number, number];
    assert.equal(fullLow, 0);
    assert.ok(fullHigh < 1_000 && fullHigh > 999.999);
    const [equalLow, equalHigh] = between('equal') as [number, number];
    assert.equal(equalLow, 500);
    assert.ok(equalHigh < 1_000 && equalHigh > 999.999);

    const decorrelated = rules({ baseMs: 1_000, maxMs: 4_000, jitter: 'decorrelated' });
    const first = backoffDelay(decorrelated, 1, undefined, () => 1);
    assert.equal(first, 3_000);
    assert.equal(
      backoffDelay(decorrelated, 2, first, () => 1),
      4_000,
    );
  });

  test('6. random 190/1000 of 25, 50, 100 ms windows: within each window, never above it', () => {
    const seen = [1, 2, 3].map((n) => backoffDelay(rules({ baseMs: 25, jitter: 'full' }), n, undefined, () => 0.19));
    assert.deepEqual(
      seen.map((wait) => Math.round(wait * 100) / 100),
      [4.75, 9.5, 19],
    );
  });
});
