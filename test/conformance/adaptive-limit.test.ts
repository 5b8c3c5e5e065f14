import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GRADIENT2, Gradient2 } from '../../src/policies/rules/gradient2.js';

/** Feeds a rule one sampling window after another: 20 samples each, the last of them a second after the first. */
class Trajectory {
  readonly rule = new Gradient2();
  now = 0;

  windows(count: number, sample: { tookMs: number; inFlight?: 'full' | 'third'; dropped?: number }): number {
    const { tookMs, inFlight = 'full', dropped = 0 } = sample;
    for (let i = 0; i < count * 20; i++) {
      this.now += i % 20 === 19 ? 1_000 : 1;
      const share = inFlight === 'full' ? 1 : 1 / 3;
      this.rule.sample(this.now, tookMs, Math.floor(this.rule.limit * share), i % 20 < dropped);
    }
    return this.rule.limit;
  }
}

test('28. Gradient2: starts at 20 and rises under flat latency with the limit in use, by at most 0.8 a step', () => {
  const trajectory = new Trajectory();
  assert.equal(trajectory.rule.limit, 20);
  assert.equal(trajectory.windows(10, { tookMs: 50 }), 28);
  assert.equal(trajectory.windows(90, { tookMs: 50 }), 100);
});

test('28. Gradient2: holds while in flight < limit/2', () => {
  const trajectory = new Trajectory();
  trajectory.windows(50, { tookMs: 50 });
  const before = trajectory.rule.limit;
  assert.equal(trajectory.windows(50, { tookMs: 50, inFlight: 'third' }), before);
});

test('28. Gradient2: falls when short-term latency doubles, and holds what the tolerance allows', () => {
  const trajectory = new Trajectory();
  const before = trajectory.windows(100, { tookMs: 50 });
  // Gradient 1.5 / 2 = 0.75: 100 · 0.75 + 4 = 79, of which a fifth is taken over at each step.
  assert.equal(trajectory.windows(1, { tookMs: 100 }), Math.floor(before * 0.8 + 0.2 * (before * 0.75 + 4)));
  assert.ok(trajectory.windows(40, { tookMs: 100 }) < 40, `still ${trajectory.rule.limit}`);

  const tolerant = new Trajectory();
  const grown = tolerant.windows(100, { tookMs: 50 });
  assert.ok(tolerant.windows(5, { tookMs: 70 }) >= grown, 'a latency of 1.4 times the mean is within the tolerance');
});

test('28. Gradient2: comes back when latency does, and sees new slowness soon', () => {
  const trajectory = new Trajectory();
  trajectory.windows(50, { tookMs: 50 });
  // Long enough for the mean to have learned some of the overload.
  const low = trajectory.windows(150, { tookMs: 500 });
  assert.ok(low <= 12, `${low}`);
  const recovered = trajectory.windows(50, { tookMs: 50 });
  assert.ok(recovered > low + 30, `from ${low} to ${recovered}`);
  assert.ok(trajectory.windows(10, { tookMs: 250 }) < recovered);
});

test('28. Gradient2: never under min nor over max', () => {
  const up = new Trajectory();
  assert.equal(up.windows(2_000, { tookMs: 10 }), GRADIENT2.max);
  const down = new Trajectory();
  assert.equal(down.windows(200, { tookMs: 10, dropped: 20 }), GRADIENT2.min);
});

test('28. a drop lowers the limit by the share that was dropped, though a refusal is fast', () => {
  const trajectory = new Trajectory();
  trajectory.windows(100, { tookMs: 50 });
  const before = trajectory.rule.limit;
  // Half of them dropped: 100 · 0.5 + 2, of which a fifth is taken over.
  assert.equal(trajectory.windows(1, { tookMs: 1, dropped: 10 }), Math.floor(before * 0.8 + 0.2 * (before * 0.5 + 2)));
});

test('28. an upstream that fails 5 % whatever the load keeps a limit worth having', () => {
  const trajectory = new Trajectory();
  const limit = trajectory.windows(1_000, { tookMs: 50, dropped: 1 });
  assert.ok(limit >= 70 && limit <= 80, `${limit}`);
});
