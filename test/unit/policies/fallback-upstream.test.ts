import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { describe, test } from 'node:test';
import { LocalController } from '../../../src/policies/pass-through.js';
import type { Controller, Handler } from '../../../src/policies/policy.js';
import { FakeBody } from '../../support/fake-body.js';
import { createLine, sentHeader, text, type LineOptions } from '../../support/line.js';
import type { Answer } from '../../support/scripted-upstream.js';

/** A route that fails as its script says, and asks `other` then. */
function lineOf(own: readonly Answer[], other: readonly Answer[], over: LineOptions = {}) {
  return createLine({
    retry: false,
    attemptTimeout: '200ms',
    fallback: { steps: [{ upstream: 'other' }] },
    endpoints: { a: own },
    elsewhere: { other },
    ...over,
  });
}

describe('fallback: upstream', () => {
  test('the same request goes there once, and its answer to the app', () => {
    const line = lineOf([text(503, 'no', { 'x-leak': '1' })], [text(201, 'made', { 'x-from': 'other' })]);
    const call = line.run({ method: 'PUT', path: '/v2/x?y=%20', body: FakeBody.kept('the body') });
    assert.deepEqual([call.status, call.body, call.call.fallback, call.attempts], [201, 'made', 'upstream', 2]);
    assert.deepEqual(call.rawHeaders, ['x-from', 'other']);
    const [seen] = line.seenElsewhere('other');
    assert.deepEqual([seen?.opts.method, seen?.opts.path, seen?.opts.body], ['PUT', '/v2/x?y=%20', 'the body']);
    assert.equal(sentHeader(seen, 'x-retry-attempt'), undefined);
    assert.equal(sentHeader(seen, 'x-request-timeout-ms'), '200');
    assert.deepEqual(
      line.of('fallback').map(({ kind, cause, result }) => [kind, cause, result]),
      [['upstream', '503', 'success']],
    );
    line.finish();
  });

  test('its attempt is counted under its own name and the route', () => {
    const line = lineOf(['reset'], [200]);
    line.run();
    line.finish();
    assert.deepEqual(
      line.of('attempt').map(({ attempt, result }) => [attempt.call.route, attempt.call.upstream, result]),
      [
        ['route', 'up', 'reset'],
        ['route', 'other', 'success'],
      ],
    );
    assert.equal(line.of('attempt')[1]?.attempt.endpoint?.label, 'http://other');
  });

  test('an answer that is listed in `on` is a failure of the step, and the app gets the first one, whole', () => {
    const body = 'x'.repeat(100_000);
    const line = lineOf([text(503, body, { 'x-own': '1' })], [text(502, 'no better', { 'x-leak': '1' })]);
    const call = line.run();
    assert.deepEqual([call.status, call.body, call.attempts], [503, body, 2]);
    assert.deepEqual(call.rawHeaders, ['x-own', '1']);
    assert.equal(call.call.fallback, undefined);
    assert.deepEqual(
      line.of('fallback').map(({ cause, result }) => [cause, result]),
      [['503', 'failure']],
    );
    line.finish();
  });

  test('an answer that is not listed is passed on, whatever it is', () => {
    const line = lineOf([503], [404]);
    assert.equal(line.run().status, 404);
    line.finish();
  });

  for (const [what, other] of [
    ['refused', 'refuse'],
    ['reset', 'reset'],
    ['timed out', 'hang'],
    ['never connected', 'no-connection'],
  ] as const) {
    test(`${what} there: the first error goes to the app`, () => {
      const line = lineOf(['reset'], [other]);
      const call = line.run();
      assert.deepEqual([call.error?.code, call.attempts], ['reset', 2]);
      line.finish();
    });
  }

  test('it has its own circuit, which refuses without an attempt', () => {
    const line = lineOf([503], ['reset'], { circuitBreaker: false });
    for (let n = 0; n < 40; n++) line.run();
    line.finish();
    const refusals = line.of('circuit-refusal');
    assert.ok(refusals.length > 10);
    assert.ok(refusals.every(({ call }) => call.upstream === 'other'));
    assert.equal(line.seenElsewhere('other').length + refusals.length, 40);
    assert.equal(line.of('circuit')[0]?.upstream, 'other');
  });

  test('retries are over before it is asked, and it gets none', () => {
    const line = lineOf(['reset'], [503, 200], { retry: { backoff: { base: '10ms', jitter: 'none' } } });
    const call = line.run();
    assert.deepEqual([call.error?.code, call.attempts], ['reset', 4]);
    assert.equal(line.seenElsewhere('other').length, 1);
    line.finish();
  });

  describe('its time', () => {
    test("goes beyond the route's deadline", () => {
      const line = lineOf(['hang'], [{ status: 200, after: 150 }], { timeout: '100ms' });
      const call = line.run();
      assert.deepEqual([call.status, call.headAt], [200, 250]);
      assert.deepEqual(
        line.of('fallback').map(({ cause }) => cause),
        ['deadline'],
      );
      line.finish();
    });

    test('ends with fallback.timeout, for real', () => {
      const line = lineOf([503], [{ status: 200, after: 150 }], {
        fallback: { timeout: '100ms', steps: [{ upstream: 'other' }] },
      });
      const call = line.run();
      assert.deepEqual([call.status, call.endedAt], [503, 100]);
      assert.ok(line.seenElsewhere('other')[0]?.aborted);
      assert.equal(sentHeader(line.seenElsewhere('other')[0], 'x-request-timeout-ms'), '100');
      assert.deepEqual(
        line.of('timeout').map(({ kind, call: { upstream } }) => [kind, upstream]),
        [['deadline', 'other']],
      );
      line.finish();
    });

    test("never goes beyond the app's own deadline", () => {
      const line = lineOf(['hang'], ['hang'], { timeout: '100ms' });
      const call = line.run({ headers: { 'x-request-timeout-ms': '150' } });
      assert.equal(call.endedAt, 150);
      assert.equal(sentHeader(line.seenElsewhere('other')[0], 'x-request-timeout-ms'), '50');
      line.finish();
    });

    test('is none when the app has given up by then', () => {
      const line = lineOf(['hang'], [200], { timeout: '100ms' });
      const call = line.run({ headers: { 'x-request-timeout-ms': '100' } });
      assert.equal(call.error?.code, 'deadline');
      assert.equal(line.seenElsewhere('other').length, 0);
      line.finish();
    });

    test('stops with the head: a long download goes on', () => {
      const line = lineOf([503], [{ status: 200, body: 'slow', bodyAfter: 10_000 }]);
      const call = line.run();
      assert.deepEqual([call.body, call.endedAt], ['slow', 10_000]);
      line.finish();
    });
  });

  describe('the body of the request', () => {
    test('that was streamed and sent is gone: the step is skipped', () => {
      const line = lineOf([503], [200]);
      const call = line.run({ method: 'PUT', body: FakeBody.streaming('body-too-large') });
      assert.equal(call.status, 503);
      assert.equal(line.seenElsewhere('other').length, 0);
      line.finish();
    });

    test('that is a stream of unknown state, and may have been sent, does not go there', () => {
      const line = lineOf(['reset'], [200]);
      const body = FakeBody.streaming('committed');
      body.forAttempt = () => 'a stream';
      assert.equal(line.run({ method: 'PUT', body }).error?.code, 'reset');
      assert.equal(line.seenElsewhere('other').length, 0);
      line.finish();
    });

    test('that streams and was not sent yet goes there; the clock starts when it is in', () => {
      const line = lineOf(['refuse'], ['hang'], { attemptTimeout: false });
      const body = FakeBody.streaming('body-too-large');
      // The body lies with the connection that was refused, untouched.
      body.forAttempt = () => 'a stream';
      const call = line.call({ method: 'POST', body });
      line.advance(60_000);
      assert.equal(call.ends, 0);
      assert.equal(line.seenElsewhere('other').length, 1);
      body.finish();
      line.advance(2_000);
      assert.equal(call.error?.code, 'connect-failure');
      line.finish();
    });
  });

  describe('the app', () => {
    test('that leaves while it is asked cancels the attempt there, and nobody is to blame', () => {
      const line = lineOf([{ status: 503, body: 'x', bodyAfter: 10_000 }], ['hang']);
      const call = line.call();
      line.advance(50);
      call.leave();
      assert.equal(call.ends, 1);
      assert.equal(call.error?.code, 'client-gone');
      assert.equal((line.seenElsewhere('other')[0]?.aborted as Error & { code?: string }).code, 'client-gone');
      assert.ok(line.seen('a')[0]?.aborted);
      assert.deepEqual(line.of('fallback'), []);
      assert.equal(line.clock.pending, 0);
      line.finish();
    });

    test('that leaves in the middle of its answer cancels that', () => {
      const line = lineOf([503], [{ status: 200, body: 'late', bodyAfter: 100 }]);
      const call = line.call();
      line.advance(50);
      assert.equal(call.status, 200);
      call.leave();
      line.finish();
      assert.ok(line.seenElsewhere('other')[0]?.aborted);
      assert.equal(call.body, '');
    });

    test('steers the answer that it gets', () => {
      const line = lineOf([503], [{ status: 200, body: 'held', bodyAfter: 10 }]);
      const call = line.call();
      line.advance(5);
      call.controller?.pause();
      line.advance(1_000);
      assert.equal(call.body, '');
      call.controller?.resume();
      assert.equal(call.body, 'held');
      line.finish();
    });

    test('steers the first answer again, once nothing better came', () => {
      const line = lineOf([{ status: 503, body: 'late', bodyAfter: 500 }], [502]);
      const call = line.call();
      line.advance(50);
      assert.equal(call.status, 503);
      call.leave();
      line.finish();
      assert.ok(line.seen('a')[0]?.aborted);
      assert.equal(call.body, '');
    });

    test('sees a body that breaks off as such', () => {
      const line = lineOf([503], [{ status: 200, body: 'half', breaks: true }]);
      const call = line.run();
      assert.deepEqual([call.status, call.body, call.error?.code], [200, 'half', 'bad-response']);
      line.finish();
    });
  });

  test('interim answers are passed on only with a good one', () => {
    const early = (status: number) => ({
      dispatch: (_opts: unknown, handler: Handler) => {
        const controller: Controller = new LocalController(['link', '</x>']);
        handler.onRequestStart?.(controller, null);
        handler.onResponseStart?.(controller, 103, { link: '</x>' });
        handler.onResponseStart?.(new LocalController([]), status, {});
        handler.onResponseEnd?.(controller, {});
        return true;
      },
    });
    const good = createLine({
      retry: false,
      fallback: { steps: [{ upstream: 'other' }] },
      endpoints: { a: [503] },
      elsewhere: { other: early(200) },
    });
    const call = good.run();
    assert.deepEqual([call.interim, call.status], [[103], 200]);
    const bad = createLine({
      retry: false,
      fallback: { steps: [{ upstream: 'other' }] },
      endpoints: { a: [503] },
      elsewhere: { other: early(502) },
    });
    assert.deepEqual([bad.run().interim, bad.run().status], [[], 503]);
  });

  test('a handshake goes there too', () => {
    const socket = new PassThrough();
    const line = createLine({
      fallback: { steps: [{ upstream: 'other' }] },
      endpoints: { a: ['refuse'] },
      elsewhere: {
        other: {
          dispatch: (_opts, handler) => {
            const controller = new LocalController(null);
            handler.onRequestStart?.(controller, null);
            handler.onRequestUpgrade?.(controller, 101, {}, socket);
            return true;
          },
        },
      },
    });
    const call = line.call({ upgrade: 'websocket' });
    const upgraded: number[] = [];
    Object.assign(call, { onRequestUpgrade: (_controller: Controller, status: number) => upgraded.push(status) });
    line.advance(10);
    assert.deepEqual(upgraded, [101]);
    assert.equal(call.call.fallback, 'upstream');
  });

  test('its answers are not kept for the step stale, but its writes invalidate', () => {
    const line = lineOf([text(200, 'own'), 503], [text(200, 'from there')], {
      fallback: { steps: [{ upstream: 'other', when: 'always' }, { stale: {} }] },
    });
    line.run();
    const kept = line.staleStores.used;
    assert.equal(line.run().body, 'from there');
    assert.equal(line.staleStores.used, kept);
    line.run({ method: 'POST', body: FakeBody.kept('x') });
    assert.equal(line.staleStores.used, 0);
    line.finish();
  });

  test('an answer that is not wanted and never ends is cut off', () => {
    const line = lineOf(
      [{ status: 503, body: 'x', bodyAfter: 60_000 }],
      [{ status: 502, body: 'x', bodyAfter: 60_000 }],
      {
        fallback: { steps: [{ upstream: 'other' }, { response: { status: 200, body: '{}' } }] },
      },
    );
    const call = line.run();
    assert.deepEqual([call.status, call.body, call.endedAt], [200, '{}', 0]);
    line.finish();
    assert.ok(line.seen('a')[0]?.aborted);
    assert.ok(line.seenElsewhere('other')[0]?.aborted);
  });
});
