import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RouteStates } from '../../../src/app/route-states.js';
import { load, policyFile } from '../../support/policy-file.js';
import { VirtualClock } from '../../../src/simulation/virtual-clock.js';

const clock = new VirtualClock();

function statesOf(route: string, before?: RouteStates): RouteStates {
  return new RouteStates(load(policyFile({ route })), clock, before);
}

/** How long an attempt of the route is given. */
function limits(states: RouteStates): number[] {
  return [...states.attemptTimeouts()].map(({ limitMs }) => limitMs);
}

describe('an attempt timeout that follows what is seen, at a reload', () => {
  const before = statesOf('attemptTimeout: { max: 5s }');
  for (let i = 0; i < 20; i++) before.of('r').adaptiveTimeout?.answered(200);

  test('goes on where its options are the same', () => {
    assert.deepEqual(limits(before), [600]);
    assert.deepEqual(limits(statesOf('attemptTimeout: { max: 5s }\nretry: false', before)), [600]);
  });

  test('begins anew where they are not', () => {
    assert.deepEqual(limits(statesOf('attemptTimeout: { max: 6s }', before)), [6_000]);
    assert.deepEqual(limits(statesOf('attemptTimeout: 2s', before)), []);
  });

  test('begins anew with another upstream: times of the one say nothing of the other', () => {
    const text = policyFile({ route: 'attemptTimeout: { max: 5s }' }).replace('upstream: a', 'upstream: b');
    const other = text.replace('upstreams:', 'upstreams:\n  b: { url: http://b.internal }');
    assert.deepEqual(limits(new RouteStates(load(other), clock, before)), [5_000]);
  });
});
