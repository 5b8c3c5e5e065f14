import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { quantile } from '../../../src/observability/quantile.js';

const BOUNDS = [1, 2, 4];

describe('a quantile of counted durations', () => {
  it('is not known without any', () => {
    assert.equal(quantile(0.5, [0, 0, 0, 0], BOUNDS), undefined);
  });

  // The rule of Prometheus's histogram_quantile, by hand.
  for (const [q, counts, expected] of [
    [0.5, [10, 0, 0, 0], 0.5],
    [0.5, [0, 10, 0, 0], 1.5],
    [0.5, [5, 5, 0, 0], 1],
    [0.9, [5, 0, 5, 0], 3.6],
    [0.99, [0, 0, 1, 0], 3.98],
    [0, [0, 3, 0, 0], 1],
    [1, [1, 1, 1, 0], 4],
  ] as const) {
    it(`${q} of ${counts.join(', ')} is ${expected}`, () => {
      const found = quantile(q, counts, BOUNDS) ?? Number.NaN;
      assert.ok(Math.abs(found - expected) < 1e-9, String(found));
    });
  }

  it('is the highest bound for what exceeds all', () => {
    assert.equal(quantile(0.99, [1, 0, 0, 5], BOUNDS), 4);
  });
});
