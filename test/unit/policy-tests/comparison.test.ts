import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { durationText, holds, parseComparison, quantityText } from '../../../src/policy-tests/comparison.js';

describe('a comparison', () => {
  test('is read with its operator and unit', () => {
    assert.deepEqual(parseComparison('< 1s', 'duration'), { operator: '<', value: 1_000 });
    assert.deepEqual(parseComparison('>=1m30s', 'duration'), { operator: '>=', value: 90_000 });
    assert.deepEqual(parseComparison('> 99.5%', 'ratio'), { operator: '>', value: 0.995 });
    assert.deepEqual(parseComparison(0.5, 'ratio'), { operator: '=', value: 0.5 });
    assert.deepEqual(parseComparison(' <=  3', 'count'), { operator: '<=', value: 3 });
    for (const wrong of ['', '<', 'x', '5%']) assert.throws(() => parseComparison(wrong, 'count'), RangeError, wrong);
  });

  const cases: readonly (readonly [written: string, below: boolean, equal: boolean, above: boolean])[] = [
    ['< 3', true, false, false],
    ['<= 3', true, true, false],
    ['> 3', false, false, true],
    ['>= 3', false, true, true],
    ['3', false, true, false],
  ];
  for (const [written, ...expected] of cases) {
    test(`holds below, at and above its value as it says: ${written}`, () => {
      const comparison = parseComparison(written, 'count');
      assert.deepEqual(
        [2.9, 3, 3.1].map((actual) => holds(comparison, actual, 'count')),
        expected,
      );
      assert.equal(holds(comparison, undefined, 'count'), false);
    });
  }

  test('with a plain duration holds to the millisecond', () => {
    const comparison = parseComparison('1s', 'duration');
    assert.deepEqual(
      [999.4, 999.6, 1_000.4, 1_000.6].map((actual) => holds(comparison, actual, 'duration')),
      [false, true, true, false],
    );
  });

  test('is told in the units that people write', () => {
    assert.equal(durationText(0.274), '0.27ms');
    assert.equal(durationText(999.99), '999.99ms');
    assert.equal(durationText(18_106.4), '18.106s');
    assert.equal(quantityText(0.646034, 'ratio'), '64.6034%');
    assert.equal(quantityText(2 / 3, 'count'), '0.666667');
    assert.equal(quantityText(undefined, 'duration'), 'never');
  });
});
