import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { TokenBucket } from '../../../../src/policies/rules/token-bucket.js';

test('a new bucket is full: a burst passes at once, and no more', () => {
  const bucket = new TokenBucket({ requests: 10, perMs: 1_000, burst: 3 });
  assert.deepEqual(
    [0, 1, 2, 3].map(() => bucket.take(5_000) === 0),
    [true, true, true, false],
  );
});

test('a refusal says exactly when there is a token again, and costs nothing', () => {
  const bucket = new TokenBucket({ requests: 10, perMs: 1_000, burst: 1 });
  assert.equal(bucket.take(0), 0);
  assert.equal(bucket.take(30), 70);
  assert.equal(bucket.take(60), 40);
  assert.equal(bucket.take(100), 0);
});

test('a token is there when its time has come, whatever the fractions', () => {
  const bucket = new TokenBucket({ requests: 3, perMs: 1_000, burst: 1 });
  let now = 0;
  for (let i = 0; i < 10_000; i++) {
    assert.equal(bucket.take(now), 0, `token ${i}`);
    now += 1_000 / 3;
  }
});

test('idleness fills it, but never beyond the burst', () => {
  const bucket = new TokenBucket({ requests: 100, perMs: 1_000, burst: 5 });
  for (let i = 0; i < 5; i++) bucket.take(0);
  assert.equal(bucket.isFull(49), false);
  assert.equal(bucket.isFull(50), true);
  assert.equal([...Array(10).keys()].filter(() => bucket.take(3_600_000) === 0).length, 5);
});

test('in any time t, no more than burst + t · rate pass, and one who asks all the time gets them all', () => {
  const rules = fc.record({
    requests: fc.integer({ min: 1, max: 1_000 }),
    perMs: fc.integer({ min: 1, max: 3_600_000 }),
    burst: fc.integer({ min: 1, max: 100 }),
  });
  const pauses = fc.array(fc.double({ min: 0, max: 5_000, noNaN: true }), { minLength: 1, maxLength: 200 });
  fc.assert(
    fc.property(rules, pauses, (given, waits) => {
      const bucket = new TokenBucket(given);
      let now = 0;
      const passed: number[] = [];
      for (const wait of waits) {
        now += wait;
        const waitMs = bucket.take(now);
        assert.ok(waitMs >= 0 && waitMs <= (given.perMs / given.requests) * (1 + 1e-6));
        if (waitMs === 0) passed.push(now);
      }
      for (let from = 0; from < passed.length; from++) {
        for (let to = from; to < passed.length; to++) {
          const allowed = given.burst + ((passed[to]! - passed[from]!) * given.requests) / given.perMs;
          assert.ok(to - from + 1 <= allowed + 1e-6, `${to - from + 1} passed where ${allowed} may`);
        }
      }
    }),
    { numRuns: 200 },
  );
});

test('who waits as long as told gets a token', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 997 }), fc.integer({ min: 1, max: 86_400_000 }), (requests, perMs) => {
      const bucket = new TokenBucket({ requests, perMs, burst: 1 });
      let now = 123.456;
      bucket.take(now);
      for (let i = 0; i < 20; i++) {
        now += bucket.take(now);
        assert.equal(bucket.take(now), 0);
      }
    }),
  );
});
