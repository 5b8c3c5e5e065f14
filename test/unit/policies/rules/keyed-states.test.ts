import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { KeyedStates, OTHER_KEY } from '../../../../src/policies/rules/keyed-states.js';

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

  test('are those that were used last, whatever is used and forgotten in whatever order', () => {
    const operations = fc.array(fc.record({ key: fc.integer({ min: 0, max: 9 }), forget: fc.boolean() }));
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), operations, (maxKeys, list) => {
        const keyed = states(maxKeys);
        let used: string[] = [];
        for (const { key, forget } of list) {
          const name = `k${key}`;
          used = used.filter((other) => other !== name);
          if (forget) keyed.forget(name);
          else {
            keyed.get(name);
            used = [...used, name].slice(-maxKeys);
          }
          assert.deepEqual(new Set([...keyed.entries()].map(([of]) => of)), new Set(used));
          assert.equal(keyed.size, used.length);
        }
      }),
    );
  });

  test('take no harm from keys that objects inherit', () => {
    const keyed = states(10);
    for (const key of ['__proto__', 'constructor', '']) assert.equal(keyed.get(key).key, key);
  });
});
