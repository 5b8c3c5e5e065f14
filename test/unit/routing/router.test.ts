import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { isValidHost, normalizeHost } from '../../../src/routing/host.js';
import type { RoutedRequest, RouteMatch } from '../../../src/routing/match.js';
import { createRouter } from '../../../src/routing/router.js';

interface TestRoute {
  readonly name: string;
  readonly match: RouteMatch;
}

function request(
  over: Partial<Omit<RoutedRequest, 'header'>> = {},
  headers: Record<string, string> = {},
): RoutedRequest {
  return { host: 'a.test', path: '/', method: 'GET', ...over, header: (name) => headers[name] };
}

function find(matches: readonly RouteMatch[], asked: RoutedRequest): number | undefined {
  return createRouter(matches.map((match, i) => ({ match, i }))).find(asked)?.i;
}

describe('a route matches', () => {
  it('any request when it asks for nothing', () => {
    assert.equal(find([{}], request({ host: '', path: '/x' })), 0);
  });

  it('an exact host without case and port', () => {
    for (const host of ['a.test', 'A.TEST', 'a.test:8080', 'A.test:1'])
      assert.equal(find([{ host: 'a.Test' }], request({ host })), 0);
    for (const host of ['b.test', 'xa.test', 'a.test.evil', 'a.testx', ''])
      assert.equal(find([{ host: 'a.test' }], request({ host })), undefined);
  });

  it('a suffix with one label or more before it', () => {
    for (const host of ['a.test', 'A.B.Test:1', 'x.y.z.test'])
      assert.equal(find([{ host: '*.test' }], request({ host })), 0);
    for (const host of ['test', '.test', 'atest', 'a.test.evil'])
      assert.equal(find([{ host: '*.test' }], request({ host })), undefined);
  });

  it('an IPv6 address with or without port', () => {
    assert.equal(find([{ host: '[::1]' }], request({ host: '[::1]:8080' })), 0);
  });

  it('an exact path', () => {
    assert.equal(find([{ path: '/p' }], request({ path: '/p' })), 0);
    for (const path of ['/p/', '/p/x', '/P', '/', '/%50', '/%2570'])
      assert.equal(find([{ path: '/p' }], request({ path })), undefined);
  });

  it('a prefix at the border of a segment', () => {
    for (const path of ['/p', '/p/', '/p/x', '/p//', '/p/x/y'])
      assert.equal(find([{ path: '/p/*' }], request({ path })), 0);
    for (const path of ['/', '/px', '/q/p', '//p'])
      assert.equal(find([{ path: '/p/*' }], request({ path })), undefined);
  });

  it('a path whichever of its unreserved characters are encoded, and no other', () => {
    const secret = [{ path: '/secret-1/*' }];
    for (const path of ['/%73ecret-1/x', '/%73%65%63%72%65%74%2D%31', '/secret%2d1/', '/se%63ret-1/%zz/%'])
      assert.equal(find(secret, request({ path })), 0, path);
    for (const path of [
      '/secret-1%2Fx',
      '/secret-1%2f..',
      '/%2573ecret-1/x',
      '/%53ecret-1/x',
      '/%7ecret-1',
      '/%7',
      '/%',
    ])
      assert.equal(find(secret, request({ path })), undefined, path);
  });

  it('a path with an encoded slash or another reserved character, its digits in either case', () => {
    for (const pattern of ['/a%2fb', '/a%2Fb', '/%61%2fb'])
      for (const path of ['/a%2fb', '/a%2Fb', '/%61%2Fb'])
        assert.equal(find([{ path: pattern }], request({ path })), 0, `${pattern} ${path}`);
    assert.equal(find([{ path: '/a%2Fb' }], request({ path: '/a/b' })), undefined);
    assert.equal(find([{ path: '/a/*' }], request({ path: '/a%2Fb' })), undefined);
    assert.equal(find([{ path: '/a/%2a' }], request({ path: '/a/x' })), undefined);
  });

  it('every path with /*', () => {
    for (const path of ['/', '//', '/x/y']) assert.equal(find([{ path: '/*' }], request({ path })), 0);
  });

  it('methods and headers exactly', () => {
    const match = { methods: ['POST', 'PUT'], headers: { 'X-Tenant': 'acme' } };
    assert.equal(find([match], request({ method: 'PUT' }, { 'x-tenant': 'acme' })), 0);
    assert.equal(find([match], request({ method: 'GET' }, { 'x-tenant': 'acme' })), undefined);
    assert.equal(find([match], request({ method: 'PUT' }, { 'x-tenant': 'Acme' })), undefined);
    assert.equal(find([match], request({ method: 'PUT' })), undefined);
  });

  it('and the first one wins, however exact a later one is', () => {
    assert.equal(find([{ path: '/*' }, { path: '/p' }], request({ path: '/p' })), 0);
    assert.equal(find([{ path: '/p', methods: ['PUT'] }, {}, { path: '/p' }], request({ path: '/p' })), 1);
  });
});

describe('the router', () => {
  it('agrees with trying the routes one by one', () => {
    const label = fc.constantFrom('a', 'b', 'c');
    const segments = fc.array(fc.constantFrom('', 'p', 'q', 'pq'), { maxLength: 4 });
    const path = segments.map((parts) => `/${parts.join('/')}`);
    const host = fc.array(label, { minLength: 1, maxLength: 3 }).map((labels) => labels.join('.'));
    const tenant = fc.constantFrom('1', '2');
    const method = fc.constantFrom('GET', 'PUT');
    const match: fc.Arbitrary<RouteMatch> = fc.record(
      {
        host: fc.oneof(
          host,
          host.map((name) => `*.${name}`),
        ),
        path: fc.oneof(
          path,
          path.map((prefix) => `${prefix === '/' ? '' : prefix}/*`),
        ),
        methods: fc.subarray(['GET', 'PUT'], { minLength: 1 }),
        headers: fc.record({ tenant, Region: tenant }, { requiredKeys: [] }),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(
        fc.array(match, { maxLength: 12 }),
        fc.record({
          host: fc.tuple(host, fc.constantFrom('', ':80')).map((parts) => parts.join('')),
          path,
          method,
          headers: fc.record({ tenant, region: tenant }, { requiredKeys: [] }),
        }),
        (matches, { headers, ...asked }) => {
          const sent = request(asked, headers);
          const expected = matches.findIndex((candidate) => naive(candidate, sent));
          assert.equal(find(matches, sent) ?? -1, expected);
        },
      ),
      { numRuns: 3_000 },
    );
  });

  it('touches no more routes than match, however many there are', () => {
    const routes: TestRoute[] = Array.from({ length: 10_000 }, (_, i) => ({
      name: `r${i}`,
      match: { host: `h${i % 100}.test`, path: `/p${i}/*`, headers: { tenant: 'x' } },
    }));
    const router = createRouter(routes);
    let asked = 0;
    const found = router.find({
      host: 'h42.test',
      path: '/p4242/x',
      method: 'GET',
      header: () => {
        asked++;
        return 'x';
      },
    });
    assert.equal(found?.name, 'r4242');
    assert.ok(asked <= 2, `${asked} headers were asked for`);
  });

  it('looks routes up by the header that tells them apart', () => {
    const routes: TestRoute[] = Array.from({ length: 10_000 }, (_, i) => ({
      name: `r${i}`,
      match: { path: '/*', methods: ['GET'], headers: { stage: 'live', tenant: `t${i}` } },
    }));
    const router = createRouter(routes);
    let asked = 0;
    const found = router.find({
      host: 'a.test',
      path: '/x',
      method: 'GET',
      header: (name) => {
        asked++;
        return name === 'stage' ? 'live' : 't9999';
      },
    });
    assert.equal(found?.name, 'r9999');
    assert.ok(asked < 10, `${asked} headers were asked for`);
  });

  it('is not slowed down by a path of thousands of segments', () => {
    const router = createRouter([{ match: { path: '/a/b/*' } }]);
    const path = '/a'.repeat(1) + '/'.repeat(100_000);
    assert.equal(router.find(request({ path })), undefined);
  });
});

/** What the router is to agree with. */
function naive(match: RouteMatch, sent: RoutedRequest): boolean {
  const host = sent.host.split(':')[0]!;
  if (match.host?.startsWith('*.') === true) {
    if (!host.endsWith(match.host.slice(1))) return false;
  } else if (match.host !== undefined && match.host !== host) {
    return false;
  }
  if (match.path?.endsWith('/*') === true) {
    const prefix = match.path.slice(0, -2);
    if (sent.path !== prefix && !sent.path.startsWith(`${prefix}/`)) return false;
  } else if (match.path !== undefined && match.path !== sent.path) {
    return false;
  }
  if (match.methods?.includes(sent.method) === false) return false;
  return Object.entries(match.headers ?? {}).every(([name, value]) => sent.header(name.toLowerCase()) === value);
}

describe('a host', () => {
  it('is compared in lower case without its port', () => {
    for (const [host, expected] of [
      ['A.Test:80', 'a.test'],
      ['a', 'a'],
      ['', ''],
      ['[::1]:80', '[::1]'],
      ['[FE80::A]', '[fe80::a]'],
      ['a:', 'a'],
    ] as const) {
      assert.equal(normalizeHost(host), expected);
    }
  });

  it('is a name or an address, with or without a port, and nothing else', () => {
    for (const host of ['a', 'a.b-c_d', '', '1.2.3.4:80', '[::1]', '[::1]:65535', 'a:', 'x%41'])
      assert.ok(isValidHost(host), host);
    for (const host of [
      'a b',
      'a/b',
      'u@a',
      'a:b',
      'a:123456',
      '::1',
      '[::1',
      'a\tb',
      'a,b\u0000',
      'é',
      'a?b',
      'a#b',
      'a\\b',
    ]) {
      assert.ok(!isValidHost(host), host);
    }
  });
});
