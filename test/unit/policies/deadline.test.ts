import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FakeBody } from '../../support/fake-body.js';
import { createLine, sentHeader } from '../../support/line.js';

const kinds = (line: ReturnType<typeof createLine>) => line.of('timeout').map(({ kind }) => kind);

describe('the deadline', () => {
  test('ends a call whose attempt hangs, for real', () => {
    const line = createLine({ timeout: '5s', attemptTimeout: '9s', endpoints: { a: ['hang'] } });
    const call = line.run();
    assert.deepEqual([call.error?.code, call.endedAt], ['deadline', 5_000]);
    assert.ok(line.seen()[0]?.aborted, 'nothing keeps running');
    assert.deepEqual(kinds(line), ['deadline']);
    line.finish();
  });

  test('covers attempts and back-offs', () => {
    const line = createLine({
      timeout: '5s',
      attemptTimeout: '2s',
      retry: { maxAttempts: 10, backoff: { strategy: 'fixed', base: '300ms', jitter: 'none' } },
      endpoints: { a: ['hang'] },
    });
    const call = line.run();
    assert.deepEqual(line.times(), [0, 2_300, 4_600]);
    assert.deepEqual([call.error?.code, call.endedAt], ['deadline', 5_000]);
    line.finish();
  });

  test('covers queueing', () => {
    const line = createLine({
      timeout: '2s',
      concurrency: { limit: 1, queue: 1, queueTimeout: '1m' },
      endpoints: { a: ['hang'] },
    });
    const first = line.call();
    line.advance(1_000);
    const second = line.call();
    line.advance(1_000);
    assert.equal(first.error?.code, 'deadline');
    assert.equal(line.seen().length, 2, 'the place was free for the second');
    line.finish();
    assert.deepEqual([second.error?.code, second.endedAt], ['deadline', 3_000]);
  });

  test('ends a call that still waits in the queue, which is then never sent', () => {
    const line = createLine({
      timeout: '2s',
      concurrency: { limit: 1, queue: 1, queueTimeout: '1m' },
      endpoints: { a: [{ status: 200, body: 'slow', bodyAfter: 10_000 }] },
    });
    line.call();
    const second = line.call();
    line.advance(2_000);
    assert.equal(second.error?.code, 'deadline');
    line.finish();
    assert.equal(line.seen().length, 1);
  });

  test('stops with the head: a download may take its time', () => {
    const line = createLine({
      timeout: '5s',
      endpoints: { a: [{ status: 200, after: 4_999, body: 'x', bodyAfter: 60_000 }] },
    });
    const call = line.run();
    assert.deepEqual([call.status, call.body, call.error], [200, 'x', undefined]);
    line.finish();
  });

  test('is over exactly when it is: an answer at the same moment comes too late', () => {
    const line = createLine({ timeout: '5s', endpoints: { a: [{ status: 200, after: 5_000 }] } });
    assert.equal(line.run().error?.code, 'deadline');
    line.finish();
  });

  test('can be shortened by the app, and not lengthened', () => {
    const line = createLine({ timeout: '5s', endpoints: { a: ['hang'] } });
    const calls = ['1200', '60000', 'soon'].map((value) => line.call({ headers: { 'x-request-timeout-ms': value } }));
    line.finish();
    assert.deepEqual(
      calls.map((call) => call.endedAt),
      [1_200, 5_000, 5_000],
    );
  });

  test('leaves no time for an attempt when the app has none left', () => {
    const line = createLine({ timeout: '5s', endpoints: { a: [200] } });
    const call = line.run({ headers: { 'x-request-timeout-ms': '0' } });
    assert.deepEqual([call.error?.code, call.attempts, line.seen().length], ['deadline', 0, 0]);
    assert.equal(line.circuit().calls, 0, 'no upstream is to blame');
    line.finish();
  });

  test('hands each attempt what is left, in the same header', () => {
    const line = createLine({
      timeout: '10s',
      attemptTimeout: '4s',
      retry: { backoff: { strategy: 'fixed', base: '500ms', jitter: 'none' } },
      endpoints: { a: ['hang'] },
    });
    line.run();
    line.finish();
    assert.deepEqual(
      line.seen().map((seen) => sentHeader(seen, 'x-request-timeout-ms')),
      ['4000', '4000', '1000'],
    );
  });

  test('starts when the body is in, and is forgotten when the answer comes before', () => {
    const line = createLine({ timeout: '5s', endpoints: { a: [{ status: 200, after: 60_000 }] } });
    const body = FakeBody.streaming('body-too-large');
    const call = line.run({ method: 'PUT', body });
    assert.equal(call.status, 200);
    assert.equal(body.waiting, 0);
    line.finish();
    body.finish();
    assert.equal(line.clock.pending, 0);
  });

  test('counts from when the body is in', () => {
    const line = createLine({ timeout: '5s', attemptTimeout: false, endpoints: { a: ['hang'] } });
    const body = FakeBody.streaming('body-too-large');
    const call = line.call({ method: 'PUT', body });
    line.advance(20_000);
    body.finish();
    line.advance(4_999);
    assert.equal(call.ends, 0);
    line.advance(1);
    assert.equal(call.error?.code, 'deadline');
    line.finish();
  });

  test('counts neither way for the circuit when it cuts an attempt before its own time', () => {
    const line = createLine({ timeout: '2s', attemptTimeout: '9s', endpoints: { a: ['hang'] } });
    line.run();
    assert.equal(line.circuit().calls, 0);
    line.finish();
  });

  test('counts as a timeout when the attempt had run as long as its own time, at the same moment', () => {
    const line = createLine({ timeout: '5s', attemptTimeout: '5s', endpoints: { a: ['hang'] } });
    const call = line.run();
    assert.equal(call.error?.code, 'deadline');
    assert.deepEqual([line.circuit().calls, line.circuit().failureRate], [1, 1]);
    assert.deepEqual(kinds(line), ['deadline']);
    line.finish();
  });

  test('cuts an attempt that waits for a connection, and no upstream is to blame', () => {
    const line = createLine({ timeout: '2s', endpoints: { a: ['no-connection'] } });
    const call = line.run();
    assert.equal(call.error?.code, 'deadline');
    assert.equal(line.circuit().calls, 0);
    line.finish();
  });

  test('is not there when it is off', () => {
    const line = createLine({ timeout: false, attemptTimeout: false, endpoints: { a: [{ status: 200, after: 1e7 }] } });
    assert.equal(line.run().status, 200);
    assert.equal(sentHeader(line.seen()[0], 'x-request-timeout-ms'), undefined);
    line.finish();
  });
});
