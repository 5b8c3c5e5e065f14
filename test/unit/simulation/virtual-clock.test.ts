import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { EventHeap, type HeapEntry } from '../../../src/simulation/event-heap.js';
import { seededRandom } from '../../../src/simulation/seeded-random.js';
import { VirtualClock } from '../../../src/simulation/virtual-clock.js';

describe('the event heap', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('add' as const), due: fc.integer({ min: 0, max: 20 }) }),
    fc.record({ kind: fc.constant('remove' as const), which: fc.nat() }),
    fc.record({ kind: fc.constant('take' as const) }),
  );

  test('gives its entries by their time, then as they came, whatever is taken out in between', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const heap = new EventHeap<HeapEntry>();
        let known: HeapEntry[] = [];
        const inOrder = () => known.toSorted((a, b) => a.due - b.due || a.order - b.order);
        let order = 0;
        for (const one of steps) {
          if (one.kind === 'add') {
            const entry = { due: one.due, order: order++, place: -1 };
            heap.add(entry);
            known.push(entry);
          } else {
            const entry = one.kind === 'take' ? heap.first : known[one.which % Math.max(1, known.length)];
            if (entry === undefined) continue;
            heap.remove(entry);
            heap.remove(entry);
            known = known.filter((other) => other !== entry);
          }
          assert.equal(heap.size, known.length);
          assert.equal(heap.first, inOrder()[0]);
        }
      }),
    );
  });

  test('keeps the order also when it is large and much is taken out of its middle', () => {
    const random = seededRandom(1);
    const heap = new EventHeap<HeapEntry>();
    const entries = Array.from({ length: 5_000 }, (_, order) => ({
      due: Math.floor(random() * 1_000),
      order,
      place: -1,
    }));
    for (const entry of entries) heap.add(entry);
    const left = entries.filter((entry) => {
      if (random() < 0.5) return true;
      heap.remove(entry);
      return false;
    });
    const taken: HeapEntry[] = [];
    for (let first = heap.first; first !== undefined; first = heap.first) {
      taken.push(first);
      heap.remove(first);
    }
    assert.deepEqual(
      taken,
      left.toSorted((a, b) => a.due - b.due || a.order - b.order),
    );
  });
});

describe('the virtual clock', () => {
  test('never goes back, and fires each timer at its time or, where time was blocked, later', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(50), fc.nat(50)), { maxLength: 50 }), (timers) => {
        const clock = new VirtualClock();
        let last = 0;
        const seen = (due: number) => {
          assert.ok(clock.now() >= due);
          assert.ok(clock.now() >= last);
          last = clock.now();
        };
        for (const [delay, then] of timers) {
          const due = clock.now() + delay;
          clock.setTimer(delay, () => {
            seen(due);
            // A time in the past is now.
            clock.setTimer(then - 25, () => seen(due));
          });
        }
        clock.advance(10);
        clock.block(5);
        clock.runAll();
        assert.equal(clock.pending, 0);
      }),
    );
  });

  test('fires timers of the same time in the order in which they were made', () => {
    const clock = new VirtualClock();
    const fired: string[] = [];
    for (const name of ['a', 'b', 'c']) clock.setTimer(10, () => fired.push(name));
    clock.setTimer(5, () => clock.setTimer(5, () => fired.push('d')));
    clock.advance(10);
    assert.deepEqual(fired, ['a', 'b', 'c', 'd']);
  });

  test('lets a cancelled timer go at once', () => {
    const clock = new VirtualClock();
    const timer = clock.setTimer(10, () => assert.fail('cancelled'));
    assert.equal(clock.pending, 1);
    timer.cancel();
    assert.equal(clock.pending, 0);
    assert.equal(clock.step(), false);
  });
});
