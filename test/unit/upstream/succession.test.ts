import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { CircuitBreakerOptions } from '../../../src/policies/circuit-breaker.js';
import { ConcurrencyOptions } from '../../../src/policies/concurrency.js';
import { RetryBudgetOptions } from '../../../src/policies/retry-budget.js';
import { withDefaults } from '../../../src/policies/rules/with-defaults.js';
import { HealthCheckOptions } from '../../../src/upstream/health-check.js';
import { Upstream, type UpstreamOptions } from '../../../src/upstream/upstream.js';
import { BenchPool, HEALTH_PATH } from '../../support/endpoint-bench.js';
import { fakeAttempt, fakeCall } from '../../support/policy-events.js';
import type { Answer } from '../../support/scripted-upstream.js';
import { VirtualClock } from '../../../src/simulation/virtual-clock.js';

const [A, B, C] = ['http://a.test', 'http://b.test', 'http://c.test'];

const OPTIONS: UpstreamOptions = {
  name: 'up',
  endpoints: [A, B],
  loadBalancing: 'roundRobin',
  internalHeaders: true,
  healthCheck: withDefaults(HealthCheckOptions, { path: HEALTH_PATH, interval: '10s', unhealthyAfter: 1 }),
  circuitBreaker: withDefaults(CircuitBreakerOptions, {}),
  concurrency: withDefaults(ConcurrencyOptions, {}),
  retryBudget: withDefaults(RetryBudgetOptions, {}),
  rateLimit: { requests: 10, per: '1s' },
  longestAttemptMs: 9_000,
  connection: { connectTimeoutMs: 3_000 },
};

/** Upstreams that take each other's place, in virtual time. */
function setUp() {
  const clock = new VirtualClock();
  const pools: { readonly place: string; readonly pool: BenchPool }[] = [];
  const checks = new Map<string, Answer>();
  const names = new Map<string, readonly string[]>();
  let lookups = 0;
  const deps = { clock, random: () => 0.5, emit: () => undefined };
  return {
    clock,
    checks,
    names,
    pools,
    lookups: () => lookups,
    /** The pools that are open, by place. */
    open: () => pools.filter(({ pool }) => pool.state === 'open').map(({ place }) => place),
    make: (changed: Partial<UpstreamOptions> = {}, before?: Upstream): Upstream =>
      new Upstream(
        { ...OPTIONS, ...changed },
        (origin, address) => {
          const place = address === undefined ? origin : `${origin}#${address}`;
          const pool = new BenchPool(
            clock,
            () => checks.get(place) ?? 200,
            () => 200,
          );
          pools.push({ place, pool });
          return pool;
        },
        deps,
        (hostname) => {
          lookups++;
          return Promise.resolve(names.get(hostname) ?? []);
        },
        before,
      ),
  };
}

/** What a reload does when the old configuration has no call left. */
async function replace(before: Upstream, after: Upstream): Promise<void> {
  after.start();
  before.stop();
  before.retire();
  await setImmediate();
}

const STATES = ['circuits', 'limiters', 'budgets', 'rateLimit', 'balancer'] as const;

describe('what a policy knows', () => {
  test('is taken over where its options are the same', () => {
    const { make } = setUp();
    const before = make();
    const after = make({ longestAttemptMs: 1_000, connection: { connectTimeoutMs: 1 } }, before);
    for (const state of STATES) assert.equal(after[state], before[state], state);
  });

  const changes: Readonly<Record<(typeof STATES)[number], Partial<UpstreamOptions>>> = {
    circuits: { circuitBreaker: withDefaults(CircuitBreakerOptions, { minimumCalls: 21 }) },
    limiters: { concurrency: withDefaults(ConcurrencyOptions, { limit: 3 }) },
    budgets: { retryBudget: withDefaults(RetryBudgetOptions, { failedRatio: 0.1 }) },
    rateLimit: { rateLimit: { requests: 11, per: '1s' } },
    balancer: { loadBalancing: 'random' },
  };
  for (const changed of STATES) {
    test(`is new where they are not: ${changed}, and nothing else`, () => {
      const { make } = setUp();
      const before = make();
      const after = make(changes[changed], before);
      assert.deepEqual(
        STATES.filter((state) => after[state] !== before[state]),
        [changed],
      );
    });
  }

  test('is gone where the policy is off', () => {
    const { make } = setUp();
    const after = make({ circuitBreaker: false, concurrency: false, retryBudget: false, rateLimit: false }, make());
    assert.deepEqual([after.circuits, after.limiters, after.budgets, after.rateLimit], Array(4).fill(undefined));
  });

  test('follows the endpoints: new ones have a circuit, those of others go when the last call has', async () => {
    const { make } = setUp();
    const before = make();
    before.start();
    const after = make({ endpoints: [B, C] }, before);
    const keys = () => after.circuits?.view().map(({ key }) => key);
    assert.deepEqual(keys(), [A, B], 'nothing has changed yet');
    after.start();
    assert.deepEqual(keys(), [B, C]);
    // A call of before that is still under way brings it back.
    before.circuits?.admit(fakeAttempt(fakeCall(), A), A);
    assert.deepEqual(keys(), [B, C, A]);
    await replace(before, after);
    assert.deepEqual(keys(), [B, C]);
  });
});

describe('connections', () => {
  test('stay where the endpoint is the same and they are made in the same way; others go', async () => {
    const { make, pools, open } = setUp();
    const before = make();
    before.start();
    const after = make({ endpoints: [B, C] }, before);
    assert.deepEqual(open(), [A, B, C]);
    await replace(before, after);
    assert.deepEqual([pools.length, open()], [3, [B, C]]);
    const last = make({ endpoints: [B, C], connection: { connectTimeoutMs: 1_000 } }, after);
    await replace(after, last);
    assert.deepEqual([pools.length, open()], [5, [B, C]]);
  });

  test('end when the last attempt over them has', async () => {
    const { make, open } = setUp();
    const before = make();
    before.start();
    const [first] = before.endpoints;
    first?.take();
    const after = make({ endpoints: [B] }, before);
    await replace(before, after);
    assert.deepEqual(open(), [A, B]);
    first?.release();
    await setImmediate();
    assert.deepEqual(open(), [B]);
  });

  test('stay as they are when what was made is not taken after all', async () => {
    const { make, open } = setUp();
    const before = make();
    before.start();
    make({ endpoints: [B, C] }, before).retire();
    await setImmediate();
    assert.deepEqual(open(), [A, B]);
    assert.equal(before.circuits?.view().length, 2);
  });
});

describe('health and names', () => {
  test('an unhealthy endpoint stays so, and its checks go on in their own time, whatever the reloads', async () => {
    const { make, clock, checks, pools } = setUp();
    checks.set(A, 503);
    let current = make();
    current.start();
    clock.advance(5_000);
    const usable = () => current.usable().map(({ label }) => label);
    assert.deepEqual(usable(), [B]);
    for (let i = 0; i < 6; i++) {
      const next = make({ longestAttemptMs: i }, current);
      await replace(current, next);
      current = next;
      assert.deepEqual(usable(), [B]);
      clock.advance(5_000);
    }
    // At 5 s, 15 s, 25 s and 35 s.
    assert.equal(pools[0]?.pool.checks.seen.length, 4);
    checks.set(A, 200);
    clock.advance(20_000);
    assert.deepEqual(usable(), [A, B]);
  });

  test('an unhealthy endpoint whose checks are others now becomes healthy by them', async () => {
    const { make, clock, checks } = setUp();
    checks.set(A, 503);
    const before = make();
    before.start();
    clock.advance(5_000);
    const healthCheck = withDefaults(HealthCheckOptions, { path: HEALTH_PATH, interval: '1s', healthyAfter: 2 });
    const after = make({ healthCheck }, before);
    await replace(before, after);
    checks.set(A, 200);
    assert.equal(after.usable().length, 1);
    clock.advance(2_000);
    assert.equal(after.usable().length, 2);
  });

  test('without checks every endpoint counts as healthy again', async () => {
    const { make, clock, checks } = setUp();
    checks.set(A, 503);
    const before = make();
    before.start();
    clock.advance(5_000);
    const after = make({ healthCheck: false }, before);
    await replace(before, after);
    assert.equal(after.usable().length, 2);
    assert.equal(clock.pending, 0, 'no check is made any more');
  });

  test('the addresses of a name are known at once', async () => {
    const { make, names, open, pools } = setUp();
    names.set('a.test', ['10.0.0.1', '10.0.0.2']);
    const each = { endpoints: [A], discovery: { dns: 'each', refresh: '5s' } } as const;
    const before = make(each);
    before.start();
    await setImmediate();
    const made = pools.length;
    const after = make({ ...each, longestAttemptMs: 1 }, before);
    assert.deepEqual(
      after.endpoints.map(({ label }) => label),
      [`${A}#10.0.0.1`, `${A}#10.0.0.2`],
    );
    await replace(before, after);
    assert.deepEqual([pools.length, open()], [made, [`${A}#10.0.0.1`, `${A}#10.0.0.2`]]);
    names.set('a.test', ['10.0.0.2']);
  });

  test('a hundred successions leave as many timers and pools as one', async () => {
    const { make, clock, pools, names } = setUp();
    names.set('a.test', ['10.0.0.1']);
    const each = { discovery: { dns: 'each', refresh: '5s' } } as const;
    let current = make(each);
    current.start();
    await setImmediate();
    const timers = clock.pending;
    for (let i = 0; i < 100; i++) {
      const next = make({ ...each, connection: i % 2 }, current);
      await replace(current, next);
      current = next;
    }
    await setImmediate();
    assert.equal(clock.pending, timers);
    assert.equal(pools.filter(({ pool }) => pool.state === 'open').length, 2);
  });
});
