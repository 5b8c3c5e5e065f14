import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../../../src/simulation/virtual-clock.js';
import { Exchange } from '../../../../src/upstream/http1/exchange.js';
import { PauseWatch } from '../../../../src/upstream/http1/pause-watch.js';

/** Of a body that may pause for 100 ms: when it was found to stall. */
function watched() {
  const clock = new VirtualClock();
  const stalls: number[] = [];
  const pauses = new PauseWatch(clock, () => stalls.push(clock.now()));
  // As a connection does.
  const steered = { abort: () => {}, pause: () => {}, resume: () => pauses.heard() };
  const exchange = new Exchange(steered, {}, { path: '/', method: 'GET', bodyTimeout: 100 });
  return { clock, stalls, pauses, exchange };
}

test('a body stalls when no piece has come for as long as it may pause, whenever others came', () => {
  const { clock, stalls, pauses, exchange } = watched();
  for (let i = 0; i < 5; i++) {
    pauses.watch(exchange);
    clock.advance(70);
  }
  assert.deepEqual(stalls, []);
  clock.advance(100);
  assert.deepEqual(stalls, [4 * 70 + 100]);
});

test('what the app does not take is no pause, and its server has the whole time when the app goes on', () => {
  const { clock, stalls, pauses, exchange } = watched();
  pauses.watch(exchange);
  exchange.pause();
  clock.advance(990);
  exchange.resume();
  clock.advance(99);
  assert.deepEqual(stalls, []);
  clock.advance(100);
  assert.deepEqual(stalls, [1_090]);
});

test('no timer is left when the body has ended', () => {
  const { clock, stalls, pauses, exchange } = watched();
  pauses.watch(exchange);
  pauses.stop();
  assert.equal(clock.pending, 0);
  clock.advance(1_000);
  assert.deepEqual(stalls, []);
});
