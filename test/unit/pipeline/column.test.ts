import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { column } from '../../../src/pipeline/column.js';
import { stack } from '../../../src/pipeline/compose.js';
import type { Dispatch, Policy } from '../../../src/policies/policy.js';
import { Upstream } from '../../../src/upstream/upstream.js';
import { FakeBody } from '../../support/fake-body.js';
import { createLine, text, type LineOptions } from '../../support/line.js';
import { seededRandom } from '../../../src/simulation/seeded-random.js';
import { VirtualClock } from '../../../src/simulation/virtual-clock.js';

/** Nothing of a column but its layers: every policy is off. */
function bareColumn() {
  const deps = { clock: new VirtualClock(), random: () => 0.5, emit: () => undefined };
  const off = { circuitBreaker: false, concurrency: false, retryBudget: false } as const;
  const upstream = new Upstream(
    {
      name: 'up',
      endpoints: ['http://a'],
      loadBalancing: 'random',
      internalHeaders: true,
      longestAttemptMs: 1,
      ...off,
    },
    () => ({ dispatch: () => true, close: () => Promise.resolve(), destroy: () => Promise.resolve() }),
    deps,
  );
  const policies = { fallback: false, timeout: false, retry: false, attemptTimeout: false, ...off } as const;
  return column(policies, { upstream }, deps);
}

describe('the stack', () => {
  /** Notes when a call passes it, down and up. */
  function noting(name: string, notes: string[]): Policy {
    return (dispatch) => (opts, handler) => {
      notes.push(`${name} down`);
      return dispatch(opts, {
        ...handler,
        onResponseEnd: (...given) => {
          notes.push(`${name} up`);
          handler.onResponseEnd?.(...given);
        },
      });
    };
  }

  test('is written outermost first: the first policy sees the call first and its end last', () => {
    const notes: string[] = [];
    const innermost: Dispatch = (_opts, handler) => {
      notes.push('innermost');
      handler.onResponseEnd?.(undefined as never, {});
      return true;
    };
    stack([noting('outer', notes), undefined, noting('inner', notes)], innermost)({ path: '/', method: 'GET' }, {});
    assert.deepEqual(notes, ['outer down', 'inner down', 'innermost', 'inner up', 'outer up']);
  });

  test('is the innermost dispatch itself where every policy is off', () => {
    const innermost: Dispatch = () => true;
    assert.equal(stack([undefined, undefined], innermost), innermost);
  });
});

describe('the column', () => {
  test('has its layers in this order, outermost first', () => {
    assert.deepEqual(
      bareColumn().map(({ name }) => name),
      [
        'rate limit',
        'stale invalidation',
        'fallback',
        'deadline',
        'retry',
        'hedge',
        'concurrency',
        'endpoint',
        'circuit breaker',
        'attempt timeout',
        'attempt rate limit',
        'transport',
        'fault injection',
      ],
    );
  });

  test('says of each layer why it stands where it stands', () => {
    for (const { name, why } of bareColumn()) assert.ok(why.length > 20, name);
  });

  test('has nothing but the endpoint choice and the transport where every policy is off', () => {
    assert.deepEqual(
      bareColumn().flatMap(({ name, policy }) => (policy === undefined ? [] : [name])),
      ['endpoint', 'transport'],
    );
  });

  test('with every policy off, a call is one attempt, and its end is the upstream’s', () => {
    const line = createLine({
      retry: false,
      timeout: false,
      attemptTimeout: false,
      concurrency: false,
      circuitBreaker: false,
      retryBudget: false,
      endpoints: { a: [text(503, 'x')] },
    });
    const call = line.run();
    assert.deepEqual([call.status, call.body, call.attempts], [503, 'x', 1]);
    line.finish();
  });
});

const NO_WAIT = { strategy: 'fixed', base: '0s', jitter: 'none' } as const;

describe('rate limit × fallback', () => {
  test('what the rate limit refuses is refused: no fallback answers it', () => {
    const line = createLine({
      rateLimit: { requests: 1, per: '1m' },
      fallback: { on: ['rate-limited', '5xx'], response: {} },
    });
    line.run();
    const second = line.run();
    assert.deepEqual([second.error?.code, second.call.fallback], ['rate-limited', undefined]);
    line.finish();
  });
});

describe('fallback × retry', () => {
  test('a fallback answers after the last retry, and its attempts are counted', () => {
    const line = createLine({
      fallback: { response: { status: 200, body: 'instead', headers: { 'x-from': 'us' } } },
      endpoints: { a: [text(503, 'secret', { 'x-secret': '1' })] },
    });
    const call = line.run();
    assert.deepEqual([call.status, call.body, call.attempts, call.call.fallback], [200, 'instead', 3, 'response']);
    assert.deepEqual(Object.keys(call.headers).sort(), ['content-length', 'x-from'], 'no header of the failure leaks');
    line.finish();
  });

  test('a call that a retry saves needs none', () => {
    const line = createLine({ fallback: { response: {} }, endpoints: { a: [503, text(200, 'real')] } });
    const call = line.run();
    assert.deepEqual([call.body, call.call.fallback, line.of('fallback').length], ['real', undefined, 0]);
    line.finish();
  });

  test('a fallback for an answer that retry held back, when the circuit refuses the retry', () => {
    const line = createLine({
      fallback: { response: { body: 'instead' } },
      circuitBreaker: { consecutiveFailures: 1, probeShare: 0 },
      endpoints: { a: [text(503, 'first')] },
    });
    const call = line.run();
    assert.deepEqual([call.status, call.body, call.attempts], [200, 'instead', 1]);
    line.finish();
  });
});

describe('fallback × an answer that nothing replaces', () => {
  test('the app gets all of it, also what is over 64 KiB, and nothing of what was tried instead', () => {
    const body = 'x'.repeat(200 * 1024);
    for (const bodyAfter of [0, 50]) {
      const line = createLine({
        retry: false,
        fallback: { steps: [{ upstream: 'other' }] },
        elsewhere: { other: [{ status: 503, after: 20, body: 'other', headers: { 'x-other': '1' } }] },
        endpoints: { a: [{ status: 502, body, bodyAfter, headers: { 'x-first': '1' } }] },
      });
      const call = line.run();
      line.finish();
      assert.deepEqual([call.status, call.body.length, call.headers], [502, body.length, { 'x-first': '1' }]);
      assert.equal(call.call.fallback, undefined);
    }
  });

  test('a body that breaks meanwhile ends in error, never cleanly', () => {
    const line = createLine({
      retry: false,
      fallback: { steps: [{ upstream: 'other' }] },
      elsewhere: { other: [{ status: 503, after: 20 }] },
      endpoints: { a: [{ status: 502, body: 'half', breaks: true }] },
    });
    const call = line.run();
    line.finish();
    assert.deepEqual([call.status, call.body, call.error?.code], [502, 'half', 'bad-response']);
  });
});

describe('fallback × deadline', () => {
  test('a fallback answers a call that ran out of time, at the deadline', () => {
    const line = createLine({
      timeout: '2s',
      fallback: { response: { body: 'instead' } },
      endpoints: { a: ['hang'] },
    });
    const call = line.run();
    assert.deepEqual([call.status, call.body, call.endedAt], [200, 'instead', 2_000]);
    assert.equal(line.of('fallback')[0]?.cause, 'deadline');
    line.finish();
  });
});

describe('fallback × circuit', () => {
  test('a fallback answers what an open circuit refuses, without an attempt', () => {
    const line = createLine({
      retry: false,
      fallback: { response: { body: 'instead' } },
      circuitBreaker: { consecutiveFailures: 1, probeShare: 0 },
      endpoints: { a: [503] },
    });
    line.run();
    const call = line.run();
    assert.deepEqual([call.body, call.attempts, call.ends], ['instead', 0, 1]);
    assert.deepEqual(
      line.of('fallback').map(({ cause }) => cause),
      ['503', 'circuit-open'],
    );
    line.finish();
  });
});

describe('deadline × retry', () => {
  test('the deadline cuts the attempt that runs, and no other is made', () => {
    const line = createLine({
      timeout: '5s',
      attemptTimeout: '2s',
      retry: { maxAttempts: 10, backoff: NO_WAIT },
      endpoints: { a: ['hang'] },
    });
    const call = line.run();
    assert.deepEqual([call.endedAt, line.times()], [5_000, [0, 2_000, 4_000]]);
    line.finish();
  });

  test('a back-off that would end past the deadline is not slept', () => {
    const backoff = { base: '1m', max: '1m', jitter: 'none' } as const;
    const line = createLine({ timeout: '1s', retry: { backoff }, endpoints: { a: [text(503, 'x')] } });
    const call = line.run();
    assert.deepEqual([call.status, call.body, call.endedAt], [503, 'x', 0]);
    line.finish();
  });

  test('the deadline ends a back-off that began before its clock did, while the body came in', () => {
    const line = createLine({
      timeout: '100ms',
      retry: { backoff: { base: '1s', jitter: 'none' } },
      endpoints: { a: ['refuse', 200] },
    });
    const body = FakeBody.streaming('body-too-large');
    body.forAttempt = () => 'not taken yet';
    const call = line.call({ method: 'PUT', body });
    line.advance(10);
    assert.equal(line.of('retry').length, 1);
    body.finish();
    line.advance(100);
    assert.deepEqual([call.error?.code, call.endedAt, line.seen().length], ['deadline', 110, 1]);
    assert.deepEqual(line.suppressed(), ['deadline']);
    line.finish();
  });
});

describe('retry × circuit', () => {
  test('the circuit counts each attempt, and opens in the middle of a call', () => {
    const line = createLine({
      retry: { maxAttempts: 5 },
      circuitBreaker: { consecutiveFailures: 3, probeShare: 0 },
      endpoints: { a: [text(503, '1'), text(503, '2'), text(503, '3')] },
    });
    const call = line.run();
    assert.deepEqual([call.status, call.body, call.attempts], [503, '3', 3]);
    assert.deepEqual(line.suppressed(), ['circuit-open']);
    line.finish();
  });

  test('what the circuit refuses is not retried', () => {
    const line = createLine({
      circuitBreaker: { consecutiveFailures: 1, probeShare: 0 },
      endpoints: { a: [503] },
    });
    line.run();
    const call = line.call();
    assert.deepEqual([call.ends, call.error?.code, line.of('retry').length], [1, 'circuit-open', 1]);
    line.finish();
  });

  test('a retry finds an endpoint whose circuit is closed', () => {
    const line = createLine({
      retry: { backoff: NO_WAIT },
      circuitBreaker: { consecutiveFailures: 1, probeShare: 0, openFor: '1h', maxOpenFor: '1h' },
      endpoints: { a: [503], b: [503], c: [200] },
    });
    const call = line.run();
    assert.deepEqual([call.status, call.attempts], [200, 3]);
    for (let i = 0; i < 10; i++) assert.equal(line.run().attempts, 1);
    line.finish();
  });
});

describe('retry × budget × circuit', () => {
  function outage(options: LineOptions): number {
    const line = createLine({ endpoints: { a: [503] }, random: seededRandom(7), ...options });
    const calls = 4_000;
    for (let i = 0; i < calls; i++) {
      line.call();
      line.advance(2);
    }
    line.finish();
    return line.seen().length / calls;
  }

  test('without both a full outage triples the load; the budget bounds it; the circuit ends it', () => {
    const neither = outage({ retryBudget: false, circuitBreaker: false });
    const budget = outage({ circuitBreaker: false });
    const both = outage({});
    assert.equal(neither, 3);
    assert.ok(budget > 1.15 && budget <= 1.21, `${budget} attempts per call with the budget`);
    assert.ok(both <= 0.1, `${both} attempts per call with both`);
  });

  test('a brownout that retries mend exhausts nothing', () => {
    const random = seededRandom(8);
    const line = createLine({
      endpoints: { a: () => (random() < 0.2 ? 503 : 200) },
      retry: { maxAttempts: 6, backoff: { base: '20ms' } },
      circuitBreaker: { failureRate: '50%' },
      random: seededRandom(9),
    });
    const calls = Array.from({ length: 2_000 }, () => {
      const call = line.call();
      line.advance(5);
      return call;
    });
    line.finish();
    const failed = calls.filter((call) => call.status !== 200).length;
    assert.ok(failed <= 2, `${failed} of 2000 failed`);
    assert.ok(!line.suppressed().includes('budget'));
  });
});

describe('concurrency × retry', () => {
  test('a place is free during a back-off', () => {
    const line = createLine({
      concurrency: { limit: 1 },
      retry: { backoff: { base: '1s', jitter: 'none' } },
      endpoints: { a: [503, 200] },
    });
    const first = line.call();
    line.advance(10);
    assert.equal(line.run().status, 200, 'taken by another meanwhile');
    line.finish();
    assert.equal(first.status, 200);
  });

  test('a call that waits for a place is not retried when it is refused', () => {
    const line = createLine({
      concurrency: { limit: 1, queue: 1, queueTimeout: '50ms' },
      endpoints: { a: [{ status: 200, after: 1_000 }] },
    });
    line.call();
    const second = line.run();
    assert.deepEqual([second.error?.code, second.endedAt, line.of('retry').length], ['overload', 50, 0]);
    line.finish();
  });
});

describe('concurrency × circuit', () => {
  test('a place is asked for first: an overloaded upstream lends no probe that is then refused', () => {
    const line = createLine({
      retry: false,
      concurrency: { limit: 1 },
      circuitBreaker: { consecutiveFailures: 1, probeShare: 1, halfOpenProbes: 1, openFor: '1m', maxOpenFor: '1m' },
      endpoints: { a: [503, 'hang', 200] },
    });
    line.run();
    const probe = line.call();
    assert.equal(line.call().error?.code, 'overload');
    probe.leave();
    assert.equal(line.run().status, 200);
    line.finish();
  });
});

describe('attempt timeout × circuit', () => {
  test('hanging attempts open it, and calls then end at once', () => {
    const line = createLine({
      attemptTimeout: '1s',
      retry: false,
      circuitBreaker: { consecutiveFailures: 5, probeShare: 0 },
      endpoints: { a: ['hang'] },
    });
    const calls = Array.from({ length: 20 }, () => {
      const call = line.call();
      line.advance(100);
      return call;
    });
    line.finish();
    const waited = calls.map((call) => (call.endedAt ?? 0) - call.call.startedAt);
    assert.deepEqual(waited.slice(0, 14), new Array<number>(14).fill(1_000));
    assert.ok(waited.slice(15).every((ms) => ms === 0 || ms === 1_000));
    assert.equal(line.circuit().state, 'open');
  });
});

describe('endpoints × circuit × retry', () => {
  test('one of two endpoints hangs: its circuit opens, and calls go elsewhere at once', () => {
    const line = createLine({
      attemptTimeout: '500ms',
      retry: { backoff: NO_WAIT },
      circuitBreaker: { consecutiveFailures: 3, probeShare: 0, openFor: '1h', maxOpenFor: '1h' },
      endpoints: { a: ['hang'], b: [200] },
    });
    const calls = Array.from({ length: 20 }, () => line.run());
    assert.ok(calls.every((call) => call.status === 200));
    assert.equal(line.seen('a').length, 3);
    line.finish();
  });
});
