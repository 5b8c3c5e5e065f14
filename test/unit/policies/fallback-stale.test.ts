import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FakeBody } from '../../support/fake-body.js';
import { createLine, text, type Line, type LineOptions, type LineRequest } from '../../support/line.js';
import type { Answer } from '../../support/scripted-upstream.js';

/** A line whose upstream does what its script says, one entry a call, and that keeps answers. */
function lineOf(answers: readonly Answer[], stale: object = {}, over: LineOptions = {}): Line {
  return createLine({
    retry: false,
    circuitBreaker: false,
    fallback: { steps: [{ stale }] },
    endpoints: { a: answers },
    ...over,
  });
}

/** Makes the calls one after the other, and says how each was answered. */
function run(line: Line, ...requests: readonly LineRequest[]): [number | undefined, string, string | undefined][] {
  const calls = requests.map((request) => line.run(request));
  line.finish();
  return calls.map((call) => [call.status, call.body, call.call.fallback]);
}

describe('fallback: stale', () => {
  test('the last good answer is given, byte for byte, with its age and why', () => {
    const headers = { 'Content-Type': 'text/plain', ETag: '"1"', 'X-Twice': 'a' };
    const line = lineOf([text(200, 'first'), text(203, 'second', headers), text(503, 'sorry', { 'x-leak': '1' })]);
    line.run();
    line.run();
    line.advance(61_500);
    const call = line.run();
    assert.deepEqual([call.status, call.body, call.call.fallback, call.attempts], [203, 'second', 'stale', 1]);
    assert.deepEqual(call.rawHeaders, [
      ...Object.entries(headers).flat(),
      'age',
      '61',
      'cache-status',
      'outrigger; fwd=stale; fwd-status=503',
    ]);
    assert.equal(call.headers['content-type'], 'text/plain');
    assert.deepEqual(
      line.of('fallback').map(({ kind, cause, result }) => [kind, cause, result]),
      [['stale', '503', 'success']],
    );
    line.finish();
  });

  test('the age counts on from the one that the answer came with, which is replaced', () => {
    const line = lineOf([text(200, 'x', { Age: '30', 'Cache-Status': 'cdn; hit' }), 'reset']);
    line.run();
    line.advance(5_000);
    const call = line.run();
    assert.equal(call.headers.age, '35');
    assert.deepEqual(call.headers['cache-status'], ['cdn; hit', 'outrigger; fwd=stale']);
    line.finish();
  });

  test('without an attempt it is a hit, past its time', () => {
    const line = createLine({
      retry: false,
      circuitBreaker: { consecutiveFailures: 1, openFor: '1h', maxOpenFor: '1h', probeShare: 0 },
      fallback: { steps: [{ stale: {} }] },
      endpoints: { a: [text(200, 'x', { 'cache-control': 'max-age=10' }), 'reset'] },
    });
    line.run();
    line.run();
    const fresh = line.run();
    assert.deepEqual([fresh.body, fresh.attempts], ['x', 0]);
    assert.equal(fresh.headers['cache-status'], 'outrigger; hit; ttl=10');
    line.advance(70_000);
    assert.equal(line.run().headers['cache-status'], 'outrigger; hit; ttl=-60');
    assert.deepEqual(
      line.of('fallback').map(({ cause }) => cause),
      ['reset', 'circuit-open', 'circuit-open'],
    );
    line.finish();
  });

  test('an answer older than maxAge is not given, the age that it came with included', () => {
    const line = lineOf([text(200, 'x', { age: '50' }), 503], { maxAge: '1m' });
    line.run();
    line.advance(9_000);
    assert.equal(line.run().body, 'x');
    line.advance(2_000);
    const call = line.run();
    assert.deepEqual([call.status, call.call.fallback], [503, undefined]);
    assert.equal(line.of('fallback').at(-1)?.result, 'failure');
    line.finish();
  });

  test('what is another request does not get it', () => {
    const line = lineOf([text(200, 'x'), 503]);
    const answers = run(
      line,
      { path: '/a?x=1', host: 'one' },
      { path: '/a?x=2', host: 'one' },
      { path: '/a?x=1', host: 'two' },
      { path: '/a?x=1', host: 'one', method: 'POST' },
      { path: '/a?x=1', host: 'one', headers: { range: 'bytes=0-1' } },
      { path: '/a?x=1', host: 'one', body: FakeBody.kept('{"query":1}') },
      { path: '/a?x=1', host: 'one', upgrade: 'websocket' },
      { path: '/a?x=1', host: 'ONE' },
    );
    assert.deepEqual(
      answers.map(([, body]) => body),
      ['x', '', '', '', '', '', '', 'x'],
    );
  });

  test('Vary tells requests apart', () => {
    const line = lineOf([text(200, 'de', { vary: 'Accept-Language' }), 503]);
    const answers = run(
      line,
      { headers: { 'accept-language': 'de' } },
      { headers: { 'accept-language': 'fr' } },
      {},
      { headers: { 'accept-language': 'de' } },
    );
    assert.deepEqual(
      answers.map(([, body]) => body),
      ['de', '', '', 'de'],
    );
  });

  for (const [what, request, answer] of [
    ['to a range', { headers: { range: 'bytes=0-1' } }, text(200, 'x')],
    ['to a GET with a body, whose meaning is not in its URL', { body: FakeBody.kept('{"query":1}') }, text(200, 'x')],
    ['to a POST', { method: 'POST' }, text(200, 'x')],
    ['in part', {}, text(206, 'x')],
    ['that says no-store', {}, text(200, 'x', { 'cache-control': 'no-store' })],
  ] as const) {
    test(`an answer ${what} is not kept`, () => {
      const line = lineOf([answer]);
      line.run(request);
      line.finish();
      assert.equal(line.staleStores.used, 0);
    });
  }

  test('a HEAD gets the head of what a GET got, a GET nothing of a HEAD', () => {
    const answers = [text(200, 'body', { 'content-length': '4' }), 503];
    const line = lineOf(answers);
    line.run();
    const call = line.run({ method: 'HEAD' });
    assert.deepEqual([call.status, call.body, call.headers['content-length']], [200, '', '4']);
    line.finish();
    assert.deepEqual(
      run(lineOf([{ status: 200 }, 503]), { method: 'HEAD' }, { method: 'HEAD' }, {}).map(([status]) => status),
      [200, 200, 503],
    );
  });

  test('conditions are not evaluated: nobody can confirm the copy that the app has', () => {
    const line = lineOf([text(200, 'x', { etag: '"1"' }), 503]);
    const answers = run(line, {}, { headers: { 'if-none-match': '"1"' } });
    assert.deepEqual(answers[1], [200, 'x', 'stale']);
  });

  test('a 304 for what is kept makes it young again', () => {
    const line = lineOf([text(200, 'x', { etag: '"1"' }), text(304, '', { etag: '"1"', age: '2' }), 503], {
      maxAge: '1m',
    });
    line.run();
    line.advance(50_000);
    assert.equal(line.run({ headers: { 'if-none-match': '"1"' } }).status, 304);
    line.advance(50_000);
    const call = line.run();
    assert.deepEqual([call.body, call.headers.age], ['x', '52']);
    line.finish();
  });

  test('a 304 for something else does not', () => {
    const line = lineOf([text(200, 'x', { etag: '"1"' }), text(304, '', { etag: '"2"' }), 503], { maxAge: '1m' });
    line.run();
    line.advance(50_000);
    line.run();
    line.advance(50_000);
    assert.equal(line.run().status, 503);
    line.finish();
  });

  for (const status of [404, 410, 401, 403]) {
    test(`a ${status} takes it back`, () => {
      const answers = run(lineOf([text(200, 'x'), status, 503]), {}, {}, {});
      assert.deepEqual(
        answers.map(([got]) => got),
        [200, status, 503],
      );
    });
  }

  test('a failure, an error of the caller and a redirect leave it', () => {
    const answers = run(lineOf([text(200, 'x'), 400, 302, 503]), {}, {}, {}, {});
    assert.deepEqual(answers[3], [200, 'x', 'stale']);
  });

  test('a write that succeeds invalidates its URL, for all; one that fails does not', () => {
    const one = { headers: { cookie: 'a=1' } };
    const script = [text(200, 'mine'), text(200, 'yours'), 503, 201, 503];
    const answers = run(
      lineOf(script),
      one,
      {},
      { method: 'POST', headers: { cookie: 'a=1' } },
      { method: 'DELETE' },
      one,
      {},
    );
    assert.deepEqual(
      answers.map(([status]) => status),
      [200, 200, 503, 201, 503, 503],
    );
    const failed = run(lineOf([text(200, 'x'), 503]), {}, { method: 'POST' }, {});
    assert.equal(failed[2]?.[1], 'x');
    const elsewhere = run(lineOf([text(200, 'x'), 200, 503]), {}, { method: 'POST', path: '/other' }, {});
    assert.equal(elsewhere[2]?.[1], 'x');
  });

  for (const before of [[], [text(200, 'before')]]) {
    test(`an answer under way while a write succeeds is not kept (${before.length} kept before)`, () => {
      const slow = { status: 200, after: 100, bodyAfter: 100, body: 'older than the write' };
      const line = lineOf([...before, slow, 201, 503, text(200, 'newer'), 503]);
      for (const _ of before) line.run();
      const reading = line.call();
      line.advance(150);
      assert.equal(line.run({ method: 'PUT' }).status, 201);
      line.advance(100);
      assert.equal(reading.body, 'older than the write');
      assert.equal(line.run().status, 503);
      // What is asked for afterwards is kept again.
      assert.equal(line.run().body, 'newer');
      assert.equal(line.run().body, 'newer');
      line.finish();
    });
  }

  test('an answer whose body takes longer does not replace a newer one', () => {
    const slow = { status: 200, after: 10, bodyAfter: 1_000, body: 'old' };
    const line = lineOf([slow, text(200, 'new'), 503]);
    line.call();
    line.advance(50);
    assert.equal(line.run().body, 'new');
    line.advance(2_000);
    assert.equal(line.run().body, 'new');
    line.finish();
  });

  test('a write that only a fixed answer of ours answered invalidates nothing', () => {
    const line = lineOf([text(200, 'x'), 503], {}, { fallback: { steps: [{ stale: {} }, { response: {} }] } });
    line.run();
    assert.equal(line.run({ method: 'POST' }).call.fallback, 'response');
    assert.equal(line.run().body, 'x');
    line.finish();
  });

  test('a body over maxBodySize is not kept, and no memory is held for it', () => {
    const line = lineOf([text(200, 'x'.repeat(11)), 503], { maxBodySize: '10B' });
    assert.equal(line.run().body.length, 11);
    assert.equal(line.staleStores.used, 0);
    assert.equal(line.run().status, 503);
    line.finish();
  });

  test('an answer that breaks off is not kept, nor answered by a step in the middle', () => {
    const line = lineOf([{ status: 200, body: 'half', breaks: true }, 503]);
    const broken = line.run();
    assert.deepEqual([broken.status, broken.body, broken.error?.code], [200, 'half', 'bad-response']);
    assert.equal(line.staleStores.used, 0);
    assert.deepEqual(line.of('fallback'), []);
    assert.equal(line.run().status, 503);
    line.finish();
  });

  test('an answer that the app left in the middle is not kept', () => {
    const line = lineOf([{ status: 200, body: 'late', bodyAfter: 100 }, 503]);
    const call = line.call();
    line.advance(50);
    call.leave();
    line.finish();
    assert.equal(call.error?.code, 'client-gone');
    assert.equal(line.staleStores.used, 0);
  });

  test('the head is passed on before the body is here', () => {
    const line = lineOf([{ status: 200, body: 'late', bodyAfter: 100 }]);
    const call = line.call();
    line.advance(1);
    assert.deepEqual([call.status, call.body], [200, '']);
    line.finish();
  });

  test('retries come first, and their last answer is what the step replaces', () => {
    const line = createLine({
      retry: { backoff: { base: '10ms', jitter: 'none' } },
      fallback: { steps: [{ stale: {} }] },
      endpoints: { a: [text(200, 'x'), 503, 502, 504, text(200, 'y')] },
    });
    line.run();
    const call = line.run();
    assert.deepEqual([call.body, call.attempts], ['x', 3]);
    assert.equal(call.headers['cache-status'], 'outrigger; fwd=stale; fwd-status=504');
    assert.equal(line.run().body, 'y');
    line.finish();
  });

  test('two steps with different ages share what is kept', () => {
    const line = createLine({
      retry: false,
      fallback: { steps: [{ stale: { maxAge: '1s' } }, { upstream: 'other' }, { stale: { maxAge: '1h' } }] },
      endpoints: { a: [text(200, 'x'), 503] },
      elsewhere: { other: [500] },
    });
    line.run();
    assert.equal(line.run().body, 'x');
    assert.equal(line.seenElsewhere('other').length, 0);
    line.advance(2_000);
    assert.equal(line.run().body, 'x');
    assert.deepEqual(
      line.of('fallback').map(({ kind, result }) => `${kind} ${result}`),
      ['stale success', 'stale failure', 'upstream failure', 'stale success'],
    );
    line.finish();
  });

  test('in a full outage every call that had a good answer before gets one', () => {
    const line = createLine({
      fallback: { steps: [{ stale: {} }] },
      endpoints: { a: (_attempt, now) => (now < 10_000 ? text(200, `at ${now}`) : 503) },
    });
    const path = (n: number) => `/item/${n % 20}`;
    for (let n = 0; n < 100; n++) {
      line.advance(100);
      line.call({ path: path(n) });
    }
    const calls = Array.from({ length: 500 }, (_, n) => {
      line.advance(20);
      return line.call({ path: path(n) });
    });
    line.finish();
    assert.ok(calls.every((call) => call.status === 200 && call.call.fallback === 'stale'));
  });
});
