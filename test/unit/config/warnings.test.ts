import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Config, ResolvedRoute, RouteMatch } from '../../../src/config/config.js';
import { covers } from '../../../src/config/shadowed-routes.js';
import { longestBackoff, warnings } from '../../../src/config/warnings.js';
import { createRouter } from '../../../src/routing/router.js';
import { load, type Parts, policyFile, routeOf } from '../../support/policy-file.js';

function told(config: Config): string[] {
  return warnings(config).map(({ line, path, message }) => `${line} ${path}: ${message}`);
}

const warned = (parts: Parts) => told(load(policyFile(parts)));

test('the built-in defaults warn of nothing', () => {
  assert.deepEqual(warned({}), []);
});

test('a percentile that a thousand times cannot tell is warned of', () => {
  assert.deepEqual(warned({ route: 'attemptTimeout: { percentile: p99.9 }' }), []);
  assert.deepEqual(warned({ route: 'attemptTimeout: { percentile: p99.95 }' }), [
    "8 routes[0].attemptTimeout.percentile: route 'r': the latest 1000 answers say nothing of a percentile this high; the longest of them is taken",
  ]);
});

describe('attempts and back-off that do not fit into the timeout', () => {
  test('are warned of at the timeout', () => {
    assert.deepEqual(warned({ route: 'timeout: 20s' }), [
      "8 routes[0].timeout: route 'r': 3 attempts of 9s and the longest back-off take 27.3s, beyond the timeout of 20s",
    ]);
  });

  test('are warned of at maxAttempts, where the timeout is the built-in one', () => {
    assert.deepEqual(warned({ route: 'retry: { maxAttempts: 4 }' }), [
      "8 routes[0].retry.maxAttempts: route 'r': 4 attempts of 9s and the longest back-off take 36.7s, beyond the timeout of 30s",
    ]);
  });

  test('fit when they end exactly with it', () => {
    const backoff = 'backoff: { strategy: fixed, base: 500ms }';
    const route = (timeout: string) => `timeout: ${timeout}\nattemptTimeout: 1s\nretry: { maxAttempts: 3, ${backoff} }`;
    assert.deepEqual(warned({ route: route('4s') }), []);
    assert.equal(warned({ route: route('3999ms') }).length, 1);
  });

  test('count one attempt where retry is off', () => {
    assert.deepEqual(warned({ route: 'retry: false\ntimeout: 9s' }), []);
    assert.match(warned({ route: 'retry: false\ntimeout: 8s' }).join(), /1 attempt of 9s/);
  });

  test('count the longest that a timeout which follows what is seen can be', () => {
    assert.deepEqual(warned({ route: 'attemptTimeout: { min: 1s }' }), []);
    assert.match(warned({ route: 'attemptTimeout: { max: 12s }' }).join(), /3 attempts of 12s/);
  });

  test('are no matter without a timeout', () => {
    assert.deepEqual(warned({ route: 'timeout: false\nretry: { maxAttempts: 10 }' }), []);
    assert.deepEqual(warned({ route: 'attemptTimeout: false\ntimeout: 1s' }), []);
  });

  test('are warned of on every route that shares the default', () => {
    const root = 'defaults: { route: { timeout: 20s } }';
    const text = `${policyFile({ root })}  - { name: s, match: { path: /s }, upstream: a }\n`.replace(
      'match: {}',
      'match: { path: /r }',
    );
    assert.deepEqual(
      warnings(load(text)).map(({ line, path }) => [line, path]),
      [
        [1, 'routes[0].timeout'],
        [1, 'routes[1].timeout'],
      ],
    );
  });
});

describe('a drainDelay that is longer than drainTimeout', () => {
  test('is warned of at the drainDelay, or at the drainTimeout where that alone is written', () => {
    assert.deepEqual(warned({ root: 'drainDelay: 30s' }), [
      '1 drainDelay: drainDelay (30s) is longer than drainTimeout (25s), which ends the drain',
    ]);
    assert.deepEqual(warned({ root: 'defaults: {}\ndrainTimeout: 5s\ndrainDelay: 10s' }), [
      '3 drainDelay: drainDelay (10s) is longer than drainTimeout (5s), which ends the drain',
    ]);
  });

  test('is none when both are equal', () => {
    assert.deepEqual(warned({ root: 'drainDelay: 25s' }), []);
  });
});

test('the longest back-off is the sum of the longest waits', () => {
  const total = (retry: string) => longestBackoff(routeOf({ route: `retry: ${retry}` }));
  assert.equal(total('{ maxAttempts: 4 }'), 700);
  assert.equal(total('{ maxAttempts: 4, backoff: { strategy: sequence, delays: [1s, 2s] } }'), 5000);
  assert.equal(total('{ maxAttempts: 1 }'), 0);
  assert.equal(total('false'), 0);
});

describe('a route that can never be reached', () => {
  const routes = (...matches: readonly string[]) =>
    told(
      load(
        ["upstreams: { a: { url: 'http://a.internal' } }", 'routes:']
          .concat(matches.map((match, index) => `  - { name: r${index}, match: ${match}, upstream: a }`))
          .join('\n'),
      ),
    );

  test('is warned of with the routes that take its calls between them', () => {
    assert.deepEqual(routes('{ methods: [GET] }', '{ methods: [POST] }', '{ path: /x, methods: [GET, POST] }'), [
      "5 routes[2].name: route 'r2' can never be reached: 'r0' and 'r1' above match all of its calls",
    ]);
  });

  test('for some of the methods it lists is warned of at each of them', () => {
    assert.deepEqual(routes('{ path: /x/*, methods: [GET] }', '{ path: /x/y, methods: [GET, POST] }'), [
      "4 routes[1].match.methods[0]: route 'r1' never gets a GET: 'r0' above takes them",
    ]);
  });

  test('for some methods, of those that it is for without listing them, is warned of at its narrower path', () => {
    assert.deepEqual(routes('{ methods: [GET, HEAD] }', '{ path: /admin/* }'), [
      "4 routes[1].match.path: route 'r1' never gets GET, HEAD: 'r0' above, whose path is wider, takes them",
    ]);
  });

  test('whichever of its characters are encoded, and in whatever case its host is', () => {
    assert.deepEqual(routes('{ path: /secret/* }', '{ path: "/%73ecret/*" }'), [
      "4 routes[1].name: route 'r1' can never be reached: 'r0' above matches all of its calls",
    ]);
    assert.deepEqual(routes('{ host: A.test }', '{ host: a.TEST }'), [
      "4 routes[1].name: route 'r1' can never be reached: 'r0' above matches all of its calls",
    ]);
    // The same path, and no wider one.
    assert.deepEqual(routes('{ path: /x, methods: [GET] }', '{ path: /%78 }'), []);
  });

  test('is none that takes the rest: other methods of the same path, or what has no such header or host', () => {
    assert.deepEqual(routes('{ path: /x/*, methods: [GET] }', '{ path: /x/* }', '{ path: /* }'), []);
    assert.deepEqual(routes('{ headers: { x-canary: "1" } }', '{ host: a.test }', '{ path: /x, methods: [GET] }'), []);
  });

  test('is one that no call gets: what is warned of is true of the router', () => {
    const headers: fc.Arbitrary<Record<string, string>> = fc.constantFrom<Record<string, string>>(
      { 'x-t': 'a' },
      { 'x-t': 'b' },
      { 'x-t': 'a', 'x-u': 'b' },
    );
    const one = fc.record(
      {
        host: fc.constantFrom('a.b', '*.b', 'x.a.b', 'X.A.b', '*.B'),
        path: fc.constantFrom('/*', '/p', '/p/*', '/p/q', '/p/q/*', '/%70/*', '/p/%71', '/p%2fq', '/p%2Fq'),
        methods: fc.subarray(['GET', 'POST', 'PUT'], { minLength: 1 }),
        headers,
      },
      { requiredKeys: [] },
    );
    const sent: Record<string, string>[] = [{}, { 'x-t': 'a' }, { 'x-t': 'b' }, { 'x-t': 'a', 'x-u': 'b' }];
    const calls = ['a.b', 'x.a.b', 'b', 'c'].flatMap((host) =>
      ['/', '/p', '/p/q', '/p/q/r', '/pq', '/p%2Fq'].flatMap((path) =>
        ['GET', 'POST', 'PUT', 'HEAD'].flatMap((method) =>
          sent.map((values) => ({ host, path, method, header: (name: string) => values[name] })),
        ),
      ),
    );
    fc.assert(
      fc.property(fc.array(one, { minLength: 2, maxLength: 5 }), (matches) => {
        const config = load(
          JSON.stringify({
            upstreams: { a: { url: 'http://a.internal' } },
            routes: matches.map((match, index) => ({ name: `r${index}`, match, upstream: 'a' })),
          }),
        );
        const router = createRouter(config.routes);
        for (const { path, message } of warnings(config)) {
          const [, name] = /^route '(r\d)' (?:can never be|never gets)/.exec(message) ?? assert.fail(message);
          const index = Number(/^routes\[(\d)\]/.exec(path)?.[1]);
          assert.equal(config.routes[index]?.name, name);
          const [, lost] = / never gets (?:a )?([A-Z, ]+):/.exec(message) ?? [];
          const got = calls.filter((call) => router.find(call)?.name === name);
          const shadowed = got.filter(({ method }) => lost === undefined || lost.split(', ').includes(method));
          assert.deepEqual(shadowed, [], message);
        }
      }),
      { numRuns: 300 },
    );
  });

  test('is warned of with the route that takes its calls', () => {
    const text = `${policyFile()}  - { name: s, match: { path: /x }, upstream: a }\n`;
    assert.deepEqual(told(load(text)), [
      "8 routes[1].name: route 's' can never be reached: 'r' above matches all of its calls",
    ]);
  });

  const any: RouteMatch = { host: undefined, path: undefined, methods: undefined, headers: {} };
  const cases: readonly (readonly [Partial<RouteMatch>, Partial<RouteMatch>, boolean])[] = [
    [{}, { host: 'a' }, true],
    [{ host: 'a' }, {}, false],
    [{ host: 'a' }, { host: 'a', path: '/x' }, true],
    [{ host: '*.b' }, { host: 'a.b' }, true],
    [{ host: '*.b' }, { host: '*.a.b' }, true],
    [{ host: '*.b' }, { host: 'b' }, false],
    [{ host: '*.b' }, { host: 'ab' }, false],
    [{ path: '/p/*' }, { path: '/p' }, true],
    [{ path: '/p/*' }, { path: '/p/q' }, true],
    [{ path: '/p/*' }, { path: '/p/q/*' }, true],
    [{ path: '/p/*' }, { path: '/pq' }, false],
    [{ path: '/p' }, { path: '/p/*' }, false],
    [{ path: '/*' }, {}, true],
    [{ path: '/secret/*' }, { path: '/%73ecret/*' }, true],
    [{ path: '/%73ecret/*' }, { path: '/secret/x' }, true],
    [{ path: '/a%2fb' }, { path: '/a%2Fb' }, true],
    [{ path: '/a/*' }, { path: '/a%2Fb' }, false],
    [{ path: '/%73' }, { path: '/%2573' }, false],
    [{ host: 'A.b' }, { host: 'a.B' }, true],
    [{ host: '*.B' }, { host: 'a.b' }, true],
    [{ methods: ['GET', 'PUT'] }, { methods: ['GET'] }, true],
    [{ methods: ['GET'] }, { methods: ['GET', 'PUT'] }, false],
    [{ methods: ['GET'] }, {}, false],
    [{ headers: { 'x-t': 'a' } }, { headers: { 'x-t': 'a', 'x-u': 'b' } }, true],
    [{ headers: { 'x-t': 'a' } }, { headers: { 'x-t': 'b' } }, false],
  ];
  for (const [wide, narrow, expected] of cases) {
    test(`${JSON.stringify(wide)} covers ${JSON.stringify(narrow)}: ${expected}`, () => {
      assert.equal(covers({ ...any, ...wide }, { ...any, ...narrow }), expected);
    });
  }
});

describe('other doubts', () => {
  test('POST among the methods that are retried, on a route that takes none', () => {
    const route = 'retry: { methods: [GET, POST] }';
    assert.equal(warned({ route }).length, 1);
    assert.deepEqual(warned({ route: route + '\nfallback: false' }).length, 1);
    const text = policyFile({ route }).replace('match: {}', 'match: { methods: [GET] }');
    assert.deepEqual(told(load(text)), []);
  });

  test('a hedge without a fallback', () => {
    assert.deepEqual(warned({ route: 'hedge: {}' }), [
      "5 routes[0].fallback: route 'r' has a hedge but no fallback: when the hedges fail too, its callers get the error",
    ]);
    assert.deepEqual(warned({ route: 'hedge: {}\nfallback: { steps: [{ stale: {} }] }' }), []);
  });

  test('a budget that holds less, while calls are few, than one call may want', () => {
    const small = (minPerSecond: number) => ({
      upstream: `retryBudget: { minPerSecond: ${minPerSecond}, window: 10s }`,
      route: 'retry: { maxAttempts: 4 }\nattemptTimeout: 1s',
    });
    assert.deepEqual(warned(small(0.2)), [
      "9 routes[0].retry: route 'r' may make 3 retries and hedges for one call, " +
        "but while calls are few the retryBudget of 'a' allows 2 in 10s",
    ]);
    assert.deepEqual(warned(small(0.3)), []);
    const [warning] = warnings(load(policyFile(small(0.2))));
    assert.equal(warning?.suggestion, "raise retryBudget.minPerSecond of 'a' to 0.3, or make fewer attempts");
  });

  test('hedges want a place in the budget too, at each attempt', () => {
    const route =
      'retry: { maxAttempts: 4 }\nattemptTimeout: 1s\nhedge: { max: 2 }\nfallback: { steps: [{ stale: {} }] }';
    assert.match(warned({ route }).join(), /may make 11 retries and hedges for one call/);
    assert.deepEqual(warned({ route: route.replace('max: 2', 'max: 1') }), []);
  });

  test('in shadow mode nothing is added to any load', () => {
    const route = 'retry: { mode: shadow }\nhedge: {}\nfallback: { steps: [{ stale: {} }] }';
    assert.deepEqual(warned({ route, upstream: 'retryBudget: false' }), []);
    assert.deepEqual(warned({ route, upstream: 'retryBudget: { minPerSecond: 0 }' }), []);
  });

  test('a step behind a response, which always answers', () => {
    assert.deepEqual(warned({ route: 'fallback:\n  steps:\n    - response: {}\n    - stale: {}' }), [
      '11 routes[0].fallback.steps[1]: this step is never reached: the response above it always answers',
    ]);
  });

  test('each comes with a place and a remedy', () => {
    const text = `
listen: 127.0.0.1:8080
drainDelay: 30s
reload: auto
upstreams:
  a: { url: 'http://127.0.0.1:8080', retryBudget: false, circuitBreaker: { failureRate: "\${RATE}" } }
  b: { url: 'http://127.0.0.1:9901', retryBudget: { minPerSecond: 0 } }
routes:
  - name: r
    match: { methods: [GET, POST] }
    upstream: a
    timeout: 1s
    hedge: {}
    retry: { methods: [GET, POST] }
  - name: s
    match: { path: /s, methods: [GET, PUT] }
    upstream: b
    fallback: { steps: [{ response: {} }, { upstream: a, when: always }] }
  - { name: t, match: { path: /s }, upstream: b, fallback: { steps: [{ upstream: a, when: always }] } }
  - { name: u, match: { path: /s }, upstream: b }
`;
    const found = warnings(load(text, { env: { RATE: '500%' } }));
    assert.ok(found.length >= 14, found.map(({ message }) => message).join('\n'));
    for (const { line, column, message, suggestion } of found) {
      assert.ok(line > 1 && column > 0, message);
      assert.ok(suggestion !== undefined && suggestion.length > 5, message);
    }
  });

  test('POST or PATCH among the methods that are retried without a key', () => {
    assert.deepEqual(warned({ route: 'retry:\n  methods: [GET, POST, PATCH]' }), [
      '9 routes[0].retry.methods[1]: POST is retried without need of an idempotency key: what it does may be done twice',
      '9 routes[0].retry.methods[2]: PATCH is retried without need of an idempotency key: what it does may be done twice',
    ]);
  });

  test('a retry without a budget', () => {
    assert.deepEqual(warned({ upstream: 'retryBudget: false' }), [
      "6 routes[0].retry: route 'r' has a retry but its upstream 'a' has no retryBudget: in an outage nothing bounds the added load",
    ]);
    assert.deepEqual(warned({ upstream: 'retryBudget: false', route: 'retry: false' }), []);
    assert.deepEqual(warned({ upstream: 'retryBudget: false', route: 'retry: { maxAttempts: 1 }' }), []);
  });

  test('a share that was meant in percent', () => {
    assert.deepEqual(warned({ upstream: 'circuitBreaker:\n  failureRate: 50' }), [
      '5 upstreams.a.circuitBreaker.failureRate: 50 is 5000 %, more than all calls',
    ]);
    assert.deepEqual(warned({ upstream: 'circuitBreaker: { failureRate: 1, slowCallRate: 150% }' }), []);
  });

  test('when: always on a route that takes POST', () => {
    const withStep = (when: 'always' | 'replayable', methods?: readonly string[]): Config => {
      const config = load(policyFile());
      const [route] = config.routes;
      if (route === undefined) assert.fail('no route');
      const fallback = { on: ['5xx'], timeout: '2s', steps: [{ upstream: 'b', when }] };
      const changed: ResolvedRoute = { ...route, match: { ...route.match, methods }, fallback };
      return { ...config, routes: [changed] };
    };
    assert.match(told(withStep('always')).join(), /when: always sends a POST that may have been done to 'b' too/);
    assert.match(told(withStep('always', ['GET', 'POST'])).join(), /when: always/);
    assert.deepEqual(told(withStep('always', ['GET'])), []);
    assert.deepEqual(told(withStep('replayable')), []);
  });
});
