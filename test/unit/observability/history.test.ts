import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Metrics, type Topology } from '../../../src/observability/metrics.js';
import { attemptEvent, callEvent, fakeAttempt, fakeCall } from '../../support/policy-events.js';
import { VirtualClock } from '../../../src/simulation/virtual-clock.js';

const TOPOLOGY: Topology = {
  routes: [
    { name: 'charge', upstream: 'payments', retry: { on: ['503'] } },
    { name: 'idle', upstream: 'payments' },
  ],
  upstreams: [{ name: 'payments', endpoints: ['http://a'] }],
};

const call = fakeCall();

function started() {
  const clock = new VirtualClock();
  const metrics = new Metrics({ topology: TOPOLOGY, clock, version: '1.2.3', pause: () => Promise.resolve() });
  metrics.history.start();
  return { clock, metrics, history: metrics.history };
}

describe('the last quarter of an hour', () => {
  it('is told in steps of five seconds, as far as they have passed', () => {
    const { clock, metrics, history } = started();
    assert.deepEqual(history.of('charge').times, []);
    clock.advance(4_000);
    metrics.record(callEvent(call, 'success', 200));
    clock.advance(1_000);
    for (let i = 0; i < 10; i++) metrics.record(callEvent(call, 'success', 200));
    clock.advance(5_000);
    const { startedAt, times, requestsPerSecond } = history.of('charge');
    assert.deepEqual(
      times.map((time) => time - startedAt),
      [5_000, 10_000],
    );
    assert.deepEqual(requestsPerSecond, [0.2, 2]);
  });

  it('has shares per call, and none where there was no call', () => {
    const { clock, metrics, history } = started();
    metrics.record(callEvent(call, 'success', 200));
    metrics.record(callEvent(call, 'failure', 503));
    metrics.record(callEvent(call, 'refused', 503));
    metrics.record(callEvent(call, 'fallback', 200));
    metrics.record(attemptEvent(fakeAttempt(call, 'http://a', 2, '503'), 'success'));
    metrics.record({ type: 'fallback', call, kind: 'stale', cause: '503', result: 'success' });
    metrics.record({ type: 'fallback', call, kind: 'upstream', cause: '503', result: 'failure' });
    clock.advance(10_000);
    const { failureRatio, retryRatio, fallbackRatio } = history.of('charge');
    assert.deepEqual(
      [failureRatio, retryRatio, fallbackRatio],
      [
        [0.5, undefined],
        [0.25, undefined],
        [0.25, undefined],
      ],
    );
  });

  it('tells durations step by step', () => {
    const { clock, metrics, history } = started();
    for (let i = 0; i < 10; i++) metrics.record(callEvent(call, 'success', 200, 2));
    clock.advance(5_000);
    for (let i = 0; i < 10; i++) metrics.record(callEvent(call, 'success', 200, 2_000));
    clock.advance(10_000);
    const { p50Ms, p99Ms } = history.of('charge');
    assert.deepEqual(p50Ms, [1.75, 1_750, undefined]);
    assert.ok(Math.abs(p99Ms[1]! - 2_485) < 1, String(p99Ms[1]));
  });

  it('keeps 180 steps, the newest', () => {
    const { clock, metrics, history } = started();
    for (let step = 0; step < 200; step++) {
      for (let i = 0; i < step; i++) metrics.record(callEvent(call, 'success', 200));
      clock.advance(5_000);
    }
    const { times, requestsPerSecond, startedAt } = history.of('charge');
    assert.equal(times.length, 180);
    assert.equal(times[0]! - startedAt, 21 * 5_000);
    assert.deepEqual([requestsPerSecond[0], requestsPerSecond.at(-1)], [20 / 5, 199 / 5]);
  });

  it('adds all routes up, and the calls that match none', () => {
    const { clock, metrics, history } = started();
    metrics.record(callEvent(call, 'success', 200));
    metrics.record(callEvent(fakeCall({ route: 'idle' }), 'success', 200));
    metrics.record(callEvent(fakeCall({ route: '-', upstream: '-' }), 'refused', 404));
    clock.advance(5_000);
    const { requestsPerSecond, failureRatio } = history.of(undefined);
    assert.deepEqual([requestsPerSecond, failureRatio], [[3 / 5], [1 / 3]]);
  });

  it('goes by the time that has really passed when a step ends late, and is on time again after it', () => {
    const { clock, metrics, history } = started();
    clock.advance(5_000);
    metrics.record(callEvent(call, 'success', 200));
    clock.block(7_000);
    clock.advance(0);
    metrics.record(callEvent(call, 'success', 200));
    clock.advance(3_000);
    const { times, startedAt, requestsPerSecond } = history.of('charge');
    assert.deepEqual(
      times.map((time) => time - startedAt),
      [5_000, 12_000, 15_000],
    );
    assert.deepEqual(requestsPerSecond, [0, 1 / 7, 1 / 3]);
  });

  it('goes on over a reload, forgets routes that are gone, and counts nothing twice', () => {
    const { clock, metrics, history } = started();
    metrics.record(callEvent(call, 'success', 200));
    metrics.record(callEvent(fakeCall({ route: 'idle' }), 'success', 200));
    clock.advance(5_000);
    metrics.setTopology({ ...TOPOLOGY, routes: TOPOLOGY.routes.slice(0, 1) });
    clock.advance(5_000);
    assert.deepEqual(history.of('charge').requestsPerSecond, [0.2, 0]);
    assert.deepEqual(history.of('idle').requestsPerSecond, [0, 0]);
    metrics.setTopology(TOPOLOGY);
    clock.advance(5_000);
    assert.deepEqual(history.of('idle').requestsPerSecond, [0, 0, 0]);
  });

  it('sets no more timers once it is stopped', () => {
    const { clock, history } = started();
    clock.advance(60_000);
    assert.equal(clock.pending, 1);
    history.stop();
    assert.equal(clock.pending, 0);
  });
});

describe("a route's figures of the last minute", () => {
  it('count the step that runs at once', () => {
    const { metrics } = started();
    for (let i = 0; i < 4; i++) metrics.record(callEvent(call, i === 0 ? 'fallback' : 'success', 200, 30));
    metrics.record({ type: 'fallback', call, kind: 'response', cause: '503', result: 'success' });
    const { p50Ms, p99Ms, fallbacks } = metrics.figures('charge', 'payments');
    assert.equal(p50Ms?.toFixed(3), '37.500');
    assert.ok(p99Ms! > 49 && p99Ms! <= 50, String(p99Ms));
    assert.deepEqual(fallbacks, { stale: 0, upstream: 0, response: 0.25 });
  });

  it('forget what is more than a minute ago, and nothing of the last 55 seconds', () => {
    const { clock, metrics } = started();
    clock.advance(4_999);
    metrics.record(callEvent(call, 'success', 200, 30));
    clock.advance(55_000);
    assert.equal(metrics.figures('charge', 'payments').p50Ms?.toFixed(3), '37.500');
    clock.advance(5_000);
    assert.equal(metrics.figures('charge', 'payments').p50Ms, undefined);
  });

  it('are none for a route that is not called, or not known', () => {
    const { metrics } = started();
    for (const route of ['idle', 'nobody']) {
      const { p50Ms, p99Ms, fallbacks } = metrics.figures(route, 'payments');
      assert.deepEqual([p50Ms, p99Ms, fallbacks], [undefined, undefined, { stale: 0, upstream: 0, response: 0 }]);
    }
  });
});
