import assert from 'node:assert/strict';
import { test } from 'node:test';
import { simulate } from '../../../src/fleet/result.js';
import { load, policyFile } from '../../support/policy-file.js';

const FLEET = 50;
const RATE = 20;

for (const delay of ['p95', '20ms']) {
  test(`hedges after ${delay} do not overload an upstream that is well, though chance lengthens its queue at times`, () => {
    const config = load(policyFile({ route: `attemptTimeout: 250ms\nhedge: { delay: ${delay} }` }));
    const { phases } = simulate('policy', config.routes[0]!, config, {
      fleet: FLEET,
      rate: RATE,
      // A fifth to spare: with bursts of hedges every seed fails.
      capacity: 1.2 * FLEET * RATE,
      latencyMs: 20,
      fault: 'refuse',
      outageSeconds: 1,
      brownout: 0,
      seed: 1,
    });
    const [well] = phases;
    assert.equal(well?.name, 'baseline');
    assert.ok(well.success > 0.999, `${well.success}`);
    assert.ok(well.peakOverCapacity < 1.25, `${well.peakOverCapacity}`);
  });
}
