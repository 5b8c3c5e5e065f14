import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { describe, test } from 'node:test';
import type { Dispatch } from '../../../src/policies/policy.js';
import { Steered } from '../../support/interim-upstream.js';
import { createLine } from '../../support/line.js';

const SLOW = { status: 200, after: 100 } as const;

describe('the concurrency limit', () => {
  test('refuses beyond its places as overload, with a time to come back', () => {
    const line = createLine({ concurrency: { limit: 2 }, endpoints: { a: [SLOW] } });
    line.call();
    line.call();
    const third = line.call();
    assert.deepEqual([third.error?.code, third.error?.retryAfterMs, third.attempts], ['overload', 1_000, 0]);
    assert.deepEqual(line.suppressed(), [], 'a refusal is not worth a retry');
    line.finish();
  });

  test('lets a waiter go after queueTimeout', () => {
    const line = createLine({
      concurrency: { limit: 1, queue: 2, queueTimeout: '30ms' },
      endpoints: { a: [SLOW] },
    });
    line.call();
    const second = line.call();
    line.advance(10);
    const third = line.call();
    line.advance(20);
    assert.deepEqual([second.error?.code, second.endedAt, third.ends], ['overload', 30, 0]);
    line.finish();
    assert.deepEqual([third.error?.code, third.endedAt], ['overload', 40]);
    assert.equal(line.seen().length, 1);
  });

  test('admits a waiter whose place is free at the moment in which its time is over', () => {
    const line = createLine({
      concurrency: { limit: 1, queue: 1, queueTimeout: '100ms' },
      endpoints: { a: [SLOW] },
    });
    line.call();
    const second = line.call();
    line.finish();
    // Which of the two comes first is decided by the clock; it ends once, and its place is not lost.
    assert.ok(second.status === 200 || second.error?.code === 'overload');
    assert.equal(line.run().status, 200);
  });

  test('shares a limit among all endpoints of the upstream', () => {
    const line = createLine({ concurrency: { limit: 2 }, endpoints: { a: [SLOW], b: [SLOW], c: [SLOW] } });
    const calls = [1, 2, 3].map(() => line.call());
    assert.equal(calls[2]?.error?.code, 'overload');
    line.finish();
  });

  test('has places for each key, so that one tenant cannot take all', () => {
    const line = createLine({
      concurrency: { limit: 1, key: '{header:x-tenant}' },
      endpoints: { a: [SLOW] },
    });
    const of = (tenant: string) => line.call({ headers: { 'x-tenant': tenant } });
    const calls = [of('a'), of('a'), of('b')];
    assert.deepEqual(
      calls.map((call) => call.error?.code),
      [undefined, 'overload', undefined],
    );
    line.finish();
  });

  test('works a queue off at once when the circuit behind it opens, however long it is', () => {
    const line = createLine({
      concurrency: { limit: 1, queue: 5_000, queueTimeout: '1m' },
      circuitBreaker: { consecutiveFailures: 1, probeShare: 0 },
      retry: false,
      endpoints: { a: [{ status: 503, after: 100 }] },
    });
    const calls = Array.from({ length: 5_001 }, () => line.call());
    line.finish();
    assert.equal(line.clock.now(), 100);
    assert.equal(calls.filter((call) => call.error?.code === 'circuit-open').length, 5_000);
  });

  test('gives the place back when dispatching fails', () => {
    const broken: Dispatch = () => {
      throw new Error('a bug');
    };
    const line = createLine({ concurrency: { limit: 1 }, endpoints: { a: { dispatch: broken } } });
    for (let i = 0; i < 3; i++) assert.equal(line.run().error?.code, 'internal');
    line.finish();
  });

  test('gives the place of an upgraded connection back when that closes', () => {
    const socket = new PassThrough();
    const upgraded: Dispatch = (_opts, handler) => {
      const controller = new Steered();
      handler.onRequestStart?.(controller, null);
      handler.onRequestUpgrade?.(controller, 101, {}, socket);
      return true;
    };
    const line = createLine({ concurrency: { limit: 1 }, endpoints: { a: { dispatch: upgraded } } });
    line.call({ upgrade: 'websocket' });
    assert.deepEqual([line.upstream.limiters?.view().inFlight, line.upstream.endpoints[0]?.inFlight], [1, 1]);
    assert.equal(line.clock.pending, 0, 'no timeout applies to what is upgraded');
    socket.emit('close');
    assert.deepEqual([line.upstream.limiters?.view().inFlight, line.upstream.endpoints[0]?.inFlight], [0, 0]);
  });

  test('only says what it would refuse in shadow mode, and counts what is beyond its limit', () => {
    const line = createLine({ concurrency: { limit: 1, mode: 'shadow' }, endpoints: { a: [SLOW] } });
    const calls = [1, 2, 3].map(() => line.call());
    assert.equal(line.upstream.limiters?.view().inFlight, 3);
    assert.deepEqual(
      line.of('shadow').map(({ policy, action }) => [policy, action]),
      [
        ['concurrency', 'would-refuse'],
        ['concurrency', 'would-refuse'],
      ],
    );
    line.finish();
    assert.ok(calls.every((call) => call.status === 200));
  });
});

describe('a retry and the concurrency limit', () => {
  test('an attempt that waits counts for nothing until it is sent', () => {
    const line = createLine({
      concurrency: { limit: 1, queue: 1, queueTimeout: '1m' },
      endpoints: { a: [SLOW] },
    });
    line.call();
    const second = line.call();
    assert.deepEqual([second.attempts, line.of('attempt').length], [0, 0]);
    line.finish();
    assert.equal(second.attempts, 1);
  });

  test('a retry waits in the queue like any other attempt', () => {
    const line = createLine({
      concurrency: { limit: 1, queue: 1, queueTimeout: '1m' },
      endpoints: { a: [503, { status: 200, after: 1_000 }, 200] },
    });
    const first = line.call();
    line.advance(10);
    line.call();
    line.finish();
    assert.deepEqual([first.status, first.endedAt], [200, 1_010]);
  });
});
