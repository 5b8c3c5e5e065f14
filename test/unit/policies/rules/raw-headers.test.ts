import assert from 'node:assert/strict';
import { test } from 'node:test';
import { headersByName, valueAmong } from '../../../../src/policies/rules/raw-headers.js';

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

test('by name, a header that comes again is a list in its order', () => {
  const headers = headersByName([...texts, 'VARY', 'host']);
  assert.deepEqual(headers.vary, ['accept', 'cookie', 'host']);
  assert.deepEqual([headers.etag, headers.__proto__], ['"1"', 'odd']);
});
