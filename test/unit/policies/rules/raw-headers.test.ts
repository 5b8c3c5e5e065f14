import assert from 'node:assert/strict';
import { test } from 'node:test';
import { valueAmong } from '../../../../src/policies/rules/raw-headers.js';

const texts = ['ETag', '"1"', 'Vary', 'accept', 'Xtag', 'other', 'vary', 'cookie', '__proto__', 'odd'];

test('a header is found whatever its case', () => {
  assert.equal(valueAmong(texts, 'etag'), '"1"');
  assert.equal(valueAmong(texts, '__proto__'), 'odd');
});

test('a header that comes again is one list', () => {
  assert.equal(valueAmong(texts, 'vary'), 'accept, cookie');
});

test('a value is no name, and what is missing is undefined', () => {
  assert.equal(valueAmong(texts, 'cookie'), undefined);
  assert.equal(valueAmong([], 'etag'), undefined);
});
