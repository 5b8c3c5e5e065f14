import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FakeBody } from '../../support/fake-body.js';
import { createLine, text, type Line, type LineCall, type LineOptions, type LineRequest } from '../../support/line.js';
import { scriptedRandom } from '../../support/scripted-random.js';
import type { Answer } from '../../support/scripted-upstream.js';

const NO_WAIT = { strategy: 'fixed', base: '0s', jitter: 'none' } as const;
const KIB = 1024;

/** One call, to its end. */
function run(options: LineOptions, request?: LineRequest): { line: Line; call: LineCall } {
  const line = createLine(options);
  const call = line.run(request);
  line.finish();
  return { line, call };
}

describe('retry goes on', () => {
  test('after each class that is listed by default', () => {
    for (const failure of ['refuse', 'reset', 'hang', 429, 502, 503, 504] as const) {
      const { call, line } = run({ endpoints: { a: [failure, 200] } });
      assert.deepEqual([call.status, call.attempts], [200, 2], String(failure));
      assert.equal(line.of('retry-success').length, 1);
    }
  });

  test('after a 500 or another 5xx only if it is listed', () => {
    for (const status of [500, 501, 507]) {
      assert.equal(run({ endpoints: { a: [status, 200] } }).call.attempts, 1);
      assert.equal(run({ retry: { on: ['5xx'] }, endpoints: { a: [status, 200] } }).call.attempts, 2);
    }
    assert.equal(run({ retry: { on: ['500'] }, endpoints: { a: [500, 200] } }).call.attempts, 2);
  });

  test('after an answer that bears the listed header, whatever its status from 400 on', () => {
    const retry = { on: ['retriable-header:X-Retry'] };
    for (const [status, attempts] of [
      [200, 1],
      [302, 1],
      [400, 2],
      [404, 2],
      [500, 2],
    ] as const) {
      const { call, line } = run({ retry, endpoints: { a: [{ status, headers: { 'x-retry': '' } }, 200] } });
      assert.equal(call.attempts, attempts, String(status));
      if (attempts === 2) assert.equal(line.of('retry')[0]?.reason, 'retriable-header');
    }
    assert.equal(run({ retry, endpoints: { a: [404, 200] } }).call.attempts, 1);
  });

  test('at another endpoint, while there is one that the call has not tried', () => {
    const { line } = run({
      loadBalancing: 'random',
      random: () => 0,
      retry: { maxAttempts: 4 },
      endpoints: { a: [503], b: [503], c: [503] },
    });
    assert.deepEqual(
      ['a', 'b', 'c'].map((name) => line.seen(name).length),
      [2, 1, 1],
    );
  });

  test('without any wait if it is told so', () => {
    const { line, call } = run({
      retry: { maxAttempts: 50, backoff: NO_WAIT },
      endpoints: { a: [503] },
      retryBudget: false,
      circuitBreaker: false,
    });
    assert.deepEqual([call.attempts, call.endedAt], [50, 0]);
    assert.deepEqual(new Set(line.times()), new Set([0]));
  });

  test('says what it does: attempt, reason, wait', () => {
    const { line } = run({ endpoints: { a: [503, 'reset', 200] } });
    const told = line.of('retry').map(({ attempt, maxAttempts, reason, status, error, delayMs }) => ({
      number: attempt.number,
      endpoint: attempt.endpoint?.label,
      maxAttempts,
      reason,
      status,
      error: error?.code,
      delayMs,
    }));
    assert.deepEqual(told, [
      { number: 1, endpoint: 'http://a', maxAttempts: 3, reason: '503', status: 503, error: undefined, delayMs: 50 },
      {
        number: 2,
        endpoint: 'http://a',
        maxAttempts: 3,
        reason: 'reset',
        status: undefined,
        error: 'reset',
        delayMs: 100,
      },
    ]);
  });

  test('with decorrelated waits that grow from the one before, not from Retry-After', () => {
    const { line } = run({
      retry: { maxAttempts: 4, backoff: { base: '100ms', max: '10s', jitter: 'decorrelated' } },
      endpoints: { a: [503, { status: 503, headers: { 'retry-after': '2' } }, 503, 200] },
      random: () => 0.5,
    });
    // 100 + (300 - 100) / 2; then from 200: 100 + (600 - 100) / 2 = 350, replaced by 2 s · 1.05; then from 350.
    assert.deepEqual(line.waits(), [200, 2_100, 575]);
  });
});

describe('retry waits as Retry-After asks', () => {
  function wait(retryAfter: string, retry: NonNullable<LineOptions['retry']>, status = 503, chance = 0.5) {
    const endpoints = { a: [{ status, headers: { 'retry-after': retryAfter } }, 200] };
    return run({ retry, endpoints, random: () => chance }).line.waits()[0];
  }

  test('up to a tenth longer, so that clients do not return together', () => {
    assert.equal(wait('2', {}, 503, 0), 2_000);
    assert.equal(Math.round(wait('2', {}, 503, 0.999)!), 2_200);
  });

  test('unless the back-off is longer', () => {
    assert.equal(wait('1', { backoff: { base: '5s', jitter: 'none' } }), 5_000);
  });

  test('only on 429 and 503', () => {
    assert.equal(wait('2', {}, 502), 50);
    assert.equal(wait('2', {}, 429), 2_100);
  });

  test('not if it is told not to', () => {
    assert.equal(wait('2', { retryAfter: { honor: false } }), 50);
    assert.equal(wait('3600', { retryAfter: { honor: false } }), 50);
  });

  test('unless that is past the deadline: then the answer goes to the app', () => {
    const { call, line } = run({
      timeout: '2s',
      endpoints: { a: [text(503, 'busy', { 'retry-after': '5' }), 200] },
    });
    assert.deepEqual([call.status, call.body, call.headers['retry-after'], call.endedAt], [503, 'busy', '5', 0]);
    assert.deepEqual(line.suppressed(), ['deadline']);
  });
});

describe('retry is not made, and says why:', () => {
  /** One call that fails once; why it was not retried. */
  function reasons(options: LineOptions, request?: LineRequest, first: Answer = 503): readonly string[] {
    const { line, call } = run({ endpoints: { a: [first, 200] }, ...options }, request);
    assert.deepEqual(call.call.suppressed, line.suppressed());
    return line.suppressed();
  }

  test('method', () => {
    for (const method of ['POST', 'PATCH', 'CONNECT', 'PROPFIND']) {
      assert.deepEqual(reasons({}, { method, body: FakeBody.kept('x') }), ['method']);
      assert.deepEqual(reasons({}, { method, body: FakeBody.kept('x') }, 'reset'), ['method']);
    }
  });

  test('nothing, for a method or a key that is listed', () => {
    for (const request of [
      { method: 'PATCH' },
      { method: 'POST', headers: { 'x-request-key': '1' } },
      { method: 'PUT' },
    ]) {
      const retry = { methods: ['PATCH', 'PUT'], idempotencyKeys: ['X-Request-Key'] };
      assert.deepEqual(reasons({ retry }, request), []);
    }
  });

  test('body-too-large, replay-memory', () => {
    for (const notKept of ['body-too-large', 'replay-memory'] as const) {
      const body = FakeBody.streaming(notKept);
      body.complete = true;
      assert.deepEqual(reasons({}, { method: 'PUT', body }), [notKept]);
    }
  });

  test('committed: the answer began before the body had ended', () => {
    assert.deepEqual(reasons({}, { method: 'PUT', body: FakeBody.streaming() }), ['committed']);
  });

  test('nothing, for a streamed body of which nothing was sent', () => {
    const body = FakeBody.streaming('body-too-large');
    body.complete = true;
    body.forAttempt = () => 'not taken yet';
    assert.deepEqual(reasons({}, { method: 'POST', body }, 'refuse'), []);
  });

  test('attempts', () => {
    assert.deepEqual(reasons({ retry: { maxAttempts: 1 } }), ['attempts']);
  });

  test('budget', () => {
    const retryBudget = { failedRatio: 0, totalRatio: 0, minPerSecond: 0 };
    assert.deepEqual(reasons({ retryBudget }), ['budget']);
  });

  test('deadline', () => {
    const backoff = { base: '2s', jitter: 'none' } as const;
    assert.deepEqual(reasons({ timeout: '2s', retry: { backoff } }), ['deadline']);
  });

  test('deadline, when less than a millisecond would be left for the attempt: the answer is the better end', () => {
    const backoff = { base: '1999.5ms', jitter: 'none' } as const;
    const { call, line } = run({ timeout: '2s', retry: { backoff }, endpoints: { a: [text(503, 'the answer')] } });
    assert.deepEqual([call.status, call.body, call.error], [503, 'the answer', undefined]);
    assert.deepEqual(line.suppressed(), ['deadline']);
  });

  test('retry-after', () => {
    const first = { status: 503, headers: { 'retry-after': '31' } };
    assert.deepEqual(reasons({}, {}, first), ['retry-after']);
  });

  test('already-a-retry', () => {
    assert.deepEqual(reasons({}, { headers: { 'x-retry-attempt': '1' } }), ['already-a-retry']);
    assert.deepEqual(reasons({}, { headers: { 'x-retry-attempt': '0' } }), []);
    assert.deepEqual(reasons({}, { headers: { 'x-retry-attempt': '1' } }, 'refuse'), []);
  });

  test('switched-off', () => {
    const off = new Set(['route']);
    const retriesEnabled = (route: string) => !off.has(route);
    assert.deepEqual(reasons({ retriesEnabled }), ['switched-off']);
    off.clear();
    off.add('another');
    assert.deepEqual(reasons({ retriesEnabled }), []);
  });

  test('shadow: the first outcome goes to the app, and no budget is spent', () => {
    const { line, call } = run({ retry: { mode: 'shadow' }, endpoints: { a: [text(503, 'first'), 200] } });
    assert.deepEqual([call.status, call.body], [503, 'first']);
    assert.deepEqual(line.suppressed(), ['shadow']);
    assert.deepEqual(
      line.of('shadow').map(({ policy, action }) => [policy, action]),
      [['retry', 'would-retry']],
    );
    assert.equal(line.upstream.budgets?.remaining(0), 10);
  });

  test('circuit-open, and the app gets the last real answer', () => {
    const { line, call } = run({
      circuitBreaker: { consecutiveFailures: 1, probeShare: 0 },
      endpoints: { a: [text(503, 'the answer', { 'x-from': 'a' }), 200] },
    });
    assert.deepEqual(line.suppressed(), ['circuit-open']);
    assert.equal(line.upstream.budgets?.remaining(line.clock.now()), 10, 'a retry that is not made costs nothing');
    assert.deepEqual([call.status, call.body, call.headers['x-from']], [503, 'the answer', 'a']);
    assert.deepEqual([call.attempts, call.ends], [1, 1]);
  });

  for (const [what, answer] of [
    ['large', { status: 503, body: 'x'.repeat(70_000) }],
    ['still arriving', { status: 503, body: 'x'.repeat(100), bodyAfter: 1_000 }],
    ['large and still arriving', { status: 503, body: 'x'.repeat(70_000), bodyAfter: 1_000 }],
  ] as const) {
    test(`circuit-open, and the last real answer is given whole though it is ${what}`, () => {
      const { line, call } = run({
        circuitBreaker: { consecutiveFailures: 1, probeShare: 0, openFor: '5s' },
        endpoints: { a: [answer, 200] },
      });
      assert.deepEqual(line.suppressed(), ['circuit-open']);
      assert.deepEqual([call.status, call.body.length, call.ends], [503, answer.body.length, 1]);
      assert.deepEqual([call.error, call.late], [undefined, []]);
    });
  }

  test('circuit-open, and the last answer has broken meanwhile: the refusal is the better end', () => {
    const { line, call } = run({
      circuitBreaker: { consecutiveFailures: 1, probeShare: 0, openFor: '5s' },
      endpoints: { a: [{ status: 503, body: 'x', breaks: true }, 200] },
    });
    assert.deepEqual(line.suppressed(), ['circuit-open']);
    assert.deepEqual([call.error?.code, call.status, call.ends], ['circuit-open', undefined, 1]);
  });

  test('circuit-open, and the app gets the last real error', () => {
    const { line, call } = run({
      circuitBreaker: { consecutiveFailures: 1, probeShare: 0 },
      endpoints: { a: ['reset', 200] },
    });
    assert.deepEqual(line.suppressed(), ['circuit-open']);
    assert.equal(call.error?.code, 'reset');
  });

  test('overload', () => {
    const line = createLine({
      concurrency: { limit: 1 },
      endpoints: { a: [text(503, 'busy'), 'hang'] },
      attemptTimeout: false,
      timeout: '10s',
    });
    const call = line.call();
    line.advance(1);
    // Another takes the place during the back-off.
    line.call();
    line.advance(100);
    assert.deepEqual([call.status, call.body], [503, 'busy']);
    assert.deepEqual(line.suppressed(), ['overload']);
    line.finish();
  });

  test('nothing, when the first attempt is refused here: nothing was wanted', () => {
    const line = createLine({ circuitBreaker: { probeShare: 0 } });
    line.upstream.circuits!.force('forced-open', Infinity, undefined);
    const call = line.run();
    assert.deepEqual([call.error?.code, call.attempts, line.suppressed()], ['circuit-open', 0, []]);
    line.finish();
  });
});

describe('retry and the answers that it does not want', () => {
  const big = 'x'.repeat(65 * KIB);

  test('reads a short one to its end, so that its connection lives on', () => {
    const { line } = run({ endpoints: { a: [{ status: 503, body: 'short', bodyAfter: 10 }, 200] } });
    assert.equal(line.seen()[0]?.aborted, undefined);
    assert.deepEqual(line.results(), ['503', 'success']);
  });

  test('closes the connection of one that is larger than 64 KiB', () => {
    const { line } = run({ endpoints: { a: [text(503, big), 200] } });
    assert.ok(line.seen()[0]?.aborted);
    assert.deepEqual(line.results(), ['503', 'success']);
  });

  test('cuts one that is not whole when the next attempt begins', () => {
    const { line, call } = run({ endpoints: { a: [{ status: 503, body: 'slow', bodyAfter: 1_000 }, 200] } });
    assert.ok(line.seen()[0]?.aborted);
    assert.deepEqual([call.status, call.endedAt], [200, 50]);
  });

  test('takes no harm from one that breaks while it waits', () => {
    const { line, call } = run({ endpoints: { a: [{ status: 503, body: 'half', breaks: true }, 200] } });
    assert.deepEqual([call.status, call.body, call.error], [200, '', undefined]);
    assert.equal(line.seen().length, 2);
  });

  test('gives the last one as it comes, however large', () => {
    const { call } = run({ retry: { maxAttempts: 2 }, endpoints: { a: [503, text(503, big)] } });
    assert.equal(call.body.length, big.length);
  });

  for (const answer of [
    { status: 503, body: 'slow', bodyAfter: 1_000 },
    { status: 503, body: big },
  ]) {
    test(`frees its place for the next attempt (${answer.body.length} bytes)`, () => {
      const { call, line } = run({ concurrency: { limit: 1 }, endpoints: { a: [answer, 200] } });
      assert.deepEqual([call.status, call.attempts], [200, 2]);
      assert.deepEqual(line.suppressed(), []);
    });
  }
});

describe('the app goes away', () => {
  /** Leaves after some milliseconds; nothing may be left then, at once. */
  function leaves(options: LineOptions, afterMs: number, request?: LineRequest) {
    const line = createLine(options);
    const call = line.call(request);
    line.advance(afterMs);
    const ends = call.ends;
    call.leave();
    call.leave();
    line.finish();
    const sent = line.seen().length;
    line.advance(120_000);
    assert.equal(line.seen().length, sent, 'nothing is sent later');
    assert.equal(call.ends, 1);
    return { line, call, endedBefore: ends === 1 };
  }

  test('while its attempt waits for a connection', () => {
    const { call } = leaves({ endpoints: { a: ['no-connection'] } }, 100);
    assert.equal(call.error?.code, 'client-gone');
  });

  test('while it waits for an answer', () => {
    const { line, call } = leaves({ endpoints: { a: ['hang'] } }, 100);
    assert.equal(call.error?.code, 'client-gone');
    assert.ok(line.seen()[0]?.aborted);
    assert.deepEqual(line.results(), ['client-gone']);
  });

  test('during a back-off', () => {
    const { line, call } = leaves({ endpoints: { a: [503] } }, 10);
    assert.equal(call.error?.code, 'client-gone');
    assert.deepEqual(line.suppressed(), ['client-gone']);
  });

  test('during a back-off: the place in the budget is free again', () => {
    const line = createLine({ retryBudget: { minPerSecond: 0.1 }, endpoints: { a: [503] } });
    const remaining = () => line.upstream.budgets?.remaining(line.clock.now());
    const call = line.call();
    line.advance(10);
    assert.equal(remaining(), 0);
    call.leave();
    assert.equal(remaining(), 1);
    line.finish();
  });

  test('during a back-off, while the unwanted answer still comes: that is cut too', () => {
    const { line } = leaves({ endpoints: { a: [{ status: 503, body: 'x', bodyAfter: 1_000 }] } }, 10);
    assert.ok(line.seen()[0]?.aborted);
  });

  test('while the answer still comes that it gets since no other attempt could be made', () => {
    const { call, line } = leaves(
      {
        circuitBreaker: { consecutiveFailures: 1, probeShare: 0, openFor: '5s' },
        endpoints: { a: [{ status: 503, body: 'x', bodyAfter: 1_000 }] },
      },
      500,
    );
    assert.deepEqual([call.status, call.error?.code], [503, 'client-gone']);
    assert.ok(line.seen()[0]?.aborted);
  });

  test('during its second attempt', () => {
    const { line } = leaves({ endpoints: { a: [503, 'hang'] } }, 500);
    assert.deepEqual(line.results(), ['503', 'client-gone']);
    assert.deepEqual(line.suppressed(), []);
  });

  test('in the middle of the body', () => {
    const { call, line } = leaves({ endpoints: { a: [{ status: 200, body: 'x', bodyAfter: 1_000 }] } }, 10);
    assert.deepEqual([call.status, call.error?.code], [200, 'client-gone']);
    assert.equal(line.circuit().failureRate, 0);
  });

  test('when it is all over', () => {
    const { call, endedBefore } = leaves({ endpoints: { a: [200] } }, 10);
    assert.deepEqual([endedBefore, call.error], [true, undefined]);
  });
});

describe('an answer that is not wanted', () => {
  for (const [how, options] of [
    ['', {}],
    [', with hedges', { hedge: { delay: '1m' } }],
    [', also where that waits for its place', { concurrency: { limit: 1, queue: 1, queueTimeout: '10s' } }],
  ] as const) {
    test(`is cut when the next attempt is made, and not before${how}`, () => {
      const line = createLine({
        ...options,
        endpoints: {
          a: [
            { status: 503, body: 'x'.repeat(70_000) },
            { status: 200, after: 1_000 },
          ],
        },
      });
      const call = line.call();
      line.advance(10);
      assert.equal(line.seen()[0]?.aborted, undefined);
      line.advance(500);
      assert.ok(line.seen()[0]?.aborted);
      assert.equal(line.seen().length, 2);
      line.finish();
      assert.deepEqual([call.status, call.attempts], [200, 2]);
    });
  }
});

describe('retry', () => {
  test('counts one attempt for a connection that is to be upgraded', () => {
    const { call } = run({ endpoints: { a: [503, 200] } }, { upgrade: 'websocket' });
    assert.deepEqual([call.status, call.attempts], [503, 1]);
  });

  test('brings the budget every call, also those that are never retried', () => {
    const line = createLine({ retryBudget: { minPerSecond: 0 } });
    for (let i = 0; i < 20; i++) line.run({ method: 'POST' });
    assert.equal(line.upstream.budgets?.remaining(line.clock.now()), 4);
    line.finish();
  });

  test('gets the places of all retries back when the call succeeds, and none while it has not', () => {
    const line = createLine({
      retry: { maxAttempts: 4 },
      retryBudget: { failedRatio: 0, totalRatio: 100, minPerSecond: 0.3 },
      circuitBreaker: false,
      endpoints: { a: [503, 503, 503, 200] },
    });
    const remaining = () => line.upstream.budgets?.remaining(line.clock.now());
    line.call();
    while (line.seen().length < 3) line.advance(1);
    assert.equal(remaining(), 0, 'two have failed, and the third is yet to be made');
    line.finish();
    assert.equal(remaining(), 3);
  });

  test('gets no place back for a call that ends badly, though by a status that is not retried', () => {
    const line = createLine({
      retry: { maxAttempts: 4 },
      retryBudget: { failedRatio: 0, totalRatio: 100, minPerSecond: 0.3 },
      circuitBreaker: false,
      endpoints: { a: [503, 503, 500] },
    });
    assert.equal(line.run().status, 500);
    assert.equal(line.upstream.budgets?.remaining(line.clock.now()), 1);
    assert.deepEqual(line.of('retry-success'), []);
    line.finish();
  });

  test('gets a place back for a retry that succeeds, and none for one that fails', () => {
    const line = createLine({
      retry: { maxAttempts: 2 },
      retryBudget: { failedRatio: 0, totalRatio: 100, minPerSecond: 0.3 },
      circuitBreaker: false,
      endpoints: { a: [503, 200, 503, 503, 503, 404] },
    });
    const remaining = () => line.upstream.budgets?.remaining(line.clock.now());
    line.run();
    assert.equal(remaining(), 3);
    line.run();
    assert.equal(remaining(), 2);
    line.run();
    assert.equal(remaining(), 2, 'a 404 is an answer like any other');
    line.finish();
  });

  test('keeps a budget for each key', () => {
    const line = createLine({
      retryBudget: { key: '{header:x-tenant}', minPerSecond: 0.1 },
      endpoints: { a: [503] },
      circuitBreaker: false,
      retry: { maxAttempts: 2 },
    });
    const attempts = ['a', 'a', 'b', 'b', undefined, undefined].map((tenant) => {
      const headers: Record<string, string> = tenant === undefined ? {} : { 'x-tenant': tenant };
      return line.run({ headers }).attempts;
    });
    assert.deepEqual(attempts, [2, 1, 2, 1, 2, 1]);
    line.finish();
  });

  test('draws no chance for what it does not retry', () => {
    let draws = 0;
    run({ random: () => (draws++, 0.5), endpoints: { a: [404] } });
    run({ random: () => (draws++, 0.5), endpoints: { a: [503] } }, { method: 'POST' });
    assert.equal(draws, 0);
  });

  test('lets nobody wait for ever when everything fails at once, whatever the endpoint does', () => {
    const random = scriptedRandom(0);
    for (const answer of ['refuse', 'reset', 503, { status: 503, body: 'x' }] as const) {
      const { call } = run({ retry: { maxAttempts: 5, backoff: NO_WAIT }, random, endpoints: { a: [answer] } });
      assert.deepEqual([call.attempts, call.ends], [5, 1]);
    }
  });
});
