import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { seededRandom } from '../../../src/simulation/seeded-random.js';
import { FakeBody } from '../../support/fake-body.js';
import { createLine, type Line, type LineOptions } from '../../support/line.js';

const NO_CIRCUIT = { circuitBreaker: false } as const;
/** One retry that is not over, or has failed, spends it. */
const ONE_PLACE = { failedRatio: 0, totalRatio: 10, minPerSecond: 0.1 };

/** Spends all places by calls that wait for their retry. */
function spend(line: Line): void {
  const budget = line.upstream.budgets!.for(line.run().call);
  while (budget.take(line.clock.now()) !== undefined);
  assert.equal(line.upstream.budgets?.remaining(line.clock.now()), 0);
}

/** The same calls at regular times, all to their ends. */
function play(options: LineOptions, callsPerSecond: number, calls: number): Line {
  const line = createLine({ random: seededRandom(3), ...options });
  for (let i = 0; i < calls; i++) {
    line.call();
    line.advance(1_000 / callsPerSecond);
  }
  line.finish();
  return line;
}

function lost(line: Line): number {
  return line.calls.filter((call) => call.status !== 200).length;
}

/** The first is dead; the first call of a line in turn goes to it. */
const firstDead = { endpoints: { a: ['refuse'], b: [200] } } as const;

describe('a retry of a call of which nothing was sent', () => {
  test('needs no place where the call has another endpoint to try', () => {
    const line = createLine({ ...NO_CIRCUIT, ...firstDead });
    spend(line);
    const call = line.run();
    line.finish();
    assert.deepEqual([call.status, call.attempts, line.suppressed()], [200, 2, []]);
    assert.equal(line.upstream.budgets?.remaining(line.clock.now()), 0, 'and gives none back');
  });

  test('of whatever method, and with a body', () => {
    const line = createLine({ ...NO_CIRCUIT, ...firstDead });
    spend(line);
    const call = line.run({ method: 'POST', body: FakeBody.kept('x') });
    line.finish();
    assert.deepEqual([call.status, call.attempts], [200, 2]);
  });

  test('needs one where the upstream has a single endpoint', () => {
    const line = createLine({ ...NO_CIRCUIT, endpoints: { a: ['refuse'] }, retryBudget: ONE_PLACE });
    line.run();
    assert.deepEqual([line.seen().length, line.suppressed()], [2, ['budget']]);
    line.finish();
  });

  test('needs one when every endpoint was tried', () => {
    const line = createLine({
      ...NO_CIRCUIT,
      endpoints: { a: ['refuse'], b: ['refuse'] },
      retry: { maxAttempts: 5 },
      retryBudget: ONE_PLACE,
    });
    line.run();
    assert.deepEqual([line.seen('a').length + line.seen('b').length, line.suppressed()], [3, ['budget']]);
    line.finish();
  });

  test('needs one when an attempt before has reached somebody', () => {
    const line = createLine({
      ...NO_CIRCUIT,
      endpoints: { a: [503], b: ['refuse'], c: [200] },
      retryBudget: ONE_PLACE,
    });
    const call = line.run();
    assert.deepEqual([call.error?.code, line.seen('c').length, line.suppressed()], ['connect-failure', 0, ['budget']]);
    line.finish();
  });

  test('needs one when its hedge has reached somebody', () => {
    const line = createLine({
      ...NO_CIRCUIT,
      attemptTimeout: '1s',
      hedge: { delay: '100ms' },
      endpoints: { a: ['no-connection'], b: [503], c: [200] },
      retryBudget: ONE_PLACE,
    });
    line.run();
    assert.deepEqual([line.seen('b').length, line.seen('c').length, line.suppressed()], [1, 0, ['budget']]);
    line.finish();
  });

  test('is not made at an endpoint that was tried when the circuits of all others refuse it and there is no place', () => {
    const line = createLine({ ...firstDead, circuitBreaker: { probeShare: 0 }, retryBudget: ONE_PLACE });
    line.upstream.circuits!.force('forced-open', Infinity, 'http://b');
    spend(line);
    const tried = line.seen('a').length;
    const call = line.run();
    assert.deepEqual([call.error?.code, call.attempts], ['connect-failure', 1]);
    assert.equal(line.seen('a').length, tried + 1);
    assert.equal(line.suppressed().at(-1), 'circuit-open');
    line.finish();
  });

  test('takes a place to go to the one that was tried when the circuits of all others refuse it', () => {
    const line = createLine({
      endpoints: { a: ['refuse', 200], b: [200] },
      circuitBreaker: { probeShare: 0 },
      retryBudget: ONE_PLACE,
    });
    line.upstream.circuits!.force('forced-open', Infinity, 'http://b');
    const call = line.call();
    line.advance(0);
    assert.equal(line.upstream.budgets?.remaining(line.clock.now()), 1, 'none before it is known where it goes');
    line.finish();
    assert.deepEqual([call.status, call.attempts], [200, 2]);
    assert.deepEqual(line.of('circuit-refusal'), []);
  });

  test('is counted like one that failed when the call has reached nobody, and not when it has', () => {
    const left = (b: 200 | 503 | 'reset' | 'refuse') => {
      const line = createLine({
        ...NO_CIRCUIT,
        endpoints: { a: ['refuse'], b: [b] },
        retry: { maxAttempts: 2 },
      });
      line.run();
      line.finish();
      return line.upstream.budgets?.remaining(line.clock.now());
    };
    assert.deepEqual([left('refuse'), left('reset'), left(503), left(200)], [9, 10, 10, 10]);
  });

  test('is not counted when it is not made: the app goes away during the back-off, or its circuit refuses', () => {
    const line = createLine({ ...NO_CIRCUIT, endpoints: { a: ['refuse'], b: ['refuse'] } });
    const call = line.call();
    line.advance(10);
    call.leave();
    line.finish();
    assert.equal(line.upstream.budgets?.remaining(line.clock.now()), 10);

    const open = createLine({ ...firstDead, circuitBreaker: { probeShare: 0 }, retryBudget: ONE_PLACE });
    const waits = open.call();
    open.advance(0);
    for (const key of ['http://a', 'http://b']) open.upstream.circuits!.force('forced-open', Infinity, key);
    open.finish();
    assert.deepEqual([waits.error?.code, open.suppressed()], ['connect-failure', ['circuit-open']]);
    assert.equal(open.upstream.budgets?.remaining(open.clock.now()), 1);
  });

  test('would be made in shadow mode too, though the budget is spent', () => {
    const line = createLine({ ...NO_CIRCUIT, ...firstDead, retry: { mode: 'shadow' }, retryBudget: ONE_PLACE });
    spend(line);
    line.run();
    line.finish();
    assert.deepEqual(new Set(line.suppressed()), new Set(['shadow']));
  });

  test('needs a place like any other where the budget allows no retries at all', () => {
    const retryBudget = { failedRatio: 0, totalRatio: 0, minPerSecond: 0 };
    const line = createLine({ ...NO_CIRCUIT, ...firstDead, retryBudget });
    line.run();
    assert.deepEqual(line.suppressed(), ['budget']);
    line.finish();
  });
});

describe('one of two endpoints dead from the start', () => {
  for (const loadBalancing of ['leastRequest', 'roundRobin', 'random'] as const) {
    test(`loses none of 2,000 calls, at any rate (${loadBalancing})`, () => {
      for (const rate of [5, 100, 300, 1_000, 20_000]) {
        const line = play({ loadBalancing, ...firstDead }, rate, 2_000);
        assert.deepEqual([lost(line), line.suppressed()], [0, []], `${rate}/s`);
      }
    });
  }

  test('loses none without a circuit either', () => {
    assert.equal(lost(play({ ...NO_CIRCUIT, ...firstDead }, 1_000, 2_000)), 0);
  });
});

test('two of three endpoints dead from the start: no call is lost', () => {
  for (const rate of [100, 1_000]) {
    const line = play({ endpoints: { a: ['refuse'], b: ['refuse'], c: [200] } }, rate, 2_000);
    assert.equal(lost(line), 0, `${rate}/s`);
  }
});

describe('all endpoints dead', () => {
  const dead = (count: number) =>
    Object.fromEntries(['a', 'b', 'c', 'd', 'e'].slice(0, count).map((n) => [n, ['refuse'] as const]));

  for (const count of [2, 5]) {
    test(`without a circuit retries add what the budget allows, and those that were under way: ${count} endpoints`, () => {
      const line = play({ ...NO_CIRCUIT, endpoints: dead(count) }, 500, 10_000);
      const perCall = line.seen().length / 10_000;
      // Of calls that had not ended yet: back-offs of 100 and 200 ms at most, in a window of 10 s.
      assert.ok(perCall > 1.1 && perCall <= 1.2 + 0.06, `${perCall} attempts per call`);
    });

    test(`the circuits open after as many attempts as ever, and end it: ${count} endpoints`, () => {
      const line = createLine({ endpoints: dead(count), random: seededRandom(3) });
      const isOpen = () => line.upstream.circuits!.view().every(({ state }) => state === 'open');
      for (let i = 0; i < 200 && !isOpen(); i++) {
        line.call();
        line.advance(2);
      }
      assert.ok(isOpen());
      const attempts = line.seen().length;
      assert.ok(attempts <= count * 15 + 5, `${attempts} attempts`);
      for (let i = 0; i < 4_000; i++) {
        line.call();
        line.advance(2);
      }
      line.finish();
      const perCall = (line.seen().length - attempts) / 4_000;
      // Each circuit takes its share of probes, as many as it is asked for.
      assert.ok(perCall <= 0.06 * count, `${perCall} attempts per call`);
    });
  }
});
