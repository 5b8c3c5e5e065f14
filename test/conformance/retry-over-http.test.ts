import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FakeBody } from '../support/fake-body.js';
import { createLine, text, type LineOptions, type LineRequest } from '../support/line.js';
import type { Answer } from '../support/scripted-upstream.js';
import { interimThen } from '../support/interim-upstream.js';

const KEYED = { 'idempotency-key': 'k1' };

/** One call to an endpoint that answers so, and then well. */
function attemptsOf(first: Answer, request: LineRequest = {}, options: LineOptions = {}): number {
  const line = createLine({ endpoints: { a: [first, 200] }, ...options });
  const call = line.run(request);
  line.finish();
  return call.attempts;
}

/** How long the retry after a 503 with this Retry-After waits; undefined if there is none. The back-off is 50 ms. */
function waitAfter(retryAfter: string, status = 503): number | undefined {
  const line = createLine({ endpoints: { a: [{ status, headers: { 'Retry-After': retryAfter } }, 200] } });
  line.run();
  line.finish();
  return line.waits()[0];
}

describe('conformance: retry over HTTP', () => {
  test('33. 503 for ever, maxAttempts 3: 3 attempts, the app gets the third 503 with its own headers and body', () => {
    const answers = [1, 2, 3, 4].map((n) => text(503, `body ${n}`, { 'x-attempt': String(n) }));
    const line = createLine({ endpoints: { a: answers } });
    const call = line.run();
    assert.equal(call.attempts, 3);
    assert.deepEqual([call.status, call.headers['x-attempt'], call.body], [503, '3', 'body 3']);
    line.finish();
  });

  test('34. Retry-After: 1 → at least 1 s', () => {
    for (const status of [429, 503]) {
      const wait = waitAfter('1', status);
      assert.ok(wait !== undefined && wait >= 1_000 && wait <= 1_100, `${wait} ms`);
    }
  });

  test('34. an HTTP date 2 s ahead → at least 1 s', () => {
    for (const date of [
      'Thu, 01 Jan 2026 00:00:02 GMT',
      'Thursday, 01-Jan-26 00:00:02 GMT',
      'Thu Jan  1 00:00:02 2026',
    ]) {
      const wait = waitAfter(date);
      assert.ok(wait !== undefined && wait >= 1_000 && wait <= 2_200, `${date}: ${wait} ms`);
    }
  });

  test('34. a date in the past, "abc", "-1" → normal back-off', () => {
    for (const value of ['Thu, 01 Jan 2015 00:00:00 GMT', 'abc', '-1', '', '1.5', '0x10', '1e3']) {
      assert.equal(waitAfter(value), 50, `'${value}'`);
    }
  });

  test('34. 3600 with max 30s → no retry, passed on', () => {
    const line = createLine({ endpoints: { a: [text(503, 'later', { 'Retry-After': '3600' }), 200] } });
    const call = line.run();
    assert.deepEqual([call.status, call.body, call.headers['retry-after'], call.attempts], [503, 'later', '3600', 1]);
    assert.deepEqual(line.suppressed(), ['retry-after']);
    line.finish();
  });

  test('35. POST 503: 1 attempt', () => {
    assert.equal(attemptsOf(503, { method: 'POST', body: FakeBody.kept('x') }), 1);
  });

  test('35. POST with Idempotency-Key: retried', () => {
    assert.equal(attemptsOf(503, { method: 'POST', headers: KEYED, body: FakeBody.kept('x') }), 2);
  });

  test('35. POST refused connection: retried', () => {
    assert.equal(attemptsOf('refuse', { method: 'POST', body: FakeBody.kept('x') }), 2);
  });

  test('35. PUT 503: retried with the same body bytes', () => {
    const line = createLine({ endpoints: { a: [503, 503, 200] } });
    const call = line.run({ method: 'PUT', body: FakeBody.kept('{"amount":1}') });
    assert.equal(call.status, 200);
    assert.deepEqual(
      line.seen().map(({ opts }) => opts.body),
      ['{"amount":1}', '{"amount":1}', '{"amount":1}'],
    );
    line.finish();
  });

  test("36. the body breaks after the head: not retried, the app's connection ends in error, never a clean end", () => {
    const line = createLine({ endpoints: { a: [{ status: 200, body: 'half of', breaks: true }, 200] } });
    const call = line.run();
    assert.deepEqual([call.status, call.body, call.error?.code, call.attempts], [200, 'half of', 'bad-response', 1]);
    line.finish();
  });

  test('37. app goes away during back-off: no further attempt, and the timer is gone', () => {
    const line = createLine({ endpoints: { a: [503, 200] } });
    const call = line.call();
    line.advance(10);
    assert.equal(line.of('retry').length, 1);
    call.leave();
    assert.equal(line.clock.pending, 0);
    line.advance(60_000);
    assert.equal(line.seen().length, 1);
    assert.equal(call.error?.code, 'client-gone');
    assert.deepEqual(line.suppressed(), ['client-gone']);
    line.finish();
  });

  test('38. 429 and 400: the first retried, the second not; 401, 403, 404, 409, 422 never', () => {
    assert.equal(attemptsOf(429), 2);
    for (const status of [400, 401, 403, 404, 409, 422]) assert.equal(attemptsOf(status), 1, String(status));
  });

  test('39. HEAD, 204 and 304 keep their meaning', () => {
    for (const [method, status] of [
      ['HEAD', 200],
      ['GET', 204],
      ['GET', 304],
    ] as const) {
      const headers = { etag: '"x"', 'content-length': '12' };
      const line = createLine({ endpoints: { a: [503, { status, headers }] } });
      const call = line.run({ method });
      assert.deepEqual([call.status, call.headers, call.body, call.attempts], [status, headers, '', 2]);
      line.finish();
    }
  });

  test('39. 1xx (103 Early Hints) pass, and the attempt still waits for its answer', () => {
    const line = createLine({ endpoints: { a: { dispatch: interimThen([103, 103], [503, 200]) } } });
    const call = line.run();
    assert.deepEqual([call.interim, call.status, call.attempts], [[103, 103, 103, 103], 200, 2]);
    line.finish();
  });

  test("40. budget spent but the answer is 200: no 'budget' in retries_suppressed_total", () => {
    const line = createLine({
      retryBudget: { failedRatio: 0, totalRatio: 0, minPerSecond: 0 },
      endpoints: { a: [503, 200] },
    });
    assert.equal(line.run().status, 503);
    assert.deepEqual(line.suppressed(), ['budget']);
    assert.equal(line.run().status, 200);
    assert.deepEqual(line.suppressed(), ['budget']);
    line.finish();
  });
});
