import assert from 'node:assert/strict';
import { test } from 'node:test';
import { descriptorPlan, descriptorsFor } from '../../../src/app/descriptor-plan.js';
import { hardBound } from '../../../src/edge/connections.js';

test('what is shared out is never more than there is, and each app has a connection to its upstream', () => {
  for (let descriptors = 64; descriptors <= 70_000; descriptors += 1 + Math.floor(descriptors / 50)) {
    const { apps, upstreams, admin } = descriptorPlan(10_000, descriptors);
    assert.ok(apps >= 1 && upstreams >= apps && admin >= 8);
    if (descriptors >= 80) assert.ok(hardBound(apps) + upstreams + admin <= descriptors - 40, `${descriptors}`);
  }
});

test('what the policy file allows is not raised, nor lowered without need', () => {
  assert.equal(descriptorPlan(100, 1_048_576).apps, 100);
  assert.deepEqual(descriptorPlan(10_000, 1_048_576).apps, 10_000);
  assert.deepEqual(descriptorPlan(10_000, Infinity), { apps: 10_000, upstreams: Infinity, admin: 256 });
});

test('what to allow is the fewest with which limits.maxConnections holds', () => {
  for (const maxConnections of [1, 10, 1_000, 10_000, 65_536]) {
    const enough = descriptorsFor(maxConnections);
    const served = (descriptors: number) => descriptorPlan(maxConnections, descriptors).apps;
    assert.equal(served(enough), maxConnections);
    if (maxConnections > 1) assert.ok(served(enough - 1) < maxConnections);
  }
});
