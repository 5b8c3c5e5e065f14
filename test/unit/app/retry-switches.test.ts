import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RetrySwitches } from '../../../src/app/retry-switches.js';
import { VirtualClock } from '../../../src/simulation/virtual-clock.js';

function setUp() {
  const clock = new VirtualClock();
  const over: string[] = [];
  return { clock, over, switches: new RetrySwitches(clock, (route) => over.push(route)) };
}

test('retries are on, off for one route, and on again when told', () => {
  const { clock, over, switches } = setUp();
  assert.equal(switches.isEnabled('a'), true);
  switches.set('a', false, Infinity);
  assert.deepEqual([switches.isEnabled('a'), switches.isEnabled('b')], [false, true]);
  assert.deepEqual(switches.view('a'), { route: 'a', enabled: false, remainingMs: undefined });
  switches.set('a', true, Infinity);
  assert.deepEqual(switches.view('a'), { route: 'a', enabled: true, remainingMs: undefined });
  assert.deepEqual([clock.pending, over], [0, []]);
});

test('retries that are off for a time are on by themselves when it is over, and that is told once', () => {
  const { clock, over, switches } = setUp();
  switches.set('a', false, 10_000);
  clock.advance(4_000);
  assert.equal(switches.view('a').remainingMs, 6_000);
  switches.set('a', false, 60_000);
  clock.advance(59_999);
  assert.deepEqual([switches.isEnabled('a'), over], [false, []], 'the later word holds');
  clock.advance(1);
  assert.deepEqual([switches.isEnabled('a'), over], [true, ['a']]);
});
