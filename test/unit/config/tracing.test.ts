import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { load, policyFile } from '../../support/policy-file.js';

const tracing = (root: string) => load(policyFile({ root })).tracing;

describe('tracing', () => {
  test('is off until set, and can be turned off', () => {
    assert.equal(tracing(''), false);
    assert.equal(tracing('tracing: false'), false);
  });

  test('sends to /v1/traces of a collector, or to the path that is given', () => {
    const urlOf = (otlp: string) => {
      const found = tracing(`tracing: { otlp: "${otlp}" }`);
      return found === false ? undefined : found.otlp;
    };
    assert.equal(urlOf('http://collector:4318'), 'http://collector:4318/v1/traces');
    assert.equal(urlOf('https://collector/'), 'https://collector/v1/traces');
    assert.equal(urlOf('https://collector/in/traces'), 'https://collector/in/traces');
  });

  test('has defaults', () => {
    assert.deepEqual(tracing('tracing: {}'), { otlp: undefined, sample: 0.1, headers: {}, serviceName: 'outrigger' });
  });
});
