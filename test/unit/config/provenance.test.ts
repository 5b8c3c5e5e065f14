import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { pathText } from '../../../src/config/nodes.js';
import { type Part, placeOf, valuesInForce } from '../../../src/config/provenance.js';
import { load } from '../../support/policy-file.js';

const text = `defaults:
  route:
    timeout: 20s
    retry:
      methods: [GET, PUT]
      backoff: { base: 50ms, max: 1s }
  upstream: { connectTimeout: 1s, tls: { verify: false } }
upstreams:
  a:
    url: https://user.internal
    tls: { verify: true }
    rateLimit:
      requests: 5
routes:
  - name: r
    match: { path: /r/*, headers: { X-Tenant: acme } }
    upstream: a
    retry:
      maxAttempts: \${N:-4}
      backoff: { max: 2s }
    fallback:
      steps: [{ response: { status: 404 } }]
  - { name: s, match: {}, upstream: a, retry: false, timeout: "\${TIME}" }
`;

const config = load(text, { env: { TIME: '9s' } });

/** `value from line:column`, and the variables, of one value. */
function told(part: Part, path: string): string {
  const found = valuesInForce(config, part).filter((one) => pathText(one.path) === path);
  const [one] = found;
  if (one === undefined || found.length > 1) return `${found.length} values`;
  const { value, from, place, variables } = one;
  const at = place === undefined ? '' : ` ${place.line}:${place.column}`;
  return `${JSON.stringify(value)} ${from}${at}${variables.map((name) => ` ${name}`).join('')}`;
}

describe('where a value in force comes from', () => {
  for (const [path, expected] of [
    ['name', '"r" route 15:11'],
    ['match.path', '"/r/*" route 16:20'],
    ['match.headers.x-tenant', '"acme" route 16:47'],
    ['timeout', '"20s" defaults.route 3:14'],
    ['retry.maxAttempts', '4 route 19:20 N'],
    ['retry.methods', '["GET","PUT"] defaults.route 5:16'],
    ['retry.backoff.base', '"50ms" defaults.route 6:24'],
    ['retry.backoff.max', '"2s" route 20:23'],
    ['retry.backoff.jitter', '"full" built-in'],
    ['retry.idempotencyKeys', '["idempotency-key"] built-in'],
    ['fallback.steps[0].response.status', '404 route 22:37'],
    ['fallback.timeout', '"2s" built-in'],
    ['hedge', 'false built-in'],
    ['rewrite', '{} built-in'],
    ['requestHeaders.set', '{} built-in'],
    ['retry', '0 values'],
  ] as const) {
    test(`of a route: ${path}`, () => {
      assert.equal(told(['routes', 0], path), expected);
    });
  }

  test('of a policy that is off, which hides what defaults say of it', () => {
    assert.equal(told(['routes', 1], 'retry'), 'false route 23:47');
    assert.equal(told(['routes', 1], 'retry.methods'), '0 values');
    assert.equal(told(['routes', 1], 'timeout'), '"9s" route 23:63 TIME');
  });

  for (const [path, expected] of [
    ['url', '"https://user.internal" upstream 10:10'],
    ['connectTimeout', '"1s" defaults.upstream 7:31'],
    ['tls.verify', 'true upstream 11:20'],
    ['rateLimit.requests', '5 upstream 13:17'],
    ['rateLimit.per', '"1s" built-in'],
    ['circuitBreaker.failOn', '["connect-failure","reset","timeout","bad-response","5xx"] built-in'],
  ] as const) {
    test(`of an upstream: ${path}`, () => {
      assert.equal(told(['upstreams', 'a'], path), expected);
    });
  }

  test('and where a route and an upstream begin', () => {
    assert.deepEqual(placeOf(config, ['routes', 1]), { line: 23, column: 5 });
    assert.deepEqual(placeOf(config, ['upstreams', 'a']), { line: 10, column: 5 });
    assert.equal(placeOf(config, ['routes', 2]), undefined);
    assert.deepEqual(valuesInForce(config, ['upstreams', 'none']), []);
  });
});

test('a default in ${…} is never told, and a file by its path only', () => {
  const secret = load(
    "upstreams: { a: { url: 'http://a.internal' } }\n" +
      'routes:\n  - { name: r, match: {}, upstream: a, requestHeaders: { set: { x-a: "Bearer ${A:-s3cret}", x-b: "${file:/run/b}" } } }\n',
    { env: {}, readFile: () => Buffer.from('s3cret') },
  );
  const values = valuesInForce(secret, ['routes', 0]).filter(({ path }) => path[0] === 'requestHeaders');
  assert.deepEqual(
    values.filter(({ path }) => path[1] === 'set').map(({ value, variables }) => [value, variables]),
    [
      ['***', ['A']],
      ['***', ['file:/run/b']],
    ],
  );
});
