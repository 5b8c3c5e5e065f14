import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { compileKey, KeyedStates, OTHER_KEY } from '../../../../src/policies/rules/keys.js';

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

describe('states by key', () => {
  interface State {
    readonly key: string;
    busy: boolean;
  }

  function states(maxKeys: number) {
    return new KeyedStates<State>(
      maxKeys,
      (key) => ({ key, busy: false }),
      (state) => !state.busy,
    );
  }

  test('are made once for each key', () => {
    const keyed = states(10);
    assert.equal(keyed.get('a'), keyed.get('a'));
    assert.notEqual(keyed.get('a'), keyed.get('b'));
  });

  test('forget the least recently used one when they are full', () => {
    const keyed = states(3);
    const a = keyed.get('a');
    keyed.get('b');
    keyed.get('c');
    keyed.get('a');
    keyed.get('d');
    assert.equal(keyed.peek('b'), undefined);
    assert.equal(keyed.peek('a'), a);
    assert.equal(keyed.size, 3);
  });

  test('never forget one that may not be forgotten; beyond, new keys share one', () => {
    const keyed = states(3);
    for (const key of ['a', 'b', 'c']) keyed.get(key).busy = true;
    const shared = keyed.get('d');
    assert.equal(shared.key, OTHER_KEY);
    assert.equal(keyed.get('e'), shared);
    assert.equal(keyed.get('a').key, 'a');
  });

  test('give a key its own state again when there is room', () => {
    const keyed = states(2);
    for (const key of ['a', 'b']) keyed.get(key).busy = true;
    assert.equal(keyed.get('c').key, OTHER_KEY);
    keyed.get('a').busy = false;
    assert.equal(keyed.get('c').key, 'c');
  });

  test('ask a few states for each new key, however many may not be forgotten; the one that may is found', () => {
    let asked = 0;
    const keyed = new KeyedStates<State>(
      1_000,
      (key) => ({ key, busy: true }),
      (state) => {
        asked++;
        return !state.busy;
      },
    );
    for (let i = 0; i < 1_000; i++) keyed.get(`busy-${i}`);
    assert.equal(asked, 0);
    let most = 0;
    for (let i = 0; i < 500; i++) {
      const before = asked;
      assert.equal(keyed.get(`new-${i}`).key, OTHER_KEY);
      most = Math.max(most, asked - before);
    }
    assert.ok(most > 0 && most <= 16, `${most} states were asked for one key`);
    keyed.get('busy-500').busy = false;
    let needed = 0;
    while (keyed.get('late').key === OTHER_KEY) needed++;
    // All the others were asked once before it, at most.
    assert.ok(needed <= 1_001 / 16, `${needed} keys had no state of their own`);
    assert.equal(keyed.peek('busy-500'), undefined);
    assert.equal(keyed.peek('busy-499')?.key, 'busy-499');
  });

  test('stay few, however many keys come', () => {
    for (const busy of [false, true]) {
      const keyed = states(100);
      for (let i = 0; i < 10_000; i++) keyed.get(`tenant-${i}`).busy = busy;
      assert.ok(keyed.size <= 101, `${keyed.size} states`);
    }
  });

  test('take no harm from keys that objects inherit', () => {
    const keyed = states(10);
    for (const key of ['__proto__', 'constructor', '']) assert.equal(keyed.get(key).key, key);
  });
});
