import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { GRADIENT2, Gradient2 } from '../../../../src/policies/rules/gradient2.js';

describe('the adaptive limit', () => {
  test('learns nothing from one sample, and from ten only after a tenth of a second', () => {
    const rule = new Gradient2();
    for (let i = 0; i < 50; i++) rule.sample(i, 10, 20, false);
    assert.equal(rule.limit, 20);
    for (let i = 50; i < 400; i++) rule.sample(i, 10, 20, false);
    assert.ok(rule.limit > 20);
  });

  test('waits two round trips of a slow upstream before it steps again', () => {
    const rule = new Gradient2();
    for (let now = 0; now < 590; now += 10) rule.sample(now, 300, 20, false);
    assert.equal(rule.limit, 20);
    for (let now = 590; now <= 4_000; now += 10) rule.sample(now, 300, 20, false);
    // 4 s have room for six windows of 600 ms.
    assert.equal(rule.limit, 24);
  });

  test('steps after a second also with few samples', () => {
    const rule = new Gradient2();
    for (let now = 0; now <= 6_000; now += 500) rule.sample(now, 20, 20, false);
    assert.ok(rule.limit > 20);
  });

  test('survives latencies of zero', () => {
    const rule = new Gradient2();
    for (let now = 0; now <= 10_000; now += 5) rule.sample(now, 0, rule.limit, false);
    assert.ok(rule.limit > 20 && Number.isFinite(rule.limit), `${rule.limit}`);
  });

  test('with all attempts dropped falls by no more than a tenth a step', () => {
    const rule = new Gradient2();
    let before = rule.limit;
    for (let now = 0; now <= 20_000; now += 10) {
      rule.sample(now, 5, rule.limit, true);
      assert.ok(rule.limit >= Math.floor(before * 0.9) - 1, `from ${before} to ${rule.limit}`);
      before = rule.limit;
    }
    assert.equal(rule.limit, GRADIENT2.min);
  });

  test('stays a whole number between min and max whatever it is told', () => {
    const samples = fc.array(
      fc.record({
        pauseMs: fc.double({ min: 0, max: 2_000, noNaN: true }),
        tookMs: fc.oneof(fc.double({ min: 0, max: 60_000, noNaN: true }), fc.constantFrom(0, 1e-9, 1e9)),
        inFlight: fc.integer({ min: 0, max: 2_000 }),
        dropped: fc.boolean(),
      }),
      { maxLength: 500 },
    );
    fc.assert(
      fc.property(samples, (all) => {
        const rule = new Gradient2();
        let now = 0;
        for (const { pauseMs, tookMs, inFlight, dropped } of all) {
          now += pauseMs;
          rule.sample(now, tookMs, inFlight, dropped);
          assert.ok(Number.isInteger(rule.limit));
          assert.ok(rule.limit >= GRADIENT2.min && rule.limit <= GRADIENT2.max, `${rule.limit}`);
        }
      }),
    );
  });
});
