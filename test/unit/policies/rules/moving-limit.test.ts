import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Limiter, type LimitRule } from '../../../../src/policies/rules/limiter.js';

/** A limit that the test moves; a sample tells the limiter to look again. */
class MovingLimit implements LimitRule {
  limit: number;

  constructor(limit: number) {
    this.limit = limit;
  }

  sample(): void {
    // The test moves it.
  }
}

function setUp(limit: number, queue: number) {
  const rule = new MovingLimit(limit);
  const limiter = new Limiter(rule, queue);
  const admitted: string[] = [];
  const wait = (name: string) => limiter.enqueue({ admitted: () => admitted.push(name) });
  const move = (to: number) => {
    rule.limit = to;
    limiter.sample(0, 0, 0, false);
  };
  return { limiter, admitted, wait, move };
}

test('a limit that falls below what is in flight takes nothing away; it lets nobody in until enough have left', () => {
  const { limiter, admitted, wait, move } = setUp(4, 2);
  for (let i = 0; i < 4; i++) assert.ok(limiter.tryTake());
  wait('next');
  move(2);
  assert.equal(limiter.inFlight, 4);
  limiter.release();
  limiter.release();
  assert.deepEqual(admitted, []);
  limiter.release();
  assert.deepEqual(admitted, ['next']);
  assert.equal(limiter.inFlight, 2);
});

test('a limit that rises lets in as many waiters as there is room for now, in their order', () => {
  const { limiter, admitted, wait, move } = setUp(1, 5);
  assert.ok(limiter.tryTake());
  for (const name of ['first', 'second', 'third', 'fourth']) wait(name);
  move(4);
  assert.deepEqual(admitted, ['first', 'second', 'third']);
  assert.equal(limiter.queued, 1);
});

test('nobody overtakes those who wait', () => {
  const { limiter, wait, move } = setUp(1, 5);
  limiter.tryTake();
  wait('first');
  limiter.release();
  assert.equal(limiter.inFlight, 1);
  wait('second');
  move(1);
  assert.equal(limiter.tryTake(), false);
});

test('a long queue whose every place comes back at once, as before an open circuit, is worked off without recursion', () => {
  const limiter = new Limiter(new MovingLimit(1), 100_000);
  limiter.tryTake();
  let admitted = 0;
  for (let i = 0; i < 100_000; i++) {
    limiter.enqueue({
      admitted: () => {
        admitted++;
        limiter.release();
      },
    });
  }
  limiter.release();
  assert.equal(admitted, 100_000);
  assert.deepEqual([limiter.inFlight, limiter.queued], [0, 0]);
});
