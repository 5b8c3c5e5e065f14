import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { HeadTimes } from '../../../../src/policies/rules/head-times.js';

function fed(share: number, times: Iterable<number>): HeadTimes {
  const seen = new HeadTimes(share);
  for (const time of times) seen.add(time);
  return seen;
}

function* upTo(count: number): Generator<number> {
  for (let i = 1; i <= count; i++) yield i;
}

test('a percentile is known from the hundredth time on', () => {
  assert.equal(fed(0.95, upTo(99)).percentileMs, undefined);
  assert.equal(fed(0.95, upTo(100)).percentileMs, 95);
});

test('it is the nearest rank', () => {
  assert.equal(fed(0.5, upTo(100)).percentileMs, 50);
  assert.equal(fed(0.99, upTo(1_000)).percentileMs, 990);
  assert.equal(fed(0.999, upTo(1_000)).percentileMs, 999);
  assert.equal(fed(0.07, upTo(100)).percentileMs, 7);
});

test('times are ordered as numbers, not as text', () => {
  assert.equal(
    fed(
      0.5,
      Array.from({ length: 100 }, (_, i) => (i % 2 === 0 ? 9 : 10)),
    ).percentileMs,
    9,
  );
});

test('only the latest thousand count', () => {
  const seen = fed(0.95, new Array<number>(1_000).fill(500));
  for (const _ of upTo(1_000)) seen.add(10);
  assert.equal(seen.percentileMs, 10);
});

test('it is always one of the times seen', () => {
  const times = fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 100, maxLength: 1_300 });
  fc.assert(
    fc.property(times, fc.double({ min: 0.01, max: 0.999, noNaN: true }), (all, share) => {
      const found = fed(share, all).percentileMs;
      assert.ok(found !== undefined && all.includes(found));
    }),
    { numRuns: 50 },
  );
});
