import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { LocalController } from '../../../src/policies/pass-through.js';
import { FakeBody } from '../../support/fake-body.js';
import { createLine, sentHeader, text, type Line, type LineOptions, type Script } from '../../support/line.js';
import { seededRandom } from '../../../src/simulation/seeded-random.js';
import type { Answer } from '../../support/scripted-upstream.js';

const after = (ms: number, status = 200, body = ''): Answer => ({ status, after: ms, body });

/** A line without retries that hedges after 50 ms, one endpoint each for the attempt and its hedge. */
function hedging(first: readonly Answer[], second: readonly Answer[], over: LineOptions = {}): Line {
  return createLine({
    retry: false,
    hedge: { delay: '50ms' },
    retryBudget: { minPerSecond: 100 },
    endpoints: { a: first, b: second },
    ...over,
  });
}

const hedges = (line: Line) => line.of('hedge').map((event) => event.result);

describe('a hedge', () => {
  test('is not made when the first attempt answers in time', () => {
    const line = hedging([after(49)], [after(0)]);
    const call = line.run();
    assert.equal(call.headAt, 49);
    line.finish();
    assert.equal(line.seen().length, 1);
    assert.deepEqual(hedges(line), []);
  });

  test('goes to another endpoint after the delay, wins, and the first attempt is cut off', () => {
    const line = hedging(['hang'], [after(20, 200, 'from b')]);
    const call = line.run();
    assert.deepEqual([call.status, call.body, call.headAt], [200, 'from b', 70]);
    line.finish();
    assert.equal(line.seen('b')[0]?.at, 50);
    assert.equal((line.seen('a')[0]?.aborted as { code?: string } | undefined)?.code, 'cancelled');
    assert.deepEqual(hedges(line), ['won']);
    assert.deepEqual(line.results().sort(), ['cancelled', 'success']);
  });

  test('loses when the first attempt answers after all; it is cut off and nothing of it is seen', () => {
    const line = hedging([after(60, 200, 'from a')], ['hang']);
    const call = line.run();
    assert.deepEqual([call.body, call.headAt], ['from a', 60]);
    line.finish();
    assert.ok(line.seen('b')[0]?.aborted);
    assert.deepEqual(hedges(line), ['lost']);
  });

  test('counts in the attempts and against the budget, not as a retry', () => {
    const line = hedging(['hang'], [after(20)]);
    const call = line.run();
    line.finish();
    assert.deepEqual([call.call.attempts, call.call.retries], [2, 0]);
    assert.deepEqual(line.of('retry'), []);
    assert.deepEqual(line.of('retry-success'), []);
  });

  test('goes to the same endpoint where there is only one', () => {
    const line = createLine({
      retry: false,
      hedge: { delay: '50ms' },
      endpoints: { a: ['hang', 200] },
    });
    assert.equal(line.run().headAt, 50);
    line.finish();
  });

  test('is told to the next layer as a retry, so that it is neither retried nor hedged there', () => {
    const line = hedging(['hang'], [200]);
    line.run();
    line.finish();
    assert.equal(sentHeader(line.seen('a')[0], 'x-retry-attempt'), undefined);
    assert.equal(sentHeader(line.seen('b')[0], 'x-retry-attempt'), '1');
  });

  test('is made as often as max says, each a delay after the last', () => {
    const line = createLine({
      retry: false,
      hedge: { delay: '50ms', max: 2 },
      retryBudget: { minPerSecond: 100 },
      endpoints: { a: ['hang'], b: ['hang'], c: [after(5)] },
    });
    const call = line.run();
    assert.equal(call.headAt, 105);
    line.finish();
    assert.deepEqual(line.times(), [0, 50, 100]);
    assert.deepEqual(hedges(line).sort(), ['lost', 'won']);
  });

  test('may be made at once', () => {
    const line = hedging([after(10)], [after(1)], { hedge: { delay: '0s' } });
    assert.equal(line.run().headAt, 1);
    line.finish();
  });
});

describe('no hedge is made', () => {
  const cases: Readonly<Record<string, { request?: Parameters<Line['call']>[0]; line?: LineOptions }>> = {
    'for a method that is not listed': { request: { method: 'POST' } },
    'for a call that is itself a retry': { request: { headers: { 'x-retry-attempt': '1' } } },
    'for a connection that is to be upgraded': { request: { upgrade: 'websocket' } },
    'for a body that is on its way': { request: { method: 'PUT', body: FakeBody.streaming('body-too-large') } },
    'while retries are switched off': { line: { retriesEnabled: (route) => route !== 'route' } },
    'where retries are only in shadow mode': { line: { retry: { mode: 'shadow' } } },
    'without a place in the budget': {
      line: { retryBudget: { minPerSecond: 0, failedRatio: 0, totalRatio: 0 } },
    },
    'when the deadline is nearer than the delay': { line: { timeout: '50ms' } },
  };
  for (const [name, { request, line: over }] of Object.entries(cases)) {
    test(name, () => {
      const line = hedging([after(5_000)], [200], { ...over });
      const call = line.call({ ...request });
      line.advance(6_000);
      line.finish();
      assert.equal(call.ends, 1);
      assert.equal(line.seen('b').length, 0);
      assert.deepEqual(hedges(line), []);
    });
  }

  test('for a kept body it is, with the same body', () => {
    const body = FakeBody.kept('the body');
    const line = hedging(['hang'], [after(5)], { hedge: { delay: '50ms', methods: ['PUT'] } });
    line.run({ method: 'PUT', body });
    line.finish();
    assert.equal(line.seen('b')[0]?.opts.body, 'the body');
  });
});

describe('of an attempt and its hedge', () => {
  test('a bad head waits for the other, and a good one then wins', () => {
    for (const bad of [503, 500, 429]) {
      const line = hedging([after(60, bad, 'bad')], [after(50, 200, 'good')]);
      const call = line.run();
      assert.deepEqual([call.status, call.body, call.headAt], [200, 'good', 100], `${bad}`);
      line.finish();
      assert.deepEqual(hedges(line), ['won']);
    }
  });

  test('a bad head before the hedge is due goes up at once: that is for retry to judge', () => {
    const line = hedging([after(10, 503)], [200]);
    assert.equal(line.run().headAt, 10);
    line.finish();
    assert.equal(line.seen().length, 1);
  });

  test('a 404 is an answer: it wins', () => {
    const line = hedging([after(70)], [after(10, 404)]);
    assert.equal(line.run().status, 404);
    line.finish();
    assert.deepEqual(hedges(line), ['won']);
  });

  test('both bad: the last answer goes up, with its own head and body', () => {
    const line = hedging(
      [{ status: 503, after: 60, body: 'first', headers: { 'x-from': 'a' } }],
      [after(50, 502, 'second')],
    );
    const call = line.run();
    assert.deepEqual([call.status, call.body, call.headers['x-from'], call.headAt], [502, 'second', undefined, 100]);
    line.finish();
    assert.deepEqual(hedges(line), ['failed']);
  });

  test('one answered badly, the other broke: the answer goes up, since it tells more', () => {
    const line = hedging([after(60, 503, 'sorry')], ['hang'], { attemptTimeout: '200ms' });
    const call = line.run();
    assert.deepEqual([call.status, call.body, call.headAt], [503, 'sorry', 250]);
    line.finish();
  });

  test('an answer that was held while larger than 64 KiB goes up whole', () => {
    const body = 'x'.repeat(100_000);
    const line = hedging([after(60, 503, body)], ['hang'], { attemptTimeout: '200ms' });
    assert.equal(line.run().body, body);
    line.finish();
  });

  test('an answer that broke while it was held breaks for the app too', () => {
    const line = hedging([{ status: 503, after: 60, body: 'half', breaks: true }], ['hang'], {
      attemptTimeout: '200ms',
    });
    const call = line.run();
    assert.deepEqual([call.status, call.body, call.error !== undefined], [503, 'half', true]);
    line.finish();
  });

  test('both broke: the error that does not claim that nothing was sent goes up', () => {
    for (const [first, second] of [
      ['hang', 'refuse'],
      ['hang', 'hang'],
    ] as const) {
      const line = hedging([first], [second], { attemptTimeout: '200ms' });
      assert.equal(line.run().error?.code, 'timeout');
      line.finish();
      assert.deepEqual(hedges(line), ['failed']);
    }
  });

  test('also when the refusal is the last to come', () => {
    const refusesLate: Script = {
      dispatch: (_opts, handler) => {
        const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
        line.clock.setTimer(100, () => handler.onResponseError?.(new LocalController(null), refused));
        return true;
      },
    };
    const line: Line = createLine({
      retry: false,
      hedge: { delay: '50ms' },
      attemptTimeout: '120ms',
      endpoints: { a: ['hang'], b: refusesLate },
    });
    const call = line.run();
    assert.deepEqual([call.error?.code, call.endedAt], ['timeout', 150]);
    line.finish();
  });

  test('a first attempt that fails at once is not hedged', () => {
    const line = hedging(['refuse'], [200]);
    assert.equal(line.run().error?.code, 'connect-failure');
    line.finish();
    assert.equal(line.seen('b').length, 0);
  });

  test('a first attempt that fails while the hedge runs leaves it the word', () => {
    const line = hedging(['hang'], [after(100, 200, 'late')], { attemptTimeout: '120ms' });
    const call = line.run();
    assert.deepEqual([call.body, call.headAt], ['late', 150]);
    line.finish();
    assert.deepEqual(hedges(line), ['won']);
  });

  test('interim answers pass once, those of the first attempt', () => {
    const interim = (status: number): Script => ({
      dispatch: (_opts, handler) => {
        handler.onRequestStart?.(new LocalController(null), null);
        handler.onResponseStart?.(new LocalController(null), status, {});
        return true;
      },
    });
    const line = createLine({
      retry: false,
      timeout: false,
      attemptTimeout: false,
      hedge: { delay: '50ms' },
      endpoints: { a: interim(103), b: interim(102) },
    });
    const call = line.call();
    line.advance(60);
    assert.equal(call.attempts, 2);
    assert.deepEqual(call.interim, [103]);
  });
});

describe('an end from above', () => {
  test('the app goes away: both are cut off, one end, no timer', () => {
    for (const when of [10, 50, 60, 5_000]) {
      const line = hedging(['hang'], ['hang']);
      const call = line.call();
      line.advance(when);
      call.leave();
      line.finish();
      assert.equal(call.error?.code, 'client-gone');
      for (const seen of line.seen()) assert.ok(seen.aborted);
    }
  });

  test('the app goes away while a bad answer is held', () => {
    const line = hedging([{ status: 503, after: 60, body: 'x', bodyAfter: 1_000 }], ['hang']);
    const call = line.call();
    line.advance(100);
    call.leave();
    line.finish();
    assert.equal(call.error?.code, 'client-gone');
  });

  test('the app goes away in the middle of the body', () => {
    const line = hedging(['hang'], [{ status: 200, after: 5, body: 'x', bodyAfter: 1_000 }]);
    const call = line.call();
    line.advance(100);
    assert.equal(call.status, 200);
    call.leave();
    line.finish();
    assert.equal(call.error?.code, 'client-gone');
    assert.deepEqual(hedges(line), ['won']);
  });

  test('the deadline ends both', () => {
    const line = hedging(['hang'], ['hang'], { timeout: '300ms' });
    const call = line.run();
    assert.deepEqual([call.error?.code, call.endedAt], ['deadline', 300]);
    line.finish();
    assert.deepEqual(hedges(line), ['failed']);
  });

  test('a body that breaks after the head is no reason for the other', () => {
    const line = hedging(['hang'], [{ status: 200, after: 5, body: 'half', breaks: true }]);
    const call = line.run();
    assert.deepEqual([call.status, call.body, call.error?.code], [200, 'half', 'bad-response']);
    line.finish();
  });
});

describe('hedge × circuit, concurrency, budget, retry', () => {
  test('what is cut off counts neither way at its circuit', () => {
    const line = hedging(['hang'], [after(5)]);
    for (let i = 0; i < 10; i++) line.run();
    line.finish();
    assert.equal(line.circuit('a').calls + line.circuit('b').calls, 10);
    assert.equal(line.circuit('a').failureRate, 0);
  });

  test('a hedge that no circuit admits is just not made', () => {
    const line = createLine({
      retry: false,
      circuitBreaker: { consecutiveFailures: 1, probeShare: 0 },
      hedge: { delay: '50ms' },
      // One good call is on its way when another opens the circuit.
      endpoints: { a: [after(200), 503] },
    });
    const slow = line.call();
    line.advance(10);
    line.call({ method: 'POST' });
    line.finish();
    assert.deepEqual([slow.status, slow.headAt], [200, 200]);
    assert.equal(line.seen().length, 2);
    assert.deepEqual(hedges(line), []);
    assert.deepEqual(line.of('circuit-refusal'), []);
  });

  test('a hedge without a place is just not made, and does not queue for one', () => {
    const line = hedging([after(200)], [200], { concurrency: { limit: 1, queue: 5 } });
    const call = line.run();
    assert.equal(call.headAt, 200);
    line.finish();
    assert.equal(line.seen().length, 1);
    assert.deepEqual(hedges(line), []);
  });

  test('hedges of a slow upstream stop where the budget does', () => {
    const line = createLine({
      retry: false,
      hedge: { delay: '50ms' },
      retryBudget: { minPerSecond: 0, failedRatio: '5%', totalRatio: '50%' },
      endpoints: { a: () => after(100) },
    });
    for (let i = 0; i < 100; i++) {
      line.call();
      line.advance(10);
    }
    line.finish();
    // None of them helps, so none gives its place back.
    assert.ok(hedges(line).length <= 5 && hedges(line).length >= 3, `${hedges(line).length}`);
    assert.ok(hedges(line).every((result) => result === 'lost'));
  });

  test('when all calls become slow at once, few are hedged at once', () => {
    const line = createLine({
      retry: false,
      hedge: { delay: '50ms' },
      // Room for hundreds.
      retryBudget: { minPerSecond: 100, failedRatio: '100%', totalRatio: '100%' },
      endpoints: { a: (attempt) => (attempt <= 100 ? 200 : 'hang') },
      timeout: '10s',
    });
    for (let i = 0; i < 100; i++) line.run();
    for (let i = 0; i < 40; i++) line.call();
    line.advance(50);
    assert.equal(line.seen().length - 140, 1);
    line.advance(60_000);
    line.finish();
  });

  test('a hedge that is refused here leaves its place to the next', () => {
    const line = createLine({
      retry: false,
      hedge: { delay: '50ms' },
      concurrency: { limit: 2 },
      endpoints: { a: () => after(100) },
    });
    line.call();
    line.call();
    line.advance(100);
    assert.equal(line.seen().length, 2, 'there is no place for a hedge of either');
    line.run();
    line.finish();
    assert.equal(line.seen().length, 4);
    assert.deepEqual(hedges(line), ['lost']);
  });

  test('a call brings its share of a hedge once, however often it is retried', () => {
    const line = createLine({
      retry: { maxAttempts: 10, backoff: { base: '1ms' } },
      hedge: { delay: '50ms' },
      retryBudget: { minPerSecond: 100 },
      circuitBreaker: false,
      // A hedge is lost, a call takes ten attempts, and the next is slow again.
      endpoints: { a: (attempt) => (attempt <= 2 || attempt > 12 ? after(100) : attempt < 12 ? 503 : 200) },
    });
    for (let i = 0; i < 3; i++) assert.equal(line.run().status, 200);
    line.finish();
    assert.equal(line.seen().length, 13);
    assert.deepEqual(hedges(line), ['lost']);
  });

  test('without a budget hedges are not rationed at all', () => {
    const line = createLine({
      retry: false,
      retryBudget: false,
      hedge: { delay: '50ms' },
      endpoints: { a: () => after(100) },
    });
    for (let i = 0; i < 40; i++) line.call();
    line.advance(50);
    assert.equal(line.seen().length, 80);
    line.advance(1_000);
    line.finish();
  });

  test('hedges that win give their places back, so that they are bounded only by the total', () => {
    const line = createLine({
      retry: false,
      hedge: { delay: '50ms' },
      retryBudget: { minPerSecond: 0, failedRatio: '10%', totalRatio: '100%' },
      // After ten good calls, which give the budget one place, each first attempt hangs and each hedge answers.
      endpoints: { a: (attempt) => (attempt > 10 && attempt % 2 === 1 ? 'hang' : 200) },
    });
    for (let i = 0; i < 10; i++) line.run();
    for (let i = 0; i < 20; i++) assert.equal(line.run().status, 200);
    line.finish();
    assert.equal(hedges(line).filter((result) => result === 'won').length, 20);
  });

  test('to retry, an attempt and its hedge are one: it retries when both are bad, and the next may be hedged too', () => {
    const line = createLine({
      retry: { maxAttempts: 2, backoff: { jitter: 'none', base: '100ms' } },
      retryBudget: false,
      hedge: { delay: '50ms' },
      endpoints: { a: ['hang', 'hang'], b: [after(5, 503), after(5)] },
      attemptTimeout: '200ms',
    });
    const call = line.run();
    line.finish();
    assert.equal(call.status, 200);
    // The hedge's 503 waits for the first attempt, which times out at 200; 100 later the retry, and its hedge 50 after it.
    assert.deepEqual(line.times(), [0, 50, 300, 350]);
    assert.deepEqual([call.call.attempts, call.call.retries], [4, 1]);
    assert.deepEqual(
      line.of('retry').map(({ reason, attempt }) => [reason, attempt.number]),
      [['503', 1]],
    );
    assert.deepEqual(hedges(line), ['failed', 'won']);
    assert.deepEqual(
      line.seen().map((seen) => sentHeader(seen, 'x-retry-attempt')),
      [undefined, '1', '1', '2'],
    );
  });
});

describe('a percentile delay', () => {
  /** A hundred calls of 1 to 100 ms, one after the other. */
  function warm(line: Line, calls = 100): void {
    for (let i = 0; i < calls; i++) line.run();
  }

  test('hedges nothing before a hundred heads were seen, then after the percentile', () => {
    const line = createLine({
      retry: false,
      hedge: { delay: 'p95' },
      retryBudget: { minPerSecond: 100 },
      endpoints: { a: (attempt) => (attempt <= 100 ? after(attempt) : attempt === 101 ? 'hang' : after(5)) },
    });
    warm(line);
    assert.equal(line.seen().length, 100);
    const started = line.clock.now();
    const call = line.run();
    assert.equal(call.headAt, started + 95 + 5);
    line.finish();
  });

  test('does not fall although the slow ones are cut off before they end', () => {
    const random = seededRandom(7);
    const line = createLine({
      retry: false,
      hedge: { delay: 'p90' },
      retryBudget: { minPerSecond: 1_000 },
      // Exponential: half of the slow ones are overtaken by their hedges.
      endpoints: { a: () => after(-20 * Math.log(1 - random())) },
    });
    warm(line, 1_000);
    const before = hedges(line).length;
    warm(line, 3_000);
    line.finish();
    const share = (hedges(line).length - before) / 3_000;
    assert.ok(share > 0.07 && share < 0.13, `${share}`);
  });

  test('bad answers say nothing about how long good ones take', () => {
    const line = createLine({
      retry: false,
      circuitBreaker: false,
      hedge: { delay: 'p50' },
      retryBudget: { minPerSecond: 100 },
      endpoints: { a: (attempt) => (attempt <= 200 ? after(1, 503) : after(100)) },
    });
    warm(line, 200);
    line.run();
    line.finish();
    assert.deepEqual(hedges(line), []);
  });
});

test('text answers keep their headers through a hedge', () => {
  const line = hedging(['hang'], [text(200, 'hello', { 'content-type': 'text/plain' })]);
  const call = line.run();
  assert.deepEqual([call.headers['content-type'], call.body], ['text/plain', 'hello']);
  line.finish();
});
