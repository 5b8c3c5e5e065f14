import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { mismatches } from '../../../src/routing/mismatch.js';
import { createRouter } from '../../../src/routing/router.js';

function call(host: string, path: string, method: string, headers: Readonly<Record<string, string>> = {}) {
  return { host, path, method, header: (name: string) => headers[name] };
}

test('everything that a route asks for and the call has not is told', () => {
  const match = { host: '*.b', path: '/p/*', methods: ['GET', 'PUT'], headers: { 'X-T': 'a', 'x-u': 'b' } };
  assert.deepEqual(mismatches(match, call('b:80', '/q', 'POST', { 'x-t': 'c' })), [
    { on: 'host', name: undefined, wanted: '*.b', found: 'b:80' },
    { on: 'path', name: undefined, wanted: '/p/*', found: '/q' },
    { on: 'method', name: undefined, wanted: 'GET, PUT', found: 'POST' },
    { on: 'header', name: 'X-T', wanted: 'a', found: 'c' },
    { on: 'header', name: 'x-u', wanted: 'b', found: undefined },
  ]);
  assert.deepEqual(mismatches(match, call('A.B:80', '/p', 'PUT', { 'x-t': 'a', 'x-u': 'b' })), []);
  assert.deepEqual(mismatches({}, call('', '/', 'GET')), []);
});

test('there is one exactly when the router does not take the call', () => {
  const match = fc.record(
    {
      host: fc.constantFrom('a', '*.a', 'b.a'),
      path: fc.constantFrom('/', '/*', '/p', '/p/*', '/p/q'),
      methods: fc.subarray(['GET', 'PUT'], { minLength: 1 }),
      headers: fc.constantFrom<Record<string, string>>({}, { 'x-t': '1' }, { 'x-t': '2', 'x-u': '1' }),
    },
    { requiredKeys: [] },
  );
  const made = fc.tuple(
    fc.constantFrom('a', 'b.a', 'B.A:80', 'c'),
    fc.constantFrom('/', '/p', '/p/', '/p/q', '/pq'),
    fc.constantFrom('GET', 'PUT', 'POST'),
    fc.constantFrom<Record<string, string>>({}, { 'x-t': '1' }, { 'x-t': '2', 'x-u': '1' }),
  );
  fc.assert(
    fc.property(match, made, (asked, given) => {
      const taken = createRouter([{ match: asked }]).find(call(...given)) !== undefined;
      assert.equal(mismatches(asked, call(...given)).length === 0, taken);
    }),
  );
});
