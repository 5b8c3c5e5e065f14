import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { warnings } from '../../../src/config/warnings.js';
import { load } from '../../support/policy-file.js';

function warned(listen: string, url: string, admin = '127.0.0.1:9901'): string[] {
  const text = `listen: ${listen}
admin: { listen: '${admin}' }
upstreams: { a: { url: '${url}' } }
routes: [{ name: r, match: {}, upstream: a }]
`;
  return warnings(load(text)).map(({ line, path, message }) => `${line} ${path}: ${message}`);
}

const isWarned = (...args: Parameters<typeof warned>) => warned(...args).length > 0;

describe('an upstream that is Outrigger itself is warned of', () => {
  test('where calls are taken: they would go round', () => {
    assert.deepEqual(warned('[127.0.0.1:8080, 127.0.0.1:8081]', 'http://localhost:8081'), [
      '3 upstreams.a.url: http://localhost:8081 is where calls are taken: they go round until they are refused as a loop',
    ]);
  });

  test('at the admin address: calls would be taken for an operator on this machine', () => {
    assert.deepEqual(warned('127.0.0.1:8080', 'http://127.0.0.1:9901'), [
      '3 upstreams.a.url: http://127.0.0.1:9901 is admin.listen: calls get to the API as from the loopback',
    ]);
  });

  test('at each of its endpoints', () => {
    const text = `upstreams: { a: { endpoints: ['http://a.test', 'http://127.0.0.1:8080'] } }
routes: [{ name: r, match: {}, upstream: a }]
`;
    assert.deepEqual(
      warnings(load(text)).map(({ path }) => path),
      ['upstreams.a.endpoints[1]'],
    );
  });

  for (const [listen, url] of [
    ["':8080'", 'http://localhost:8080'],
    ["'0.0.0.0:8080'", 'http://127.0.0.9:8080'],
    ["'[::]:8080'", 'http://[::1]:8080'],
    ["'127.0.0.1:80'", 'http://localhost'],
    ["'10.0.0.1:8080'", 'http://10.0.0.1:8080'],
  ] as const) {
    test(`${listen} and ${url}`, () => assert(isWarned(listen, url)));
  }
});

describe('an upstream that is somebody else is not warned of', () => {
  for (const [listen, url] of [
    ["'127.0.0.1:8080'", 'http://localhost:8081'],
    ["'127.0.0.1:8080'", 'http://10.0.0.1:8080'],
    ["'127.0.0.1:8080'", 'http://payments.internal:8080'],
    ["'127.0.0.1:8080'", 'https://127.0.0.1:8080'],
    ["'10.0.0.1:8080'", 'http://127.0.0.1:8080'],
    ["'unix:/run/o.sock'", 'http://127.0.0.1:8080'],
  ] as const) {
    test(`${listen} and ${url}`, () => assert.deepEqual(warned(listen, url, 'unix:/run/admin.sock'), []));
  }
});
