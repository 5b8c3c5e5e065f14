import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { StaleStores, type KeptAnswer, type StaleRequest } from '../../../src/policies/stale-store.js';

type Headers = Readonly<Record<string, string>>;

const MiB = 1024 * 1024;

function get(resource: string, headers: Headers = {}, key = ''): StaleRequest {
  return { method: 'GET', resource, key, header: (name) => headers[name] };
}

function head(resource: string): StaleRequest {
  return { ...get(resource), method: 'HEAD' };
}

function answer(text: string, over: Partial<KeptAnswer> = {}): KeptAnswer {
  return {
    status: 200,
    statusText: '',
    rawHeaders: [],
    body: text,
    etag: undefined,
    vary: [],
    ageMs: 0,
    since: 0,
    ...over,
  };
}

function store(maxEntries = 10, maxBytes = MiB) {
  const stores = new StaleStores({ maxBytes });
  return { stores, kept: stores.for('route', { maxEntries }) };
}

const textOf = (found: KeptAnswer | undefined) => found?.body;

describe('stale store', () => {
  test('keeps the last answer of each resource and key', () => {
    const { kept } = store();
    kept.put(get('h /a'), answer('1'));
    kept.put(get('h /a'), answer('2'));
    kept.put(get('h /a', {}, 'other'), answer('3'));
    kept.put(get('h /b'), answer('4'));
    assert.equal(textOf(kept.find(get('h /a'))), '2');
    assert.equal(textOf(kept.find(get('h /a', {}, 'other'))), '3');
    assert.equal(kept.find(get('h /a', {}, 'nobody')), undefined);
    assert.equal(kept.size, 3);
  });

  test('an answer that was chosen by headers is for requests with the same ones', () => {
    const { kept } = store();
    const vary = ['accept', 'accept-language'];
    kept.put(get('h /a', { accept: 'x', 'accept-language': 'de' }), answer('de', { vary }));
    kept.put(get('h /a', { accept: 'x', 'accept-language': 'fr' }), answer('fr', { vary }));
    assert.equal(textOf(kept.find(get('h /a', { accept: 'x', 'accept-language': 'de' }))), 'de');
    assert.equal(textOf(kept.find(get('h /a', { accept: 'x', 'accept-language': 'fr' }))), 'fr');
    assert.equal(kept.find(get('h /a', { accept: 'x' })), undefined);
    // Not to be taken for one another: x|de and xd|e.
    assert.equal(kept.find(get('h /a', { accept: 'xd', 'accept-language': 'e' })), undefined);
  });

  test('of several that fit the newest is given', () => {
    const { kept } = store();
    kept.put(get('h /a', { accept: 'x' }), answer('old', { vary: ['accept'], since: 1 }));
    kept.put(get('h /a', { accept: 'x' }), answer('new', { since: 2 }));
    assert.equal(textOf(kept.find(get('h /a', { accept: 'x' }))), 'new');
  });

  test('a HEAD is answered from a GET or a HEAD, the newer one; a GET never from a HEAD', () => {
    const { kept } = store();
    kept.put(head('h /a'), answer('', { since: 1, status: 203 }));
    assert.equal(kept.find(get('h /a')), undefined);
    kept.put(get('h /a'), answer('body', { since: 2 }));
    assert.equal(kept.find(head('h /a'))?.status, 200);
    kept.put(head('h /a'), answer('', { since: 3, status: 203 }));
    assert.equal(kept.find(head('h /a'))?.status, 203);
    assert.equal(kept.find(get('h /a'))?.status, 200);
  });

  test('dropping forgets what the request would have got, invalidating all of its resource', () => {
    const { kept, stores } = store();
    kept.put(get('h /a', {}, 'me'), answer('1'));
    kept.put(get('h /a', {}, 'you'), answer('2'));
    kept.put(get('h /b'), answer('3'));
    kept.drop(get('h /a', {}, 'me'));
    assert.equal(kept.find(get('h /a', {}, 'me')), undefined);
    assert.equal(textOf(kept.find(get('h /a', {}, 'you'))), '2');
    kept.invalidate('h /a');
    assert.equal(kept.size, 1);
    kept.invalidate('h /b');
    assert.equal(stores.used, 0);
  });

  test('the least recently used entry goes first, by count', () => {
    const { kept } = store(2);
    kept.put(get('h /a'), answer('a'));
    kept.put(get('h /b'), answer('b'));
    kept.find(get('h /a'));
    kept.put(get('h /c'), answer('c'));
    assert.deepEqual(
      ['h /a', 'h /b', 'h /c'].map((resource) => textOf(kept.find(get(resource)))),
      ['a', undefined, 'c'],
    );
  });

  test('the least recently used entry of all routes goes first, by bytes', () => {
    const stores = new StaleStores({ maxBytes: 10_000 });
    const [one, two] = [stores.for('one', { maxEntries: 10 }), stores.for('two', { maxEntries: 10 })];
    one.put(get('h /a'), answer('a'.repeat(3_000)));
    two.put(get('h /b'), answer('b'.repeat(3_000)));
    one.find(get('h /a'));
    one.put(get('h /c'), answer('c'.repeat(3_000)));
    assert.ok(stores.used <= 10_000);
    assert.equal(two.size, 0);
    assert.equal(one.size, 2);
  });

  test('what is larger than all memory is not kept, and drives nothing else out', () => {
    const { kept, stores } = store(10, 10_000);
    kept.put(get('h /a'), answer('a'));
    kept.put(get('h /b'), answer('b'.repeat(10_000)));
    assert.equal(kept.size, 1);
    assert.equal(kept.reserve(20_000), false);
    assert.ok(stores.used < 10_000);
  });

  test('answers on their way take memory too, and may not take that of one another', () => {
    const { kept, stores } = store(10, 10_000);
    kept.put(get('h /a'), answer('a'));
    assert.equal(kept.reserve(9_500), true);
    assert.equal(kept.size, 0);
    assert.equal(kept.reserve(1_000), false);
    kept.release(9_500);
    assert.equal(stores.used, 0);
  });

  test("a route's store outlives a reload; fewer entries are kept when its options say so", () => {
    const { kept, stores } = store(10);
    for (const name of ['a', 'b', 'c']) kept.put(get(`h /${name}`), answer(name));
    const again = stores.for('route', { maxEntries: 2 });
    assert.equal(again, kept);
    assert.equal(kept.size, 2);
    stores.retain(new Set(['other']));
    assert.equal(stores.used, 0);
    assert.notEqual(stores.for('route', { maxEntries: 2 }), kept);
  });

  test('whatever happens: no bound is passed, and all bytes come back', () => {
    const name = fc.constantFrom('a', 'b', 'c', 'd', 'e');
    const step = fc.record({
      what: fc.constantFrom('put', 'find', 'drop', 'invalidate'),
      route: fc.constantFrom('r', 's'),
      name,
      bytes: fc.integer({ min: 0, max: 4_000 }),
      vary: fc.subarray(['accept', 'x']),
      accept: name,
      key: name,
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const stores = new StaleStores({ maxBytes: 12_000 });
        const routes = new Map(['r', 's'].map((route) => [route, stores.for(route, { maxEntries: 3 })]));
        for (const { what, route, name: resource, bytes, vary, accept, key } of steps) {
          const kept = routes.get(route)!;
          const request = get(resource, { accept }, key);
          if (what === 'put') kept.put(request, answer('x'.repeat(bytes), { vary: [...vary].sort() }));
          else if (what === 'find') kept.find(request);
          else if (what === 'drop') kept.drop(request);
          else kept.invalidate(resource);
          assert.ok(kept.size <= 3);
          assert.ok(stores.used >= 0 && stores.used <= 12_000);
        }
        stores.retain(new Set());
        assert.equal(stores.used, 0);
      }),
    );
  });
});
