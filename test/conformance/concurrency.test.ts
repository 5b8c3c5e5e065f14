import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Gradient2, GRADIENT2 } from '../../src/policies/rules/gradient2.js';
import { createLine } from '../support/line.js';

/** Feeds a limit with rounds of 100 samples each; returns the limit after each round. */
function trajectory(
  limit: Gradient2,
  rounds: number,
  tookMs: number,
  inFlight: (limit: number) => number,
  from = 0,
): number[] {
  const seen: number[] = [];
  let now = from;
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < 100; i++) {
      now += Math.max(2, tookMs / 20);
      limit.sample(now, tookMs, inFlight(limit.limit), false);
    }
    seen.push(limit.limit);
  }
  return seen;
}

const inUse = (limit: number) => limit;
const hardlyInUse = (limit: number) => limit / 2 - 1;

describe('conformance: concurrency', () => {
  test('25. limit 2, queue 2, 5 calls: the fifth refused; the queue is first in, first out', () => {
    const line = createLine({
      concurrency: { limit: 2, queue: 2, queueTimeout: '1m' },
      endpoints: { a: [{ status: 200, after: 10 }] },
    });
    const calls = [1, 2, 3, 4, 5].map(() => line.call());
    assert.deepEqual(
      calls.map((call) => call.error?.code),
      [undefined, undefined, undefined, undefined, 'overload'],
    );
    assert.equal(line.seen().length, 2);
    line.finish();
    assert.deepEqual(
      calls.slice(0, 4).map((call) => [call.status, call.endedAt]),
      [
        [200, 10],
        [200, 10],
        [200, 20],
        [200, 20],
      ],
    );

    const oneByOne = createLine({
      concurrency: { limit: 1, queue: 3, queueTimeout: '1m' },
      endpoints: { a: [{ status: 200, after: 10 }] },
    });
    const waiting = [1, 2, 3, 4].map(() => oneByOne.call());
    oneByOne.finish();
    assert.deepEqual(
      waiting.map((call) => call.endedAt),
      [10, 20, 30, 40],
    );
  });

  test('26. a waiter that is aborted gives its place in the queue up; the next one runs (never starved)', () => {
    const line = createLine({
      concurrency: { limit: 1, queue: 2, queueTimeout: '1m' },
      endpoints: { a: [{ status: 200, after: 10 }] },
    });
    line.call();
    const second = line.call();
    const third = line.call();
    second.leave();
    assert.equal(second.error?.code, 'client-gone');
    const fourth = line.call();
    line.finish();
    assert.deepEqual([third.status, third.endedAt], [200, 20]);
    assert.deepEqual([fourth.status, fourth.endedAt], [200, 30]);
    assert.equal(line.seen().length, 3, 'the one that left was never sent');
  });

  test('27. a place is held until the body ends, and given back also when the body breaks', () => {
    for (const breaks of [false, true]) {
      const line = createLine({
        concurrency: { limit: 1 },
        retry: false,
        endpoints: { a: [{ status: 200, body: 'slow', bodyAfter: 100, breaks }] },
      });
      const first = line.call();
      line.advance(99);
      assert.equal(first.status, 200);
      assert.equal(line.call().error?.code, 'overload');
      line.advance(1);
      assert.equal(first.ends, 1);
      assert.equal(line.run().status, 200);
      line.finish();
    }
  });

  test('28. Gradient2: the limit rises under flat latency with the limit in use', () => {
    const limit = new Gradient2();
    const seen = trajectory(limit, 20, 20, inUse);
    seen.reduce((before, after) => {
      assert.ok(after >= before, `${before} falls to ${after}`);
      return after;
    });
    assert.ok(seen.at(-1)! > 40, `ends at ${seen.at(-1)}`);
  });

  test('28. Gradient2: the limit holds while in flight < limit/2', () => {
    const limit = new Gradient2();
    assert.deepEqual(new Set(trajectory(limit, 20, 20, hardlyInUse)), new Set([GRADIENT2.initial]));
  });

  test('28. Gradient2: the limit falls when short-term latency doubles', () => {
    const limit = new Gradient2();
    const before = trajectory(limit, 20, 20, inUse).at(-1)!;
    const after = trajectory(limit, 5, 40, inUse, 1e6).at(-1)!;
    assert.ok(after < before, `${before} becomes ${after}`);
  });

  test('28. Gradient2: never under min nor over max', () => {
    const high = new Gradient2();
    assert.ok(Math.max(...trajectory(high, 3_000, 20, inUse)) <= GRADIENT2.max);
    const low = new Gradient2();
    trajectory(low, 20, 1, inUse);
    let tookMs = 2;
    for (let round = 0; round < 12; round++, tookMs *= 2) {
      assert.ok(Math.min(...trajectory(low, 2, tookMs, inUse, 1e6 * (round + 1))) >= GRADIENT2.min);
    }
  });
});
