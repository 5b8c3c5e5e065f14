import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Config } from '../../../src/config/config.js';
import { keepsNothing } from '../../../src/fleet/alike.js';
import { Fleet } from '../../../src/fleet/fleet.js';
import { FAULTS, type Scenario } from '../../../src/fleet/scenario.js';
import { variantOf, VARIANTS, type VariantName } from '../../../src/fleet/variants.js';
import { load, policyFile, type Parts } from '../../support/policy-file.js';

function variant(name: VariantName, parts: Parts = {}): Config {
  const config = load(policyFile(parts));
  return variantOf(name, config.routes[0]!, config);
}

test('sidecars without policies, and those with plain retries, keep nothing of a call for the next ones', () => {
  assert.deepEqual(
    VARIANTS.filter((name) => keepsNothing(variant(name))),
    ['none', 'plain-retries'],
  );
});

test('a timeout that follows what it has seen is kept, and so is which of several endpoints are busy', () => {
  assert.ok(!keepsNothing(variant('none', { route: 'attemptTimeout: { max: 1s }' })));
  const config = variant('none');
  const endpoints = ['http://a.internal', 'http://b.internal'];
  const two = [...config.upstreams].map(([name, upstream]) => [name, { ...upstream, endpoints }] as const);
  assert.ok(!keepsNothing({ ...config, upstreams: new Map(two) }));
});

test('one sidecar that keeps nothing stands for a whole fleet, to the last bit', () => {
  for (const fault of FAULTS) {
    const scenario: Scenario = {
      fleet: 5,
      rate: 10,
      capacity: 60,
      latencyMs: 20,
      fault,
      outageSeconds: 5,
      brownout: 0.3,
      seed: 7,
    };
    const alike = variant('plain-retries', { route: 'attemptTimeout: 500ms' });
    // A limit that nobody meets is state that changes nothing.
    const { upstreams } = load(policyFile({ upstream: 'concurrency: { limit: 1000000 }' }));
    const limited = [...alike.upstreams].map(
      ([name, upstream]) => [name, { ...upstream, concurrency: upstreams.get(name)!.concurrency }] as const,
    );
    const apart = { ...alike, upstreams: new Map(limited) };
    assert.ok(keepsNothing(alike) && !keepsNothing(apart));
    assert.deepEqual(played(alike, scenario), played(apart, scenario), fault);
  }
});

function played(config: Config, scenario: Scenario) {
  const fleet = new Fleet(config, scenario);
  fleet.run();
  return { seconds: fleet.seconds, counts: fleet.upstream.counts, events: fleet.events };
}
