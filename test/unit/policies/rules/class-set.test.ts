import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ClassSet } from '../../../../src/policies/rules/class-set.js';
import { statusClass } from '../../../../src/policies/rules/classify.js';

function hasStatus(set: ClassSet, status: number): boolean {
  return set.has({ result: statusClass(status), status });
}

describe('a set of classes', () => {
  test('has statuses, families of them and classes', () => {
    const set = new ClassSet(['429', '5xx', 'reset']);
    assert.deepEqual(
      [200, 400, 429, 500, 503, 599].map((status) => hasStatus(set, status)),
      [false, false, true, true, true, true],
    );
    assert.equal(set.hasClass('reset'), true);
    assert.equal(set.hasClass('timeout'), false);
  });

  test('does not take one status for its family', () => {
    const set = new ClassSet(['500']);
    assert.equal(hasStatus(set, 500), true);
    assert.equal(hasStatus(set, 501), false);
    assert.equal(hasStatus(set, 503), false);
  });

  test('does not take an answer for a failure of the same name', () => {
    assert.equal(new ClassSet(['503']).has({ result: '503', status: undefined }), false);
  });

  test('keeps the names of retriable headers in lower case', () => {
    assert.deepEqual(new ClassSet(['retriable-header:X-Retry', '503']).headers, ['x-retry']);
  });

  test('takes statuses that YAML made numbers', () => {
    assert.equal(hasStatus(new ClassSet([503]), 503), true);
  });
});
