import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, describe, test } from 'node:test';
import { ConfigError } from '../../../src/config/issues.js';
import { loadConfig } from '../../../src/config/load.js';
import { nodeAt } from '../../../src/config/nodes.js';
import { load, policyFile, routeOf, upstreamOf } from '../../support/policy-file.js';

/** The options of a policy that must be on. */
function on<T>(options: T | false): T {
  return options === false ? assert.fail('the policy is off') : options;
}

describe('the smallest file', () => {
  const config = load(policyFile());

  test('has the built-in defaults', () => {
    assert.deepEqual(config.listen, [{ kind: 'tcp', host: '127.0.0.1', port: 8080 }]);
    assert.deepEqual(config.admin, {
      listen: { kind: 'tcp', host: '127.0.0.1', port: 9901 },
      token: undefined,
      hosts: [],
    });
    assert.equal(config.drainTimeoutMs, 25_000);
    assert.equal(config.drainDelayMs, 0);
    assert.deepEqual(config.limits, {
      maxHeaderSizeBytes: 16_384,
      headersTimeoutMs: 10_000,
      maxConnections: 10_000,
      maxEventLoopDelayMs: 100,
      replayMemoryBytes: 67_108_864,
      staleMemoryBytes: 67_108_864,
    });
  });

  test('has the policies of a route that are on by default, and no other', () => {
    const [route] = config.routes;
    assert.deepEqual(route?.timeout, { timeout: '30s' });
    assert.deepEqual(route?.attemptTimeout, { attemptTimeout: '9s' });
    assert.equal(route?.idleTimeoutMs, 60_000);
    assert.deepEqual(route && on(route.retry).backoff, {
      strategy: 'exponential',
      base: '100ms',
      factor: 2,
      max: '5s',
      jitter: 'full',
    });
    assert.deepEqual(on(route?.retry ?? false).on, ['connect-failure', 'reset', 'timeout', '429', '502', '503', '504']);
    assert.deepEqual([route?.hedge, route?.rateLimit, route?.fallback, route?.faults], [false, false, false, false]);
    assert.deepEqual(route?.match, { host: undefined, path: undefined, methods: undefined, headers: {} });
    assert.deepEqual(route?.rewrite, { stripPrefix: undefined, addPrefix: undefined });
  });

  test('may say only in part how an attempt timeout follows what is seen', () => {
    const { attemptTimeout } = routeOf({ route: 'attemptTimeout: { max: 2s }' });
    assert.deepEqual(attemptTimeout, {
      attemptTimeout: { percentile: 'p99', factor: 3, min: '250ms', max: '2s' },
    });
  });

  test('has the policies of an upstream that are on by default, and no other', () => {
    const upstream = config.upstreams.get('a');
    assert.deepEqual(upstream?.endpoints, ['http://a.internal']);
    assert.equal(upstream?.loadBalancing, 'leastRequest');
    assert.equal(upstream?.connectTimeoutMs, 3000);
    assert.equal(upstream?.keepAliveTimeoutMs, 4000);
    assert.equal(on(upstream?.circuitBreaker ?? false).key, '{endpoint}');
    assert.equal(on(upstream?.concurrency ?? false).limit, 1024);
    assert.equal(on(upstream?.retryBudget ?? false).failedRatio, '20%');
    assert.deepEqual([upstream?.rateLimit, upstream?.healthCheck], [false, false]);
    assert.equal(upstream?.tls.verify, true);
  });
});

describe('defaults', () => {
  const defaults = `defaults:
  route:
    timeout: 20s
    retry:
      maxAttempts: 5
      on: [503]
      backoff:
        base: 1s
    requestHeaders:
      set:
        x-a: d
        x-b: d
  upstream:
    connectTimeout: 1s
    circuitBreaker: false`;

  test('are merged deeply under each route; lists and scalars are replaced', () => {
    const route = routeOf({
      root: defaults,
      route: 'retry: { on: [504, 5xx], backoff: { max: 9s } }\nrequestHeaders: { set: { X-B: own } }',
    });
    assert.deepEqual(route.timeout, { timeout: '20s' });
    const retry = on(route.retry);
    assert.equal(retry.maxAttempts, 5);
    assert.deepEqual(retry.on, ['504', '5xx']);
    assert.deepEqual([retry.backoff.base, retry.backoff.max, retry.backoff.factor], ['1s', '9s', 2]);
    assert.deepEqual(route.requestHeaders.set, { 'x-a': 'd', 'x-b': 'own' });
  });

  test('are merged under each upstream', () => {
    const upstream = upstreamOf({ root: defaults });
    assert.equal(upstream.connectTimeoutMs, 1000);
    assert.equal(upstream.circuitBreaker, false);
  });

  test('false turns off what they turn on', () => {
    assert.equal(routeOf({ root: defaults, route: 'retry: false' }).retry, false);
    assert.equal(routeOf({ root: defaults, route: 'timeout: false' }).timeout, false);
  });

  test('options turn on what they turn off, with the built-in defaults', () => {
    const upstream = upstreamOf({ root: defaults, upstream: 'circuitBreaker: { minimumCalls: 5 }' });
    assert.equal(on(upstream.circuitBreaker).minimumCalls, 5);
    assert.equal(on(upstream.circuitBreaker).failureRate, '70%');
  });

  test('every value knows where it comes from', () => {
    const { effective, source } = load(policyFile({ root: defaults, route: 'retry: { backoff: { max: 9s } }' }));
    const at = (...keys: string[]) => {
      const node = nodeAt(effective, 'routes', 0, 'retry', ...keys);
      return [node?.origin, node?.offset === undefined ? undefined : source.position(node.offset).line];
    };
    assert.deepEqual(at('backoff', 'max'), ['own', 23]);
    assert.deepEqual(at('backoff', 'base'), ['defaults', 8]);
    assert.deepEqual(at('backoff', 'factor'), ['built-in', undefined]);
  });
});

describe('what is written loosely arrives in one form', () => {
  test('header names are in lower case', () => {
    const route = routeOf({
      route: 'requestHeaders: { remove: [X-Debug] }\nretry: { idempotencyKeys: [Idempotency-Key] }',
    });
    assert.deepEqual(route.requestHeaders.remove, ['x-debug']);
    assert.deepEqual(on(route.retry).idempotencyKeys, ['idempotency-key']);
  });

  test('a host is in lower case', () => {
    const text = policyFile().replace('match: {}', 'match: { host: "*.Payments.Internal", headers: { X-T: A } }');
    assert.deepEqual(load(text).routes[0]?.match, {
      host: '*.payments.internal',
      path: undefined,
      methods: undefined,
      headers: { 'x-t': 'A' },
    });
  });

  test('endpoints are origins in normal form', () => {
    const text = policyFile().replace(
      'url: http://a.internal',
      'endpoints: [HTTPS://A.internal:443/, "http://[::1]:81"]',
    );
    assert.deepEqual(load(text).upstreams.get('a')?.endpoints, ['https://a.internal', 'http://[::1]:81']);
  });

  test('addresses: a host and a port, a port, IPv6, a socket, a list', () => {
    const { listen } = load(policyFile({ root: 'listen: ["h:1", ":0", "[::1]:3", unix:/run/o.sock]' }));
    assert.deepEqual(listen, [
      { kind: 'tcp', host: 'h', port: 1 },
      { kind: 'tcp', host: undefined, port: 0 },
      { kind: 'tcp', host: '::1', port: 3 },
      { kind: 'unix', path: '/run/o.sock' },
    ]);
  });

  test('a static response without headers is JSON', () => {
    const [step] = on(routeOf({ route: "fallback: { steps: [{ response: { body: '{}' } }] }" }).fallback).steps;
    assert.deepEqual(step, { response: { status: 200, headers: { 'content-type': 'application/json' }, body: '{}' } });
  });
});

describe('files that the policy file names', () => {
  const folder = mkdtempSync(join(tmpdir(), 'outrigger-'));
  after(() => {
    rmSync(folder, { recursive: true });
  });

  test('start at its folder, and their content is taken', () => {
    writeFileSync(join(folder, 'body.bin'), Buffer.from([0xff, 0x00]));
    const file = join(folder, 'policy.yaml');
    writeFileSync(file, policyFile({ route: 'fallback: { steps: [{ response: { bodyFile: body.bin } }] }' }));
    const [step] = on(loadConfig(file, { env: {} }).routes[0]?.fallback ?? false).steps;
    const body = step !== undefined && 'response' in step ? step.response.body : undefined;
    assert.deepEqual(body, Buffer.from([0xff, 0x00]));
  });

  test('a policy file that is not there is one clear error', () => {
    const file = join(folder, 'none.yaml');
    assert.throws(
      () => loadConfig(file, { env: {} }),
      (error) =>
        error instanceof ConfigError &&
        error.format() === `${file}:1:1: the file can not be read: there is no such file`,
    );
    assert.throws(
      () => loadConfig('nonexistent/a.yaml', { env: {} }),
      (error) => {
        assert.ok(error instanceof ConfigError);
        assert.equal(error.errors[0]?.suggestion, `it was looked for at ${resolve('nonexistent/a.yaml')}`);
        return true;
      },
    );
  });
});
