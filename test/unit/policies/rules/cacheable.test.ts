import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  ageOf,
  freshnessOf,
  invalidates,
  judgeAnswer,
  parseCacheControl,
  varyNames,
  type StoreRules,
} from '../../../../src/policies/rules/cacheable.js';

type Headers = Readonly<Record<string, string>>;

const RULES: StoreRules = { overrideCacheControl: false, keyedByAuthorization: true, maxBodySize: 1_000 };

function judge(
  { method = 'GET', status = 200, request = {} as Headers, answer = {} as Headers },
  rules: Partial<StoreRules> = {},
) {
  return judgeAnswer(
    method,
    status,
    (name) => request[name],
    (name) => answer[name],
    { ...RULES, ...rules },
  );
}

describe('which answers are kept', () => {
  for (const status of [200, 203, 301]) {
    test(`${status} is`, () => assert.equal(judge({ status }), 'store'));
  }
  for (const status of [201, 204, 206, 302, 307, 308, 400, 405, 416, 429]) {
    test(`${status} is not, and leaves what there is`, () => assert.equal(judge({ status }), 'leave'));
  }
  for (const status of [401, 403, 404, 410]) {
    test(`${status} takes back what there is`, () => assert.equal(judge({ status }), 'evict'));
  }

  for (const control of [
    'no-store',
    'No-Store',
    'max-age=60, no-cache',
    'no-cache="set-cookie"',
    'private',
    'private="x-user", max-age=1',
    'must-revalidate',
    'max-age=60,must-revalidate',
    'proxy-revalidate',
    's-maxage=60',
    's-maxage = 60',
  ]) {
    test(`Cache-Control: ${control} forbids it`, () => {
      assert.equal(judge({ answer: { 'cache-control': control } }), 'leave');
    });
    test(`Cache-Control: ${control} can be overridden`, () => {
      assert.equal(judge({ answer: { 'cache-control': control } }, { overrideCacheControl: true }), 'store');
    });
  }

  for (const control of [
    'max-age=0',
    'public',
    'max-age=60',
    'ext="private, no-store"',
    'immutable',
    'x-private',
    '',
  ]) {
    test(`Cache-Control: ${control} does not`, () => {
      assert.equal(judge({ answer: { 'cache-control': control } }), 'store');
    });
  }

  test("the app's own no-store forbids it too, unless overridden", () => {
    const request = { 'cache-control': 'no-store' };
    assert.equal(judge({ request }), 'leave');
    assert.equal(judge({ request }, { overrideCacheControl: true }), 'store');
    assert.equal(judge({ request: { 'cache-control': 'no-cache' } }), 'store');
  });

  for (const answer of [{ 'set-cookie': 'a=1' }, { vary: '*' }, { vary: 'accept, *' }] as readonly Headers[]) {
    test(`${JSON.stringify(answer)} can not be overridden`, () => {
      assert.equal(judge({ answer }, { overrideCacheControl: true }), 'leave');
    });
  }

  test('an answer that was chosen by very many headers is not kept', () => {
    const chosenBy = (names: number) => ({ vary: Array.from({ length: names }, (_, i) => `x-${i}`).join() });
    assert.equal(judge({ answer: chosenBy(32) }), 'store');
    assert.equal(judge({ answer: chosenBy(33) }, { overrideCacheControl: true }), 'leave');
  });

  test('what would not fit is not even begun; the length of a HEAD is not that of its answer', () => {
    const answer = { 'content-length': '1001' };
    assert.equal(judge({ answer }), 'leave');
    assert.equal(judge({ answer: { 'content-length': '1000' } }), 'store');
    assert.equal(judge({ method: 'HEAD', answer }), 'store');
  });

  test('an answer to credentials that are not part of the key must be public (RFC 9111, 3.5)', () => {
    const request = { authorization: 'Bearer x' };
    assert.equal(judge({ request }, { keyedByAuthorization: false }), 'leave');
    assert.equal(judge({ request, answer: { 'cache-control': 'public' } }, { keyedByAuthorization: false }), 'store');
    assert.equal(judge({}, { keyedByAuthorization: false }), 'store');
  });

  test('a 304 confirms, or takes back what may not be kept any more', () => {
    assert.equal(judge({ status: 304 }), 'confirm');
    assert.equal(judge({ status: 304, answer: { 'cache-control': 'no-store' } }), 'evict');
  });
});

describe('what an unsafe method invalidates', () => {
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'BREW']) {
    test(method, () => {
      assert.equal(invalidates(method, 200), true);
      assert.equal(invalidates(method, 303), true);
      assert.equal(invalidates(method, 400), false);
      assert.equal(invalidates(method, 503), false);
    });
  }
  for (const method of ['GET', 'HEAD', 'OPTIONS', 'TRACE', 'QUERY', 'SEARCH']) {
    test(`${method} is safe`, () => assert.equal(invalidates(method, 200), false));
  }
});

test('Vary names headers, each once, in any order and case', () => {
  assert.deepEqual(varyNames(undefined), []);
  assert.deepEqual(varyNames('Accept-Language,  Accept , accept,'), ['accept', 'accept-language']);
});

test('Cache-Control is read by directives, quoted arguments apart', () => {
  const control = parseCacheControl('max-age=5, private="a, b", ext="no-store \\" no-cache", Public');
  assert.deepEqual([...control.keys()], ['max-age', 'private', 'ext', 'public']);
  assert.equal(control.get('max-age'), '5');
  assert.equal(control.get('private'), 'a, b');
});

test('the age that an answer came with', () => {
  const age = (value: string | undefined) => ageOf((name) => (name === 'age' ? value : undefined));
  assert.deepEqual(['7', ' 7', '7, 9', '-1', 'x', '1.5', undefined].map(age), [7_000, 7_000, 7_000, 0, 0, 0, 0]);
});

test('how long an answer is fresh: s-maxage, max-age, Expires', () => {
  const fresh = (headers: Headers) => freshnessOf((name) => headers[name]);
  const date = 'Thu, 01 Jan 2026 00:00:00 GMT';
  assert.equal(fresh({ 'cache-control': 'max-age=10, s-maxage=20' }), 20_000);
  assert.equal(fresh({ 'cache-control': 'max-age="10"', expires: 'Thu, 01 Jan 2026 00:01:00 GMT', date }), 10_000);
  assert.equal(fresh({ expires: 'Thu, 01 Jan 2026 00:01:00 GMT', date }), 60_000);
  assert.equal(fresh({ expires: '0', date }), 0);
  assert.equal(fresh({ expires: 'Wed, 31 Dec 2025 00:00:00 GMT', date }), 0);
  assert.equal(fresh({}), 0);
});
