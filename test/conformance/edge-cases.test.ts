import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Dispatch } from '../../src/policies/policy.js';
import { FakeBody } from '../support/fake-body.js';
import { Steered } from '../support/interim-upstream.js';
import { createLine } from '../support/line.js';

describe('conformance: edge cases of HTTP', () => {
  test('48. an upload that takes longer than attemptTimeout and timeout but never stalls: 200', () => {
    const line = createLine({
      timeout: '5s',
      attemptTimeout: '2s',
      endpoints: { a: [{ status: 200, after: 61_000 }] },
    });
    const body = FakeBody.streaming('body-too-large');
    const call = line.call({ method: 'PUT', body });
    line.advance(60_000);
    body.finish();
    line.advance(1_000);
    assert.equal(call.status, 200);
    line.finish();
  });

  test('48. the clocks start when the body is in: an answer that then takes too long is a timeout', () => {
    const line = createLine({ attemptTimeout: '2s', retry: { maxAttempts: 1 }, endpoints: { a: ['hang'] } });
    const body = FakeBody.streaming('body-too-large');
    const call = line.call({ method: 'PUT', body });
    line.advance(60_000);
    assert.equal(call.ends, 0);
    body.finish();
    line.advance(1_999);
    assert.equal(call.ends, 0);
    line.advance(1);
    assert.equal(call.error?.code, 'timeout');
    line.finish();
  });

  test('50. an attempt cut while it waits for a connection is never sent later', () => {
    // As undici: a connection becomes free after 10 s, and the handler is asked whether it may start.
    const refusals: unknown[] = [];
    let line = createLine();
    const late: Dispatch = (_opts, handler) => {
      const connection = new Steered();
      line.clock.setTimer(10_000, () => {
        try {
          handler.onRequestStart?.(connection, null);
          refusals.push(undefined);
        } catch (error) {
          refusals.push(error);
          handler.onResponseError?.(connection, error as Error);
        }
      });
      return true;
    };
    line = createLine({
      endpoints: { a: { dispatch: late } },
      attemptTimeout: '3s',
      retry: { maxAttempts: 2, backoff: { jitter: 'none' } },
    });
    const timedOut = line.call({ method: 'GET' });
    line.advance(6_100);
    assert.deepEqual([timedOut.error?.code, timedOut.ends], ['connect-failure', 1]);
    line.advance(20_000);
    assert.equal(refusals.length, 2, 'both were offered a connection');
    assert.ok(
      refusals.every((refusal) => refusal instanceof Error),
      'neither took it',
    );
    assert.equal(timedOut.ends, 1);
    line.finish();
  });
});
