import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Fleet } from '../../../src/fleet/fleet.js';
import { FAULTS, type Scenario } from '../../../src/fleet/scenario.js';
import { variantOf, VARIANTS } from '../../../src/fleet/variants.js';
import { load, policyFile } from '../../support/policy-file.js';

const config = load(
  policyFile({
    route: 'attemptTimeout: 500ms\nhedge: { delay: 50ms }',
    upstream: 'concurrency: { limit: 3, queue: 2 }',
  }),
);

const scenarios: fc.Arbitrary<Scenario> = fc.record({
  fleet: fc.integer({ min: 1, max: 5 }),
  rate: fc.constantFrom(0.5, 3, 10),
  capacity: fc.constantFrom(3, 20, 100),
  latencyMs: fc.constantFrom(1, 20, 400),
  fault: fc.constantFrom(...FAULTS),
  outageSeconds: fc.integer({ min: 1, max: 10 }),
  brownout: fc.constantFrom(0, 0.5),
  seed: fc.nat(),
});

test('a fleet loses no call and no attempt, and nothing happens before its cause', () => {
  fc.assert(
    fc.property(scenarios, fc.constantFrom(...VARIANTS), (scenario, name) => {
      const fleet = new Fleet(variantOf(name, config.routes[0]!, config), scenario);
      let last = 0;
      fleet.run((second) => {
        assert.equal(second, last + 1);
        last = second;
      });
      const { seconds, upstream, inFlight, ends } = fleet;
      assert.equal(last, ends);
      assert.equal(inFlight, 0);
      let [calls, ended, attempts, load] = [0, 0, 0, 0];
      for (const second of seconds) {
        assert.ok(second.withoutFallback <= second.successes && second.successes <= second.calls);
        assert.equal(second.latencies.total, second.calls);
        calls += second.calls;
        ended += second.goodput;
        attempts += second.attempts;
        load += second.load;
        // What came in was for calls that had begun by then.
        assert.ok(load <= attempts);
        assert.ok(ended <= calls);
      }
      assert.equal(load, attempts);
      const { arrived, served, wasted, refused, unanswered, cut } = upstream.counts;
      assert.equal(arrived, load);
      assert.equal(
        arrived,
        served + wasted + refused + unanswered + cut + upstream.queued + upstream.working + upstream.hanging,
      );
    }),
    { numRuns: 40 },
  );
});
