import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { BucketWindow } from '../../../../src/policies/rules/bucket-window.js';

const WINDOW_MS = 1_000;
const BUCKET_MS = 100;

/** What a window should know: every event that was ever added, and when. */
class Naive {
  readonly #events: { readonly bucket: number; readonly field: number; readonly amount: number }[] = [];

  add(bucket: number, field: number, amount: number): void {
    this.#events.push({ bucket, field, amount });
  }

  total(now: number, field: number): number {
    const current = Math.floor(now / BUCKET_MS);
    return this.#events
      .filter((event) => event.field === field && event.bucket > current - 10 && event.bucket <= current)
      .reduce((sum, event) => sum + event.amount, 0);
  }
}

describe('a bucket window', () => {
  test('agrees with a list of all events, whatever happens when', () => {
    const step = fc.record({
      waitMs: fc.oneof(fc.nat(50), fc.nat(2_000), fc.constantFrom(0, 99, 100, 999, 1_000, 1_001, 1e9)),
      field: fc.nat(1),
      amount: fc.integer({ min: -3, max: 3 }),
      /** Amends the bucket of an earlier step instead, if there is one. */
      amends: fc.option(fc.nat(20), { nil: undefined }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const window = new BucketWindow(WINDOW_MS, 2);
        const naive = new Naive();
        const buckets: number[] = [];
        let now = 0;
        for (const { waitMs, field, amount, amends } of steps) {
          now += waitMs;
          const earlier = amends === undefined ? undefined : buckets[amends];
          if (earlier === undefined) {
            const bucket = window.add(now, field, amount);
            buckets.push(bucket);
            naive.add(bucket, field, amount);
          } else {
            window.amend(now, earlier, field, amount);
            if (earlier > Math.floor(now / BUCKET_MS) - 10) naive.add(earlier, field, amount);
          }
          for (const each of [0, 1]) assert.equal(window.total(now, each), naive.total(now, each));
        }
      }),
    );
  });

  test('forgets what is older than the window also after idleness', () => {
    const window = new BucketWindow(WINDOW_MS, 1);
    window.add(0, 0, 9);
    assert.equal(window.total(999, 0), 9);
    assert.equal(window.total(1_000, 0), 0);
    window.add(1e9, 0, 1);
    assert.equal(window.total(1e9, 0), 1);
  });

  test('does not amend a bucket that has left, although its slot was taken over', () => {
    const window = new BucketWindow(WINDOW_MS, 1);
    const old = window.add(0, 0, 5);
    window.add(1_000, 0, 1);
    window.amend(1_000, old, 0, -5);
    assert.equal(window.total(1_000, 0), 1);
  });

  test('is empty when cleared', () => {
    const window = new BucketWindow(WINDOW_MS, 2);
    window.add(500, 0, 1);
    window.add(500, 1, 1);
    window.clear();
    assert.deepEqual([window.total(500, 0), window.total(500, 1)], [0, 0]);
  });
});
