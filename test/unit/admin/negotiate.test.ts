import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { prefersOpenMetrics } from '../../../src/admin/negotiate.js';

describe('OpenMetrics', () => {
  for (const accept of [
    'application/openmetrics-text',
    'application/openmetrics-text; version=1.0.0, text/plain',
    'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
    'text/plain;q=0.2, APPLICATION/OpenMetrics-Text;q=0.3',
  ]) {
    test(`for '${accept}'`, () => {
      assert.equal(prefersOpenMetrics(accept), true);
    });
  }

  for (const accept of [
    undefined,
    '',
    '*/*',
    'text/plain',
    'text/plain;version=0.0.4',
    'application/openmetrics-text;q=0',
    'application/openmetrics-text;q=0.4, text/plain;q=0.5',
    'application/openmetrics-text;q=nonsense',
  ]) {
    test(`not for '${accept}'`, () => {
      assert.equal(prefersOpenMetrics(accept), false);
    });
  }
});
