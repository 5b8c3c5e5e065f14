import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { TimerQueue, type Due } from '../../../../src/policies/rules/timer-queue.js';
import { VirtualClock } from '../../../../src/simulation/virtual-clock.js';

function createQueue(delayMs = 100) {
  const clock = new VirtualClock();
  const queue = new TimerQueue(clock, delayMs);
  const fallen: string[] = [];
  const entry = (name: string, then?: () => void): Due => ({
    dueAt: 0,
    before: undefined,
    after: undefined,
    fall: () => {
      fallen.push(`${name}@${clock.now()}`);
      then?.();
    },
  });
  const enter = (made: Due) => {
    queue.enter(made, clock.now());
    return made;
  };
  return { clock, queue, fallen, entry, enter };
}

describe('timers behind one timer', () => {
  it('fall due each after its own delay, in order', () => {
    const { clock, fallen, entry, enter } = createQueue();
    enter(entry('a'));
    clock.advance(40);
    enter(entry('b'));
    enter(entry('c'));
    assert.equal(clock.pending, 1);
    clock.advance(200);
    assert.deepEqual(fallen, ['a@100', 'b@140', 'c@140']);
    assert.equal(clock.pending, 0);
  });

  it('leave from the front, the middle and the back; twice does no harm', () => {
    const { clock, queue, fallen, entry, enter } = createQueue();
    const [a, b, c, d, e] = ['a', 'b', 'c', 'd', 'e'].map((name) => enter(entry(name)));
    for (const gone of [a!, c!, e!, c!, a!]) queue.leave(gone);
    clock.advance(100);
    assert.deepEqual(fallen, ['b@100', 'd@100']);
    queue.leave(b!);
    queue.leave(d!);
    assert.equal(clock.pending, 0);
  });

  it('leave no timer of the clock behind when the last one has left', () => {
    const { clock, queue, entry, enter } = createQueue();
    const a = enter(entry('a'));
    const b = enter(entry('b'));
    queue.leave(a);
    assert.equal(clock.pending, 1);
    queue.leave(b);
    assert.equal(clock.pending, 0);
  });

  it('may enter and leave while others fall due', () => {
    const { clock, queue, fallen, entry, enter } = createQueue();
    const last = entry('last');
    enter(
      entry('first', () => {
        queue.leave(last);
        enter(entry('new'));
      }),
    );
    enter(last);
    clock.advance(1000);
    assert.deepEqual(fallen, ['first@100', 'new@200']);
    assert.equal(clock.pending, 0);
  });

  it('fall due as timers of their own would, whoever leaves when', () => {
    const steps = fc.array(
      fc.record({ wait: fc.integer({ min: 0, max: 60 }), leaves: fc.option(fc.nat(20), { nil: undefined }) }),
      { maxLength: 40 },
    );
    fc.assert(
      fc.property(steps, (plan) => {
        const { clock, queue, fallen, entry, enter } = createQueue();
        const entries: Due[] = [];
        const expected = new Map<number, number>();
        for (const { wait, leaves } of plan) {
          clock.advance(wait);
          if (leaves !== undefined && entries[leaves] !== undefined) {
            if ((expected.get(leaves) ?? 0) > clock.now()) expected.delete(leaves);
            queue.leave(entries[leaves]);
          }
          expected.set(entries.length, clock.now() + 100);
          entries.push(enter(entry(String(entries.length))));
        }
        clock.advance(1000);
        assert.deepEqual(
          fallen,
          [...expected].map(([name, at]) => `${name}@${at}`),
        );
        assert.equal(clock.pending, 0);
      }),
    );
  });
});

describe('a queue that is shared', () => {
  it('is one for all who wait as long on a clock', () => {
    const clock = new VirtualClock();
    assert.equal(TimerQueue.shared(clock, 100), TimerQueue.shared(clock, 100));
    assert.notEqual(TimerQueue.shared(clock, 100), TimerQueue.shared(clock, 200));
    assert.notEqual(TimerQueue.shared(clock, 100), TimerQueue.shared(new VirtualClock(), 100));
  });
});
