import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createPolicies, inProcess, retry, retryBudget, type PoliciesOptions } from '../../../src/index.js';

/** What JavaScript lets through, or a cast. */
function create(options: unknown) {
  return createPolicies(options as PoliciesOptions);
}

function refused(make: () => unknown, name: 'RangeError' | 'TypeError', message: RegExp): void {
  assert.throws(make, { name, message });
}

describe('options of the library', () => {
  it('have no unknown key: the error names it and the one that was meant', () => {
    refused(
      () => create({ retries: {} }),
      'TypeError',
      /^retries: did you mean 'retry'\? Unknown key; allowed here: rate/,
    );
    refused(
      () => create({ retry: { maxAttempt: 3 } }),
      'TypeError',
      /^retry\.maxAttempt: did you mean 'maxAttempts'\?/,
    );
    refused(() => create({ zebra: 1 }), 'TypeError', /^zebra: unknown key 'zebra'; allowed here: .*\belsewhere$/);
    refused(
      () => create({ fallback: { steps: [{ stael: {} }] } }),
      'TypeError',
      /^fallback\.steps\[0\]: found a map with stael; allowed: .*; did you mean 'stale'\?$/,
    );
  });

  it('have values of the right type: the error names key and remedy', () => {
    refused(() => create({ timeout: 5 }), 'TypeError', /^timeout: found 5; allowed: a duration .*; write 5ms or 5s$/);
    refused(
      () => create({ retry: { maxAttempts: 'x' } }),
      'TypeError',
      /^retry\.maxAttempts: found 'x'; allowed: a whole/,
    );
    refused(() => create({ retry: true }), 'TypeError', /^retry: found true; allowed: a map, or false$/);
    refused(() => create({ elsewhere: 'eu' }), 'TypeError', /^elsewhere: found 'eu'; allowed: a function$/);
    refused(() => create('retry'), 'TypeError', /^the options: found 'retry'; allowed: a map$/);
    refused(() => create({ fallback: {} }), 'TypeError', /^fallback\.steps: 'steps' is missing/);
  });

  it('have values that are allowed, else it is a RangeError', () => {
    refused(() => create({ timeout: '5' }), 'RangeError', /^timeout: found '5'; .*; write 5ms or 5s$/);
    refused(
      () => create({ retry: { maxAttempts: 0 } }),
      'RangeError',
      /^retry\.maxAttempts: found 0; allowed: a whole/,
    );
    refused(() => create({ retry: { methods: ['FETCH'] } }), 'RangeError', /^retry\.methods\[0\]: found 'FETCH'/);
    refused(() => create({ attemptTimeout: { max: 'late' } }), 'RangeError', /^attemptTimeout\.max: found 'late'/);
  });

  it('are all looked at, and the rest is counted', () => {
    refused(() => create({ timeout: '5', hedge: { dealy: 'p95' } }), 'TypeError', /^timeout: .* \(and 1 more\)$/);
  });

  it('are checked of each policy by itself', () => {
    const bad: object = { maxAttempt: 3 };
    refused(() => retry(bad), 'TypeError', /^maxAttempt: did you mean 'maxAttempts'\?/);
    refused(() => retryBudget(bad), 'TypeError', /^maxAttempt: unknown key/);
    refused(() => inProcess(bad), 'TypeError', /^maxAttempt: unknown key 'maxAttempt'; allowed here: maxBodySize$/);
    refused(() => inProcess({ maxBodySize: '64' }), 'RangeError', /^maxBodySize: found '64'; .*; write 64B$/);
  });

  it('may be left out by undefined, turned off by false, and be bytes or functions where these are taken', () => {
    const body = new TextEncoder().encode('{}');
    const steps = [{ response: { headers: { 'Content-Type': 'application/json' }, body } }, { upstream: 'eu' }];
    const off = { retry: false, timeout: undefined, hedge: { delay: undefined }, faults: false };
    assert.ok(create({ ...off, name: 'eu', maxBodySize: '1MiB', elsewhere: () => () => true }).length > 0);
    assert.ok(create({ fallback: { steps }, elsewhere: () => () => true }).length > 0);
    assert.ok(create({ faults: [{ percent: 0.5, status: 503 }], attemptTimeout: { percentile: 'p99' } }).length > 0);
  });
});
