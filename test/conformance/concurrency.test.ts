import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createLine } from '../support/line.js';

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
});
