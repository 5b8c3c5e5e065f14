import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FallbackOptions } from '../../../../src/policies/fallback.js';
import { FaultInjectionOptions } from '../../../../src/policies/fault-injection.js';
import { RateLimitOptions } from '../../../../src/policies/rate-limit.js';
import { RetryOptions } from '../../../../src/policies/retry.js';
import { withDefaults } from '../../../../src/policies/rules/with-defaults.js';

describe('defaults', () => {
  it('are filled in at every depth, and what is given stays', () => {
    const options = withDefaults(RetryOptions, { maxAttempts: 5, backoff: { base: '20ms' } });
    assert.deepEqual([options.maxAttempts, options.mode, options.maxBodySize], [5, 'enforce', '64KiB']);
    assert.deepEqual(options.backoff, { strategy: 'exponential', base: '20ms', factor: 2, max: '5s', jitter: 'full' });
    assert.deepEqual(options.retryAfter, { honor: true, max: '30s' });
  });

  it('are all there is where nothing is given', () => {
    assert.deepEqual(withDefaults(RetryOptions, undefined), withDefaults(RetryOptions, {}));
    assert.equal(withDefaults(RetryOptions, undefined).maxAttempts, 3);
  });

  it('leave out what has none', () => {
    assert.equal('burst' in withDefaults(RateLimitOptions, {}), false);
    assert.equal('delays' in withDefaults(RetryOptions, {}).backoff, false);
  });

  it("are those of the step's own kind in a list of steps", () => {
    const { steps, timeout } = withDefaults(FallbackOptions, {
      steps: [{ stale: { maxAge: '1m' } }, { upstream: 'eu' }, { response: { body: Buffer.from('{}') } }],
    });
    assert.equal(timeout, '2s');
    assert.deepEqual(steps, [
      {
        stale: {
          maxAge: '1m',
          maxEntries: 1000,
          maxBodySize: '1MiB',
          key: ['authorization', 'cookie'],
          overrideCacheControl: false,
        },
      },
      { upstream: 'eu', when: 'replayable' },
      { response: { status: 200, headers: { 'content-type': 'application/json' }, body: Buffer.from('{}') } },
    ]);
  });

  it('do not change what was given', () => {
    const given = { faults: [{ percent: 0.5, delay: '1s' }] };
    const options = withDefaults(FaultInjectionOptions, given);
    assert.deepEqual(options, given);
    const lists = { on: ['503'] };
    assert.equal(withDefaults(RetryOptions, lists).on[0], '503');
    assert.deepEqual(lists, { on: ['503'] });
  });
});
