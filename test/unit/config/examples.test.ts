import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Config, ResolvedRoute, ResolvedUpstream } from '../../../src/config/config.js';
import { loadConfig, parseConfig } from '../../../src/config/load.js';
import { ConfigFileSchema } from '../../../src/config/schema.js';
import { warnings } from '../../../src/config/warnings.js';
import { projectRoot } from '../../support/project-root.js';

const folder = join(projectRoot, 'config/examples');
const reference = join(projectRoot, 'config/outrigger.yaml');

function upstream(config: Config, name: string): ResolvedUpstream {
  return config.upstreams.get(name) ?? assert.fail(`no upstream ${name}`);
}

function route(config: Config, name: string): ResolvedRoute {
  return config.routes.find((one) => one.name === name) ?? assert.fail(`no route ${name}`);
}

/** The options of a policy that must be on. */
function on<T>(options: T | false): T {
  return options === false ? assert.fail('the policy is off') : options;
}

/** What each example is about, seen in what is in force. */
const checks: Readonly<Record<string, (config: Config) => void>> = {
  'retry.yaml': (config) => {
    const { retry } = route(config, 'orders');
    assert.equal(on(retry).maxAttempts, 4);
    assert.ok(on(retry).on.includes('retriable-header:x-retry'));
    assert.equal(on(retry).retryAfter.honor, true);
    assert.equal(on(retry).retryAfter.max, '5s');
    assert.deepEqual(on(route(config, 'search').retry).idempotencyKeys, ['idempotency-key', 'x-request-id']);
    assert.deepEqual(on(route(config, 'search').retry).backoff.delays, ['20ms', '100ms', '500ms']);
    assert.equal(route(config, 'search-admin').retry, false);
  },
  'tracing.yaml': ({ tracing }) => {
    assert.deepEqual(on(tracing), {
      otlp: 'http://127.0.0.1:4318/v1/traces',
      sample: 0.01,
      headers: { authorization: 'Bearer not-set' },
      serviceName: 'shop-outrigger',
    });
  },
  'retry-budget.yaml': (config) => {
    const { retryBudget } = upstream(config, 'billing');
    assert.deepEqual(on(retryBudget), {
      failedRatio: '10%',
      totalRatio: '30%',
      minPerSecond: 2,
      window: '10s',
      key: '{upstream}',
    });
  },
  'timeouts.yaml': (config) => {
    assert.equal(upstream(config, 'reports').connectTimeoutMs, 500);
    assert.equal(on(route(config, 'reports').timeout).timeout, '3s');
    assert.equal(on(route(config, 'reports').attemptTimeout).attemptTimeout, '800ms');
    assert.equal(route(config, 'reports').idleTimeoutMs, 30_000);
    assert.equal(route(config, 'make-report').retry, false);
  },
  'circuit-breaker.yaml': (config) => {
    const { circuitBreaker } = upstream(config, 'payments');
    assert.equal(on(circuitBreaker).consecutiveFailures, 5);
    assert.equal(on(circuitBreaker).slowCallDuration, '1s');
    assert.equal(on(circuitBreaker).mode, 'enforce');
    assert.equal(on(upstream(config, 'ledger').circuitBreaker).key, '{endpoint} {header:x-tenant}');
    assert.equal(on(upstream(config, 'mail').circuitBreaker).mode, 'shadow');
  },
  'concurrency.yaml': (config) => {
    assert.equal(on(upstream(config, 'inventory').concurrency).limit, 32);
    assert.equal(on(upstream(config, 'inventory').concurrency).queue, 16);
    assert.equal(on(upstream(config, 'pricing').concurrency).key, '{upstream} {header:x-tenant}');
  },
  'fallback.yaml': (config) => {
    const [fixed] = on(route(config, 'recommendations').fallback).steps;
    assert.ok(fixed !== undefined && 'response' in fixed);
    assert.equal(fixed.response.body, '{"items":[]}');
    const flags = on(route(config, 'flags').fallback);
    assert.ok(flags.on.includes('503') && !flags.on.includes('5xx'));
    const [read] = flags.steps;
    assert.ok(read !== undefined && 'response' in read && read.response.body !== undefined);
    assert.deepEqual(JSON.parse(Buffer.from(read.response.body).toString()), { flags: { 'new-checkout': false } });
  },
  'fallback-stale.yaml': (config) => {
    assert.equal(config.limits.staleMemoryBytes, 32 * 1024 * 1024);
    const [kept, last] = on(route(config, 'prices').fallback).steps;
    assert.deepEqual(kept, {
      stale: {
        maxAge: '1m',
        maxEntries: 1000,
        maxBodySize: '1MiB',
        key: ['authorization', 'cookie'],
        overrideCacheControl: false,
      },
    });
    assert.ok(last !== undefined && 'response' in last);
    const [profile] = on(route(config, 'profiles').fallback).steps;
    assert.ok(profile !== undefined && 'stale' in profile && profile.stale.overrideCacheControl);
    assert.deepEqual(profile.stale.key, ['authorization', 'cookie', 'x-tenant']);
  },
  'fallback-upstream.yaml': (config) => {
    assert.equal(on(route(config, 'orders').fallback).timeout, '1s');
    assert.deepEqual(on(route(config, 'orders').fallback).steps, [{ upstream: 'orders-us', when: 'replayable' }]);
    const reports = on(route(config, 'reports').fallback).steps;
    assert.deepEqual(
      reports.map((step) => ('when' in step ? step.when : Object.keys(step)[0])),
      ['always', 'unsent', 'stale'],
    );
  },
  'hedge.yaml': (config) => {
    assert.equal(on(route(config, 'search').hedge).delay, 'p95');
    const { delay, max, methods } = on(route(config, 'quotes').hedge);
    assert.deepEqual([delay, max, methods], ['50ms', 2, ['GET', 'HEAD', 'POST']]);
  },
  'rate-limit.yaml': (config) => {
    assert.deepEqual(upstream(config, 'geocoder').rateLimit, { requests: 10, per: '1s', burst: 20 });
    const { requests, per, burst, key, mode } = on(route(config, 'reports').rateLimit);
    assert.deepEqual([requests, per, burst, key, mode], [100, '1m', 20, '{header:x-tenant}', 'enforce']);
    assert.equal(on(route(config, 'exports').rateLimit).mode, 'shadow');
    assert.equal(route(config, 'geocoder').rateLimit, false);
  },
  'adaptive-concurrency.yaml': (config) => {
    const { limit, queue } = on(upstream(config, 'inventory').concurrency);
    assert.deepEqual([limit, queue], ['adaptive', 20]);
  },
  'faults.yaml': (config) => {
    assert.deepEqual(on(route(config, 'orders').faults).faults, [
      { percent: '5%', delay: '2s' },
      { percent: '10%', status: 503 },
      { percent: '2%', abort: 'reset' },
      { percent: '1%', abort: 'refuse' },
    ]);
    assert.equal(route(config, 'everything-else').faults, false);
  },
  'shadow.yaml': (config) => {
    const { circuitBreaker, concurrency } = upstream(config, 'billing');
    const { retry, rateLimit } = route(config, 'billing');
    for (const options of [on(circuitBreaker), on(concurrency), on(retry), on(rateLimit)]) {
      assert.equal(options.mode, 'shadow');
    }
  },
  'endpoints.yaml': (config) => {
    assert.equal(upstream(config, 'catalogue').endpoints.length, 3);
    assert.equal(upstream(config, 'catalogue').loadBalancing, 'leastRequest');
  },
  'discovery.yaml': (config) => {
    assert.deepEqual(upstream(config, 'carts').discovery, { dns: 'each', refresh: '5s' });
    assert.equal(upstream(config, 'images').discovery.dns, 'one');
  },
  'health-check.yaml': (config) => {
    assert.equal(upstream(config, 'sessions').endpoints.length, 3);
    assert.deepEqual(on(upstream(config, 'sessions').healthCheck), {
      path: '/healthz',
      interval: '5s',
      timeout: '1s',
      healthyAfter: 2,
      unhealthyAfter: 3,
      expect: ['200-299'],
      panicThreshold: '50%',
    });
  },
  'routing.yaml': (config) => {
    assert.deepEqual(route(config, 'users-canary').match.headers, { 'x-canary': '1' });
    assert.deepEqual(route(config, 'users-read').match.methods, ['GET', 'HEAD']);
    assert.deepEqual(route(config, 'users-read').rewrite, { stripPrefix: '/users', addPrefix: '/v2' });
    const write = on(route(config, 'users-write').retry);
    assert.deepEqual([write.maxAttempts, write.backoff.base], [2, '50ms']);
    assert.equal(on(route(config, 'users-read').retry).maxAttempts, 3);
    assert.equal(route(config, 'static').match.host, '*.static.internal');
    assert.equal(route(config, 'static').preserveHost, true);
  },
  'headers.yaml': (config) => {
    assert.equal(upstream(config, 'weather').internalHeaders, false);
    assert.deepEqual(route(config, 'weather').requestHeaders.set, { 'x-api-key': 'k' });
    assert.deepEqual(route(config, 'weather').requestHeaders.remove, ['cookie', 'x-internal-user']);
    assert.deepEqual(route(config, 'weather').responseHeaders.remove, ['server', 'x-powered-by']);
  },
  'tls.yaml': (config) => {
    const { tls } = upstream(config, 'vault');
    assert.match(tls.ca ?? '', /^-----BEGIN CERTIFICATE-----/);
    assert.equal(tls.serverName, 'vault.internal');
    assert.equal(tls.verify, true);
  },
};

test('every example is checked here', () => {
  const files = readdirSync(folder).filter((name) => name.endsWith('.yaml'));
  assert.deepEqual(files.sort(), Object.keys(checks).sort());
});

for (const [name, check] of Object.entries(checks)) {
  test(`config/examples/${name} loads without a warning, and what it is about is in force`, () => {
    const config = loadConfig(join(folder, name), { env: { WEATHER_KEY: 'k' } });
    assert.deepEqual(warnings(config), []);
    check(config);
  });
}

test('config/outrigger.yaml loads without a warning, goes where DEMO_URL says, and has a fallback to show', () => {
  const config = loadConfig(reference, { env: { DEMO_URL: 'http://127.0.0.1:4321' } });
  assert.deepEqual(warnings(config), []);
  assert.deepEqual(upstream(config, 'demo').endpoints, ['http://127.0.0.1:4321']);
  assert.equal(on(route(config, 'with-fallback').fallback).steps.length, 1);
  assert.deepEqual(upstream(loadConfig(reference, { env: {} }), 'demo').endpoints, ['http://127.0.0.1:9000']);
});

test('config/outrigger.yaml shows the built-in defaults, but for what it says is otherwise', () => {
  const minimal = `
upstreams: { demo: { url: 'http://127.0.0.1:9000' } }
routes: [{ name: demo, match: { path: /* }, upstream: demo }]
`;
  const shown = loadConfig(reference, { env: {} });
  const builtIn = parseConfig(minimal, 'minimal.yaml', { env: {} });
  const { listen, admin, log, drainTimeoutMs, drainDelayMs, reload, limits } = shown;
  const process = { listen, admin, log, drainTimeoutMs, drainDelayMs, reload, limits };
  assert.deepEqual(process, Object.fromEntries(Object.keys(process).map((key) => [key, builtIn[key as keyof Config]])));
  assert.deepEqual(upstream(shown, 'demo'), upstream(builtIn, 'demo'));
  const demo = { ...route(shown, 'demo'), timeout: { timeout: '30s' }, attemptTimeout: { attemptTimeout: '9s' } };
  assert.deepEqual(demo, route(builtIn, 'demo'));
});

test('config/outrigger.yaml names every key there is', () => {
  const text = readFileSync(reference, 'utf8');
  const missing = [...keysOf(ConfigFileSchema)].filter((key) => !new RegExp(`(?<![\\w-])${key}:`).test(text));
  assert.deepEqual(missing.sort(), []);
});

/** All keys in a schema, at any depth. */
function* keysOf(schema: unknown): Generator<string> {
  if (typeof schema !== 'object' || schema === null) return;
  for (const [name, value] of Object.entries(schema) as [string, unknown][]) {
    if (name === 'properties' && typeof value === 'object' && value !== null) yield* Object.keys(value);
    yield* keysOf(value);
  }
}
