import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Config, ResolvedRoute, RouteMatch } from '../../../src/config/config.js';
import { covers, longestBackoff, warnings } from '../../../src/config/warnings.js';
import { load, type Parts, policyFile, routeOf } from '../../support/policy-file.js';

function told(config: Config): string[] {
  return warnings(config).map(({ line, path, message }) => `${line} ${path}: ${message}`);
}

const warned = (parts: Parts) => told(load(policyFile(parts)));

test('the built-in defaults warn of nothing', () => {
  assert.deepEqual(warned({}), []);
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

  test('are no matter without a timeout', () => {
    assert.deepEqual(warned({ route: 'timeout: false\nretry: { maxAttempts: 50 }' }), []);
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

describe('what is known and does nothing yet', () => {
  test('is warned of where it is written', () => {
    assert.deepEqual(warned({ root: 'reload: auto' }), [
      "1 reload: 'reload' is not available yet: a changed file is taken up by a restart",
    ]);
  });

  test('may stand there where it changes nothing', () => {
    assert.deepEqual(warned({ root: 'reload: manual\nadmin: { token: secret, hosts: [a.test] }' }), []);
  });
});

describe('other doubts', () => {
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
