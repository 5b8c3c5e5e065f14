import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createPolicies, retry, type PoliciesOptions } from '../../../src/index.js';
import { namedPolicies } from '../../../src/library/create-policies.js';
import { column } from '../../../src/pipeline/column.js';
import { Upstream } from '../../../src/upstream/upstream.js';
import { VirtualClock } from '../../../src/simulation/virtual-clock.js';

const deps = { clock: new VirtualClock(), random: () => 0.5, emit: () => {} };
const everything: PoliciesOptions = {
  rateLimit: {},
  fallback: { steps: [{ stale: {} }] },
  hedge: {},
  attemptRateLimit: {},
  faults: [],
};

describe('the policies inside a process', () => {
  it("stand in the sidecar's order, but for what only a sidecar has", () => {
    const upstream = new Upstream(
      {
        name: 'up',
        endpoints: [],
        loadBalancing: 'random',
        internalHeaders: true,
        circuitBreaker: false,
        concurrency: false,
        retryBudget: false,
        longestAttemptMs: Infinity,
      },
      () => assert.fail('no endpoint, no pool'),
      deps,
    );
    const off = {
      fallback: false,
      timeout: false,
      retry: false,
      concurrency: false,
      circuitBreaker: false,
      attemptTimeout: false,
    } as const;
    const sidecar = column(off, { upstream }, deps).map(({ name }) => name);
    const inside = namedPolicies({}, deps).map(({ name }) => name);
    const onlySidecar = ['stale invalidation', 'endpoint'];
    assert.deepEqual(inside, ['in process', ...sidecar.filter((name) => !onlySidecar.includes(name))]);
  });

  it('are on by default where the policy file has them on', () => {
    const names = (options: PoliciesOptions) =>
      namedPolicies(options, deps)
        .filter(({ policy }) => policy !== undefined)
        .map(({ name }) => name);
    assert.deepEqual(names({}), [
      'in process',
      'deadline',
      'retry',
      'concurrency',
      'circuit breaker',
      'attempt timeout',
      'transport',
    ]);
    assert.equal(names(everything).length, namedPolicies({}, deps).length);
    const off = {
      timeout: false,
      retry: false,
      concurrency: false,
      circuitBreaker: false,
      attemptTimeout: false,
    } as const;
    assert.deepEqual(names(off), ['in process', 'transport']);
  });

  it('refuse a text that is no duration when they are made, not when they are used', () => {
    assert.throws(() => createPolicies({ timeout: '5' }), RangeError);
    assert.throws(() => createPolicies({ attemptTimeout: 'soon' }), RangeError);
    assert.throws(() => createPolicies({ attemptTimeout: { max: 'late' } }), RangeError);
    assert.throws(() => createPolicies({ attemptTimeout: { percentile: '99' } }), RangeError);
    assert.doesNotThrow(() => createPolicies({ attemptTimeout: { max: '2s' } }));
    assert.throws(() => createPolicies({ maxBodySize: '64' }), RangeError);
    assert.throws(() => retry({ backoff: { base: '1 second' } }), RangeError);
  });

  it('need a way to the upstreams that fallback steps name', () => {
    const fallback = { steps: [{ upstream: 'eu' }] };
    assert.throws(() => createPolicies({ fallback }), /no way to the upstream 'eu'/);
    assert.ok(createPolicies({ fallback, elsewhere: () => () => true }).length > 0);
  });
});
