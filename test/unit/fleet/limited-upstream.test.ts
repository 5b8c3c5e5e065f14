import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { LimitedUpstream } from '../../../src/fleet/limited-upstream.js';
import { FAULTS } from '../../../src/fleet/scenario.js';
import type { Controller } from '../../../src/policies/policy.js';
import { seededRandom } from '../../../src/simulation/seeded-random.js';
import { VirtualClock } from '../../../src/simulation/virtual-clock.js';

const OPTIONS = { capacity: 100, latencyMs: 100 };

/** An upstream and callers who give up after so long. */
function bench({ capacity, latencyMs } = OPTIONS) {
  const clock = new VirtualClock();
  const upstream = new LimitedUpstream({ capacity, latencyMs, clock, random: seededRandom(1) });
  const dispatch = upstream.dispatch(200);
  const statuses: (number | string)[] = [];
  const attempt = (patienceMs = Infinity) => {
    let controller: Controller | undefined;
    dispatch(
      { method: 'GET', path: '/' },
      {
        onRequestStart: (given) => (controller = given),
        onResponseStart: (_controller, status) => statuses.push(status),
        onResponseError: (_controller, error) =>
          statuses.push('code' in error && typeof error.code === 'string' ? error.code : 'gave up'),
      },
    );
    if (patienceMs < Infinity) clock.setTimer(patienceMs, () => controller?.abort(new Error('gave up')));
  };
  /** Calls at even distances; returns the answers a second. */
  const load = (perSecond: number, seconds: number, patienceMs?: number): number => {
    const before = upstream.counts.served;
    for (let i = 0; i < perSecond * seconds; i++) {
      attempt(patienceMs);
      clock.advance(1_000 / perSecond);
    }
    return (upstream.counts.served - before) / seconds;
  };
  return { clock, upstream, statuses, attempt, load };
}

function accounted({ counts, queued, working, hanging }: LimitedUpstream): number {
  return counts.served + counts.wasted + counts.refused + counts.unanswered + counts.cut + queued + working + hanging;
}

describe('an upstream of limited capacity', () => {
  test('answers all within its capacity, in the time that it takes on average', () => {
    const { clock, upstream, load, attempt } = bench();
    load(50, 100);
    clock.runAll();
    assert.equal(upstream.counts.served, 5_000);
    let took = 0;
    for (let i = 0; i < 1_000; i++) {
      const at = clock.now();
      attempt();
      while (clock.step());
      took += clock.now() - at;
    }
    assert.ok(Math.abs(took / 1_000 - OPTIONS.latencyMs) < 5, `${took / 1_000} ms`);
  });

  test('serves its capacity and no more', () => {
    for (const capacity of [10, 100, 1_000]) {
      const { load } = bench({ capacity, latencyMs: 30 });
      load(capacity * 1.2, 1);
      const served = load(capacity * 1.2, 5);
      assert.ok(Math.abs(served / capacity - 1) < 0.12, `${served} of ${capacity}`);
    }
  });

  test('falls behind its capacity under overload: the work of callers who gave up is done too', () => {
    const { load, upstream } = bench();
    load(300, 10, 1_000);
    const served = load(300, 10, 1_000);
    assert.ok(served < 0.1 * OPTIONS.capacity, `${served} a second`);
    assert.ok(upstream.counts.wasted > 100);
  });

  test('stays overloaded by a load that it could serve, once the queue is long', () => {
    const { load } = bench();
    assert.ok(load(60, 20, 1_000) > 59);
    load(300, 10, 1_000);
    assert.ok(load(60, 60, 1_000) < 10);
  });

  test('comes back when less is asked of it', () => {
    const { load, upstream } = bench();
    load(300, 10, 1_000);
    load(5, 60, 1_000);
    assert.equal(upstream.queued, 0);
    assert.ok(load(60, 20, 1_000) > 59);
  });

  test('refuses with 503 what its queue has no place for', () => {
    const { clock, attempt, statuses, upstream } = bench();
    for (let i = 0; i < 2_000; i++) attempt();
    clock.advance(2);
    assert.equal(statuses.filter((status) => status === 503).length, 2_000 - 10 - 1_000);
    assert.equal(upstream.queued, 1_000);
  });

  test('fails as it is told to', () => {
    const { clock, attempt, statuses, upstream } = bench();
    for (const fault of ['503', 'refuse', 'hang'] as const) {
      upstream.fault = fault;
      attempt(5_000);
      clock.advance(10_000);
    }
    upstream.fault = undefined;
    upstream.failing = 1;
    attempt();
    clock.advance(10_000);
    assert.deepEqual(statuses, [503, 'ECONNREFUSED', 'gave up', 503]);
  });

  test('cuts off all at once what waits and what is worked on when it restarts, refuses, and begins afresh', () => {
    const { clock, attempt, statuses, upstream } = bench();
    for (let i = 0; i < 50; i++) attempt();
    clock.advance(1);
    upstream.fault = 'restart';
    assert.deepEqual(statuses, Array<string>(50).fill('UND_ERR_SOCKET'));
    assert.equal(upstream.queued + upstream.working, 0);
    attempt();
    clock.advance(1);
    assert.equal(statuses.at(-1), 'ECONNREFUSED');
    upstream.fault = undefined;
    for (let i = 0; i < 10; i++) attempt();
    // With as many workers as before, though what they worked on was never finished.
    assert.equal(upstream.working, 10);
    clock.runAll();
    assert.deepEqual(statuses.slice(51), Array<number>(10).fill(200));
  });

  test('has 30 % of its capacity left while it is slow', () => {
    const { load, upstream } = bench();
    upstream.fault = 'slow';
    load(32, 10);
    const served = load(32, 20);
    assert.ok(served > 25 && served < 31, `${served} a second`);
  });

  test('loses no attempt and makes none up', () => {
    const step = fc.record({
      fault: fc.constantFrom(undefined, ...FAULTS),
      failing: fc.constantFrom(0, 0.5),
      attempts: fc.integer({ min: 0, max: 60 }),
      patienceMs: fc.constantFrom(1, 20, 500, Infinity),
      passMs: fc.integer({ min: 0, max: 300 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
        const { clock, attempt, upstream } = bench({ capacity: 20, latencyMs: 50 });
        let made = 0;
        for (const { fault, failing, attempts, patienceMs, passMs } of steps) {
          upstream.fault = fault;
          upstream.failing = failing;
          for (let i = 0; i < attempts; i++) attempt(patienceMs);
          made += attempts;
          clock.advance(passMs);
          assert.equal(upstream.counts.arrived, made);
          assert.equal(accounted(upstream), made);
        }
        clock.runAll();
        assert.equal(upstream.queued + upstream.working, 0);
        assert.equal(accounted(upstream), made);
      }),
      { numRuns: 200 },
    );
  });
});
