import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Dispatch } from '../../../src/policies/policy.js';
import { FakeBody } from '../../support/fake-body.js';
import { Steered } from '../../support/interim-upstream.js';
import { createLine } from '../../support/line.js';

const NO_WAIT = { strategy: 'fixed', base: '0s', jitter: 'none' } as const;

describe('the attempt timeout', () => {
  test('cuts an attempt that hangs, and the next one is made', () => {
    const line = createLine({ attemptTimeout: '1s', retry: { backoff: NO_WAIT }, endpoints: { a: ['hang', 200] } });
    const call = line.run();
    assert.deepEqual([call.status, call.endedAt, line.times()], [200, 1_000, [0, 1_000]]);
    assert.ok(line.seen()[0]?.aborted);
    assert.deepEqual(line.results(), ['timeout', 'success']);
    assert.deepEqual(
      line.of('timeout').map(({ kind }) => kind),
      ['attempt'],
    );
    line.finish();
  });

  test('counts against the circuit', () => {
    const line = createLine({ attemptTimeout: '1s', retry: false, endpoints: { a: ['hang'] } });
    assert.equal(line.run().error?.code, 'timeout');
    assert.equal(line.circuit().failureRate, 1);
    line.finish();
  });

  test('goes on after an interim answer', () => {
    const interimOnly: Dispatch = (_opts, handler) => {
      const connection = new Steered();
      handler.onRequestStart?.(connection, null);
      handler.onResponseStart?.(connection, 103, {});
      connection.onAbort = (reason) => handler.onResponseError?.(connection, reason);
      return true;
    };
    const line = createLine({ attemptTimeout: '1s', retry: false, endpoints: { a: { dispatch: interimOnly } } });
    const call = line.run();
    assert.deepEqual([call.interim, call.error?.code], [[103], 'timeout']);
    line.finish();
  });

  test('stops with the head', () => {
    const line = createLine({
      attemptTimeout: '1s',
      endpoints: { a: [{ status: 200, after: 999, body: 'x', bodyAfter: 5_000 }] },
    });
    assert.equal(line.run().body, 'x');
    line.finish();
  });

  test('gives each attempt its time', () => {
    const line = createLine({
      attemptTimeout: '1s',
      retry: { backoff: NO_WAIT },
      endpoints: { a: ['hang', 'hang', { status: 200, after: 900 }] },
    });
    const call = line.run();
    assert.deepEqual([call.status, call.endedAt], [200, 2_900]);
    line.finish();
  });

  test('does not count the time in the queue', () => {
    const line = createLine({
      attemptTimeout: '1s',
      concurrency: { limit: 1, queue: 1, queueTimeout: '10s' },
      endpoints: {
        a: [
          { status: 200, body: 'x', bodyAfter: 5_000 },
          { status: 200, after: 900 },
        ],
      },
    });
    line.call();
    const second = line.call();
    line.finish();
    assert.deepEqual([second.status, second.endedAt], [200, 5_900]);
  });

  test('starts when the body is in', () => {
    const line = createLine({ attemptTimeout: '1s', retry: false, endpoints: { a: ['hang'] } });
    const body = FakeBody.streaming('body-too-large');
    const call = line.call({ method: 'PUT', body });
    line.advance(10_000);
    assert.equal(call.ends, 0);
    body.finish();
    line.advance(1_000);
    assert.equal(call.error?.code, 'timeout');
    assert.equal(body.waiting, 0);
    line.finish();
  });

  test('forgets the body when the attempt ends before it is in', () => {
    for (const answer of ['reset', 'refuse', 200] as const) {
      const line = createLine({ retry: { maxAttempts: 1 }, endpoints: { a: [answer] } });
      const body = FakeBody.streaming('body-too-large');
      line.run({ method: 'PUT', body });
      assert.equal(body.waiting, 0, String(answer));
      line.finish();
      body.finish();
      assert.equal(line.clock.pending, 0, 'no clock starts for what is over');
    }
  });
});
