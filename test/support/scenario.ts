import type { Scenario } from '../../src/fleet/scenario.js';

/** A small fleet through a brownout and an outage, in little time. */
export const scenario: Scenario = {
  fleet: 10,
  rate: 10,
  capacity: 150,
  latencyMs: 20,
  fault: 'slow',
  outageSeconds: 30,
  brownout: 0.1,
  seed: 1,
};
