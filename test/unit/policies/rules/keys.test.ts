import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { compileKey } from '../../../../src/policies/rules/keys.js';

const context = {
  endpoint: 'http://a',
  upstream: 'payments',
  route: 'charge',
  header: (name: string) => (name === 'x-tenant' ? 'acme' : undefined),
};

describe('a key template', () => {
  test('joins what it names as written', () => {
    for (const [text, key] of [
      ['{endpoint}', 'http://a'],
      ['{upstream}/{route}', 'payments/charge'],
      ['{header:X-Tenant}', 'acme'],
      ['t={header:x-tenant}!', 't=acme!'],
      ['all', 'all'],
    ] as const) {
      assert.equal(compileKey(text).of(context), key);
    }
  });

  test('writes - for a header that is not there', () => {
    assert.equal(compileKey('{upstream}:{header:x-user}').of(context), 'payments:-');
  });

  test('keeps a long header short, and still tells it from others that begin so', () => {
    const keyOf = (value: string) => compileKey('{header:x}').of({ ...context, header: () => value });
    assert.equal(keyOf('a'.repeat(64)), 'a'.repeat(64));
    const [one, other] = [keyOf('a'.repeat(8_000)), keyOf(`${'a'.repeat(7_999)}b`)];
    assert.match(one, /^a{47}~[\w-]{16}$/);
    assert.notEqual(one, other);
    assert.equal(one, keyOf('a'.repeat(8_000)));
  });

  test('tells secrets apart without showing them', () => {
    for (const name of ['Authorization', 'cookie', 'x-api-key', 'x-auth-token', 'session-id']) {
      const keyOf = (value?: string) => compileKey(`a:{header:${name}}`).of({ ...context, header: () => value });
      assert.match(keyOf('s3cret'), /^a:~[\w-]{16}$/);
      assert.equal(keyOf('s3cret'), keyOf('s3cret'));
      assert.notEqual(keyOf('s3cret'), keyOf('s3cret2'));
      assert.equal(keyOf(), 'a:-');
    }
  });

  test('says whether it depends on the endpoint or on requests', () => {
    assert.deepEqual(
      ['{endpoint}', '{header:x}', '{upstream}'].map((text) => {
        const { perEndpoint, perRequest } = compileKey(text);
        return [perEndpoint, perRequest];
      }),
      [
        [true, false],
        [false, true],
        [false, false],
      ],
    );
  });

  test('knows the keys that belong to an endpoint, whatever the route and the request', () => {
    const belongs = (text: string, key: string, endpoint = 'http://a:1#10.0.0.1') =>
      compileKey(text).keysOf({ endpoint, upstream: 'pay.v1' }).test(key);
    assert.equal(belongs('{endpoint}', 'http://a:1#10.0.0.1'), true);
    assert.equal(belongs('{endpoint}', 'http://a:1#10.0.0.10'), false);
    assert.equal(belongs('{endpoint}', 'http://a:1#10x0.0.1'), false);
    assert.equal(belongs('{route}|{endpoint}|{header:x-tenant}', 'r|http://a:1#10.0.0.1|any\nthing'), true);
    assert.equal(belongs('{route}|{endpoint}|{header:x-tenant}', 'r|http://a:1#10.0.0.2|x'), false);
    assert.equal(belongs('({upstream}) {endpoint}', '(pay.v1) http://a:1#10.0.0.1'), true);
    assert.equal(belongs('({upstream}) {endpoint}', '(payxv1) http://a:1#10.0.0.1'), false);
    assert.equal(belongs('{endpoint}', 'http://[fd00::1]:1', 'http://[fd00::1]:1'), true);
  });

  test('refuses a placeholder that does not exist', () => {
    assert.throws(() => compileKey('{tenant}'), /unknown placeholder \{tenant\}/);
    assert.throws(() => compileKey('{header:}'), RangeError);
  });
});
