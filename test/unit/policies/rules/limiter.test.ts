import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { fixedLimit, Limiter, type Waiter } from '../../../../src/policies/rules/limiter.js';

function waiter(admitted: () => void = () => undefined): Waiter {
  return { admitted };
}

describe('a limiter', () => {
  test('lets nobody overtake the queue', () => {
    const limiter = new Limiter(fixedLimit(1), 1);
    assert.ok(limiter.tryTake());
    const order: string[] = [];
    limiter.enqueue(
      waiter(() => {
        // A place given back while the queue is worked off is not for newcomers.
        order.push('waiter');
        assert.equal(limiter.tryTake(), false);
      }),
    );
    limiter.release();
    assert.deepEqual(order, ['waiter']);
  });

  test('admits a long queue whose places come back at once, without a stack as deep as the queue', () => {
    const limiter = new Limiter(fixedLimit(1), 100_000);
    assert.ok(limiter.tryTake());
    let admitted = 0;
    for (let i = 0; i < 100_000; i++) {
      limiter.enqueue(
        waiter(() => {
          admitted++;
          limiter.release();
        }),
      );
    }
    limiter.release();
    assert.deepEqual([admitted, limiter.inFlight, limiter.queued], [100_000, 0, 0]);
  });

  test('admits those behind one that throws', () => {
    const limiter = new Limiter(fixedLimit(1), 2);
    assert.ok(limiter.tryTake());
    limiter.enqueue(
      waiter(() => {
        throw new Error('a bug');
      }),
    );
    let admitted = 0;
    limiter.enqueue(waiter(() => admitted++));
    assert.throws(() => limiter.release());
    limiter.release();
    assert.equal(admitted, 1);
  });

  test('admits who queues up while the queue is worked off', () => {
    const limiter = new Limiter(fixedLimit(1), 2);
    assert.ok(limiter.tryTake());
    const order: number[] = [];
    limiter.enqueue(
      waiter(() => {
        order.push(1);
        limiter.enqueue(
          waiter(() => {
            order.push(2);
          }),
        );
        limiter.release();
      }),
    );
    limiter.release();
    assert.deepEqual([order, limiter.inFlight], [[1, 2], 1]);
  });

  test('admits nobody who left', () => {
    const limiter = new Limiter(fixedLimit(1), 2);
    assert.ok(limiter.tryTake());
    const order: string[] = [];
    const leaves = waiter(() => order.push('left'));
    limiter.enqueue(leaves);
    limiter.enqueue(waiter(() => order.push('stayed')));
    limiter.leave(leaves);
    limiter.release();
    assert.deepEqual(order, ['stayed']);
  });

  test('never has more in flight than its limit nor fewer than none, and admits in the order of arrival', () => {
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.constant('arrive' as const) },
      { weight: 3, arbitrary: fc.constant('finish' as const) },
      { weight: 1, arbitrary: fc.constant('leave' as const) },
      // Arrives, and gives its place back the moment it gets one.
      { weight: 2, arbitrary: fc.constant('bounce' as const) },
    );
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 4 }),
        fc.nat(4),
        fc.array(step, { maxLength: 100 }),
        (limit, queueSize, steps) => {
          const limiter = new Limiter(fixedLimit(limit), queueSize);
          let running = 0;
          let arrived = 0;
          let lastAdmitted = 0;
          const queue = new Map<number, Waiter>();
          const admit = (id: number, bounces: boolean) => {
            assert.ok(id > lastAdmitted, `${id} after ${lastAdmitted}`);
            lastAdmitted = id;
            queue.delete(id);
            running++;
            if (bounces) finish();
          };
          const finish = () => {
            running--;
            limiter.release();
          };
          for (const one of steps) {
            if (one === 'finish') {
              if (running > 0) finish();
            } else if (one === 'leave') {
              const [id] = queue.keys();
              if (id === undefined) continue;
              limiter.leave(queue.get(id)!);
              queue.delete(id);
            } else {
              const id = ++arrived;
              const bounces = one === 'bounce';
              if (limiter.tryTake()) {
                admit(id, bounces);
              } else {
                const waits = waiter(() => admit(id, bounces));
                const queued = queue.size;
                queue.set(id, waits);
                if (!limiter.enqueue(waits)) queue.delete(id);
                assert.equal(queue.has(id), queued < queueSize);
              }
            }
            assert.equal(limiter.inFlight, running);
            assert.ok(running >= 0 && running <= limit);
            assert.equal(limiter.queued, queue.size);
            assert.ok(queue.size === 0 || running === limit, 'nobody waits while a place is free');
          }
        },
      ),
    );
  });
});
