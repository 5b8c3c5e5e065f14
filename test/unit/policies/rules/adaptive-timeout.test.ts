import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { AdaptiveTimeout, type AdaptiveTimeoutRules } from '../../../../src/policies/rules/adaptive-timeout.js';

const RULES: AdaptiveTimeoutRules = { share: 0.99, factor: 3, minMs: 250, maxMs: 9_000 };

/** One that has seen so many answers. */
function after(count: number, tookMs: number, rules: Partial<AdaptiveTimeoutRules> = {}): AdaptiveTimeout {
  const timeout = new AdaptiveTimeout({ ...RULES, ...rules });
  for (let i = 0; i < count; i++) timeout.answered(tookMs);
  return timeout;
}

/** Attempts of which each would take so long: what is in time is answered, one of the others goes on, the rest is cut. */
function scoutAmong(timeout: AdaptiveTimeout, cut: number, found: number | 'none' | undefined): void {
  assert.equal(timeout.mayGoOn(), true);
  for (let i = 0; i < cut; i++) assert.equal(timeout.mayGoOn(), false);
  timeout.scouted(found);
}

describe('the timeout that follows what is seen', () => {
  test('is the longest until twenty answers were seen, then the factor times the percentile', () => {
    assert.equal(after(19, 200).limitMs, 9_000);
    assert.equal(after(20, 200).limitMs, 600);
    assert.equal(after(20, 200, { factor: 1.5 }).limitMs, 300);
  });

  test('stays within its bounds', () => {
    assert.equal(after(100, 1).limitMs, 250);
    assert.equal(after(100, 8_000).limitMs, 9_000);
  });

  test('takes the percentile, not the mean: one slow answer in fifty is among what it allows for', () => {
    const timeout = new AdaptiveTimeout(RULES);
    for (let i = 0; i < 1_000; i++) timeout.answered(i % 50 === 0 ? 2_000 : 100);
    assert.equal(timeout.limitMs, 6_000);
  });

  test('lets one at a time of those that run out of time go on', () => {
    const timeout = after(100, 200);
    assert.deepEqual([timeout.mayGoOn(), timeout.mayGoOn()], [true, false]);
    timeout.scouted('none');
    assert.equal(timeout.mayGoOn(), true);
  });

  test('lets an attempt that a half-open circuit waits for go on only where there has been no other for long', () => {
    const timeout = after(100, 200);
    for (let i = 0; i < 20; i++) assert.equal(timeout.mayGoOn(true), false);
    assert.equal(timeout.mayGoOn(true), true);
    timeout.scouted('none');
    assert.deepEqual([timeout.mayGoOn(true), timeout.mayGoOn(false)], [false, true]);
  });

  test('is not moved by a hang, however long it lasts', () => {
    const timeout = after(1_000, 200);
    for (let i = 0; i < 100; i++) scoutAmong(timeout, 500, 'none');
    assert.equal(timeout.limitMs, 600);
  });

  test('counts what was cut off with what the scout took, and so follows at once when all became slow', () => {
    const timeout = after(1_000, 200);
    scoutAmong(timeout, 9, 2_000);
    assert.equal(timeout.limitMs, 600, 'ten in a thousand are within p99');
    scoutAmong(timeout, 0, 2_000);
    assert.equal(timeout.limitMs, 6_000);
  });

  test('comes back when a thousand quick answers have followed, however many were cut off', () => {
    const timeout = after(1_000, 200);
    scoutAmong(timeout, 100_000, 2_000);
    assert.equal(timeout.limitMs, 6_000);
    for (let i = 0; i < 1_250; i++) timeout.answered(200);
    assert.equal(timeout.limitMs, 600);
  });

  test('forgets what was cut off before a scout that found nothing, and not before one that nobody waited for', () => {
    const hung = after(1_000, 200);
    scoutAmong(hung, 50, 'none');
    scoutAmong(hung, 0, 2_000);
    assert.equal(hung.limitMs, 600);
    const left = after(1_000, 200);
    scoutAmong(left, 50, undefined);
    scoutAmong(left, 0, 2_000);
    assert.equal(left.limitMs, 6_000);
  });

  test('counts what somebody else ended only where it had run beyond the percentile', () => {
    const timeout = after(1_000, 200);
    for (let i = 0; i < 1_000; i++) timeout.cancelled(1);
    for (let i = 0; i < 250; i++) timeout.answered(200);
    assert.equal(timeout.limitMs, 600, 'what was left at once says nothing');
    for (let i = 0; i < 250; i++) timeout.cancelled(400);
    assert.equal(timeout.limitMs, 1_200);
  });

  test('says nothing of what was ended before anything is known', () => {
    const timeout = new AdaptiveTimeout(RULES);
    for (let i = 0; i < 200; i++) timeout.cancelled(1);
    assert.equal(timeout.limitMs, 9_000);
  });

  test('is within its bounds whatever happens', () => {
    const ms = fc.double({ min: 0, max: 1e7, noNaN: true });
    const happening = fc.oneof(
      ms.map((took) => (timeout: AdaptiveTimeout) => timeout.answered(took)),
      ms.map((ran) => (timeout: AdaptiveTimeout) => timeout.cancelled(ran)),
      fc.record({ cut: fc.nat(2_000), found: fc.oneof(ms, fc.constant('none' as const), fc.constant(undefined)) }).map(
        ({ cut, found }) =>
          (timeout: AdaptiveTimeout) =>
            scoutAmong(timeout, cut, found),
      ),
    );
    const rules = fc.record({
      share: fc.double({ min: 0.01, max: 0.99999, noNaN: true }),
      factor: fc.double({ min: 1, max: 1_000, noNaN: true }),
      minMs: fc.integer({ min: 1, max: 10_000 }),
      moreMs: fc.integer({ min: 0, max: 10_000 }),
    });
    fc.assert(
      fc.property(rules, fc.array(happening, { maxLength: 400 }), fc.nat(1_000), (given, all, before) => {
        const maxMs = given.minMs + given.moreMs;
        const timeout = after(before, 100, { ...given, maxMs });
        for (const happens of all) {
          happens(timeout);
          assert.ok(timeout.limitMs >= given.minMs && timeout.limitMs <= maxMs);
        }
      }),
      { numRuns: 60 },
    );
  });

  test('follows a service of any speed that stays as it is, and then cuts off none of it', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2_900 }), fc.integer({ min: 1, max: 8_999 }), (before, now) => {
        const timeout = after(1_000, before);
        let cut = 0;
        for (let i = 0; i < 2_000; i++) {
          if (now <= timeout.limitMs) timeout.answered(now);
          else if (timeout.mayGoOn()) timeout.scouted(now);
          else cut++;
        }
        assert.equal(cut, 0);
        assert.ok(timeout.limitMs >= Math.min(9_000, 3 * now));
      }),
      { numRuns: 60 },
    );
  });
});
