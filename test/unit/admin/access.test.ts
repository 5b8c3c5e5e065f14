import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isLoopback, refusalOf, type AccessRules, type Asked } from '../../../src/admin/access.js';

const OPEN: AccessRules = { token: undefined, hosts: [] };
const WITH_TOKEN: AccessRules = { token: 's3cret', hosts: ['ops.internal'] };
const BEARER = { authorization: 'Bearer s3cret' };
const JSON_BODY = { 'content-type': 'application/json' };

/** The code of the refusal of a change from this machine, unless told otherwise. */
function refused(headers: Asked['headers'], rules = OPEN, over: Partial<Asked> = {}): string | undefined {
  const asked = {
    changes: true,
    local: true,
    hasBody: false,
    headers: { host: 'localhost:9901', ...headers },
    ...over,
  };
  return refusalOf(asked, rules)?.code;
}

const read = { changes: false };

describe('a Host', () => {
  for (const host of [
    '127.0.0.1',
    '127.0.0.1:9901',
    '10.1.2.3:9901',
    '[::1]:9901',
    '[fe80::1]',
    'localhost',
    'LocalHost:9901',
    'localhost:',
    'ops.internal:9901',
    'OPS.internal',
  ]) {
    test(`${host} is allowed`, () => assert.equal(refused({ host, ...BEARER }, WITH_TOKEN), undefined));
  }

  for (const host of [
    'evil.test',
    'evil.test:9901',
    'localhost.evil.test',
    'localhost.',
    '127.0.0.1.evil.test',
    '127.0.0.1:9901@evil.test',
    '[::1].evil.test',
    '[evil.test]',
    '127.1',
    '0x7f000001',
    '2130706433',
    'ops.internal.evil.test',
    'ops.internal:80:80',
    '',
  ]) {
    test(`'${host}' is not, whether it changes or reads, whatever token it bears`, () => {
      assert.equal(refused({ host, ...BEARER }, WITH_TOKEN), 'host-not-allowed');
      assert.equal(refused({ host }, OPEN, read), 'host-not-allowed');
    });
  }

  test('that is missing is not', () => assert.equal(refused({ host: undefined }), 'host-not-allowed'));
});

describe('a peer', () => {
  test('elsewhere gets nothing while there is no token; with one it may read, and change with it', () => {
    const elsewhere = { local: false };
    assert.equal(refused({}, OPEN, elsewhere), 'not-loopback');
    assert.equal(refused({}, OPEN, { ...elsewhere, ...read }), 'not-loopback');
    assert.equal(refused({}, WITH_TOKEN, { ...elsewhere, ...read }), undefined);
    assert.equal(refused({}, WITH_TOKEN, elsewhere), 'unauthorized');
    assert.equal(refused(BEARER, WITH_TOKEN, elsewhere), undefined);
  });

  test('is not believed about where it is', () => {
    const says = { 'x-forwarded-for': '127.0.0.1', forwarded: 'for=127.0.0.1', 'x-real-ip': '127.0.0.1' };
    assert.equal(refused(says, OPEN, { local: false }), 'not-loopback');
  });

  for (const [address, expected] of [
    ['127.0.0.1', true],
    ['127.255.0.9', true],
    ['::1', true],
    ['::ffff:127.0.0.1', true],
    ['::FFFF:127.0.0.1', true],
    ['10.0.0.1', false],
    ['::ffff:10.0.0.1', false],
    ['127.evil.test', false],
    ['::', false],
    [undefined, false],
  ] as const) {
    test(`${String(address)} is ${expected ? '' : 'not '}on the loopback`, () =>
      assert.equal(isLoopback(address), expected));
  }
});

describe('a token', () => {
  for (const authorization of [
    undefined,
    '',
    's3cret',
    'Bearer',
    'Bearer ',
    'Bearer s3cre',
    'Bearer s3crets',
    'Bearer S3CRET',
    'Basic s3cret',
    'Bearer s3cret x',
  ]) {
    test(`is wanted, and ${String(authorization)} is none`, () => {
      assert.equal(refused({ authorization }, WITH_TOKEN), 'unauthorized');
    });
  }

  test('is taken with the scheme in any case', () => {
    assert.equal(refused({ authorization: 'bearer  s3cret' }, WITH_TOKEN), undefined);
  });

  test('that is wrong is told from none', () => {
    const challenge = (authorization: string | undefined) =>
      refusalOf(
        { changes: true, local: true, hasBody: false, headers: { host: 'localhost', authorization } },
        WITH_TOKEN,
      )?.headers?.['www-authenticate'];
    assert.equal(challenge(undefined), 'Bearer realm="outrigger"');
    assert.equal(challenge('Bearer x'), 'Bearer realm="outrigger", error="invalid_token"');
  });
});

describe('a page of another site', () => {
  for (const origin of [
    'http://evil.test',
    'http://localhost:3000',
    'https://localhost',
    'http://127.0.0.1:9901',
    'null',
    '',
    'http://localhost:9901@evil.test',
    'http://localhost:9901/x',
    'file://',
  ]) {
    test(`at '${origin}' may neither change nor read`, () => {
      assert.equal(refused({ origin }), 'cross-origin');
      assert.equal(refused({ origin }, OPEN, read), 'cross-origin');
    });
  }

  test('is told by Sec-Fetch-Site where there is no Origin; a link from it may be followed to look', () => {
    for (const site of ['cross-site', 'same-site']) {
      assert.equal(refused({ 'sec-fetch-site': site }), 'cross-origin');
      const image = { 'sec-fetch-site': site, 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' };
      assert.equal(refused(image, OPEN, read), 'cross-origin');
      const frame = { 'sec-fetch-site': site, 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe' };
      assert.equal(refused(frame, OPEN, read), 'cross-origin');
      const link = { ...frame, 'sec-fetch-dest': 'document' };
      assert.equal(refused(link, OPEN, read), undefined);
      assert.equal(refused(link), 'cross-origin', 'a form that is sent by hand is a change all the same');
    }
  });

  test('is not our own, by whatever of its names it is asked', () => {
    const own = { 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' };
    assert.equal(refused({ ...own, origin: 'http://localhost:9901' }), undefined);
    assert.equal(refused({ host: 'LOCALHOST:9901', origin: 'http://localhost:9901' }), undefined);
    assert.equal(refused({ host: '[::1]:9901', origin: 'http://[::1]:9901' }), undefined);
    assert.equal(refused({ 'sec-fetch-site': 'none' }), undefined);
  });
});

describe('a body', () => {
  const body = { hasBody: true };

  for (const type of [
    undefined,
    '',
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'text/plain; application/json',
    'application/json-patch+json',
    'application/jsonx',
    'application/json, text/plain',
  ]) {
    test(`of the type ${String(type)} is not taken`, () => {
      assert.equal(refused({ 'content-type': type }, OPEN, body), 'unsupported-media-type');
    });
  }

  for (const type of ['application/json', 'Application/JSON; charset=utf-8', 'application/json ;x']) {
    test(`of the type ${type} is`, () => assert.equal(refused({ 'content-type': type }, OPEN, body), undefined));
  }

  test('is not looked at before its sender is known', () => {
    assert.equal(refused({ 'content-type': 'text/plain' }, WITH_TOKEN, body), 'unauthorized');
    assert.equal(refused({ ...JSON_BODY, ...BEARER }, WITH_TOKEN, body), undefined);
  });
});
