import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createLine, type LineOptions } from '../../support/line.js';
import { seededRandom } from '../../../src/simulation/seeded-random.js';
import type { Answer } from '../../support/scripted-upstream.js';

const ONE = { minimumCalls: 1, consecutiveFailures: 1, probeShare: 0 } as const;

/** One attempt; what the circuit counted. */
function counted(answer: Answer, circuitBreaker: NonNullable<LineOptions['circuitBreaker']> = {}): string {
  const line = createLine({
    retry: false,
    attemptTimeout: '1s',
    endpoints: { a: [answer] },
    circuitBreaker: { minimumCalls: 100, consecutiveFailures: 0, ...circuitBreaker },
  });
  line.run();
  line.finish();
  const { calls, failureRate } = line.circuit();
  return calls === 0 ? 'neither way' : failureRate > 0 ? 'failure' : 'success';
}

describe('the circuit breaker counts', () => {
  test('by class: failures of the upstream, answers below 500, and 429 neither way', () => {
    for (const [answer, expected] of [
      ['refuse', 'failure'],
      ['reset', 'failure'],
      ['hang', 'failure'],
      [500, 'failure'],
      [503, 'failure'],
      [599, 'failure'],
      [{ status: 200, body: 'x', breaks: true }, 'failure'],
      [200, 'success'],
      [304, 'success'],
      [404, 'success'],
      [422, 'success'],
      [429, 'neither way'],
    ] as const) {
      assert.equal(counted(answer), expected, JSON.stringify(answer));
    }
  });

  test('what is listed, and takes the rest for a success', () => {
    assert.equal(counted(500, { failOn: ['503'] }), 'success');
    assert.equal(counted(503, { failOn: ['503'] }), 'failure');
    assert.equal(counted(404, { failOn: ['404'] }), 'failure');
    assert.equal(counted(429, { failOn: ['429'] }), 'failure');
  });

  test('what is not listed and no answer neither way', () => {
    assert.equal(counted('reset', { failOn: ['5xx'] }), 'neither way');
    assert.equal(counted({ status: 200, body: 'x', breaks: true }, { failOn: ['5xx'] }), 'success');
  });

  test('attempts, not calls', () => {
    const line = createLine({ endpoints: { a: [503] }, circuitBreaker: { minimumCalls: 100, consecutiveFailures: 0 } });
    line.run();
    assert.equal(line.circuit().calls, 3);
    line.finish();
  });

  test('a stream at its head, however long it takes', () => {
    const line = createLine({
      endpoints: { a: [{ status: 200, body: 'x', bodyAfter: 60_000 }] },
      circuitBreaker: { slowCallDuration: '1s' },
    });
    line.call();
    line.advance(1);
    assert.deepEqual([line.circuit().calls, line.circuit().slowCallRate], [1, 0]);
    line.finish();
  });
});

describe('an open circuit', () => {
  test('refuses at once, without touching the upstream, and says how long', () => {
    const line = createLine({ retry: false, circuitBreaker: ONE, endpoints: { a: [503] } });
    line.run();
    const sent = line.seen().length;
    const call = line.call();
    assert.deepEqual(
      [call.ends, call.error?.code, call.error?.retryAfterMs, call.attempts],
      [1, 'circuit-open', 1_000, 0],
    );
    line.advance(400);
    assert.equal(line.call().error?.retryAfterMs, 600);
    assert.equal(line.seen().length, sent);
    assert.equal(line.of('circuit-refusal').length, 2);
    line.finish();
  });

  test('is told by an event that names upstream, key and time', () => {
    const line = createLine({ retry: false, circuitBreaker: ONE, endpoints: { a: [503] } });
    line.run();
    assert.deepEqual(line.of('circuit'), [
      {
        type: 'circuit',
        upstream: 'up',
        key: 'http://a',
        from: 'closed',
        to: 'open',
        reason: 'consecutive-failures',
        forMs: 1_000,
      },
    ]);
    line.finish();
  });

  test("is open longer when the upstream's Retry-After asks for it", () => {
    const busy = { status: 503, headers: { 'retry-after': '3' } };
    const line = createLine({ retry: false, circuitBreaker: ONE, endpoints: { a: [busy] } });
    line.run();
    assert.equal(line.circuit().remainingMs, 3_000);
    line.finish();
  });

  test('recovers by itself: half-open, ramping, closed', () => {
    const line = createLine({
      retry: false,
      circuitBreaker: { ...ONE, halfOpenProbes: 2 },
      endpoints: { a: (_attempt, now) => (now < 500 ? 503 : 200) },
      random: seededRandom(5),
    });
    for (let i = 0; i < 400; i++) {
      line.call();
      line.advance(10);
    }
    assert.deepEqual(
      line.of('circuit').map(({ to }) => to),
      ['open', 'half-open', 'ramping', 'closed'],
    );
    assert.equal(line.run().status, 200);
    line.finish();
  });

  test('takes no result of an attempt from before: a slow one that ends well does not close it', () => {
    const line = createLine({
      retry: false,
      circuitBreaker: ONE,
      endpoints: { a: [{ status: 200, after: 500 }, 503] },
    });
    const slow = line.call();
    line.call();
    line.advance(500);
    assert.equal(slow.status, 200);
    assert.equal(line.circuit().state, 'open');
    line.finish();
  });
});

describe('a half-open circuit', () => {
  /** At 1 s; the endpoint then does what the script says. */
  function halfOpen(options: LineOptions, ...then: Answer[]) {
    const line = createLine({
      retry: false,
      circuitBreaker: { ...ONE, halfOpenProbes: 1 },
      ...options,
      endpoints: { a: [503, ...then] },
    });
    line.run();
    line.advance(1_000);
    return line;
  }

  test('gets its permit back from a call whose app went away', () => {
    const line = halfOpen({}, 'hang', 200);
    const probe = line.call();
    assert.equal(line.call().error?.code, 'circuit-open');
    probe.leave();
    assert.equal(line.run().status, 200);
    line.finish();
  });

  test('gets it back from a call that its deadline ended', () => {
    const line = halfOpen({ timeout: '2s' }, 'hang', 200);
    line.run();
    assert.equal(line.circuit().state, 'half-open');
    assert.equal(line.run().status, 200);
    line.finish();
  });

  test('gets it back from an attempt that was not made for want of time', () => {
    const line = halfOpen({}, 200);
    assert.equal(line.run({ headers: { 'x-request-timeout-ms': '0' } }).error?.code, 'deadline');
    assert.equal(line.run().status, 200);
    line.finish();
  });

  test('gets it back from an attempt that could not be dispatched', () => {
    const line = createLine({
      retry: false,
      circuitBreaker: { ...ONE, halfOpenProbes: 1 },
      endpoints: {
        a: (attempt) => {
          if (attempt === 2) throw new Error('a bug');
          return attempt === 1 ? 503 : 200;
        },
      },
    });
    line.run();
    line.advance(1_000);
    // The script throws before it notes the attempt, and so for ever.
    for (let i = 0; i < 3; i++) assert.equal(line.run().error?.code, 'internal');
    assert.equal(line.circuit().state, 'half-open');
    line.finish();
  });

  test('opens again when the body of its probe breaks', () => {
    const line = createLine({
      retry: false,
      circuitBreaker: { ...ONE, halfOpenProbes: 2 },
      endpoints: { a: [503, { status: 200, body: 'half', breaks: true }] },
    });
    line.run();
    line.advance(1_000);
    line.run();
    assert.equal(line.circuit().state, 'open');
    line.finish();
  });

  test('refuses beyond its permits, with a second to wait', () => {
    const line = halfOpen({}, 'hang');
    line.call();
    assert.equal(line.call().error?.retryAfterMs, 1_000);
    line.finish();
  });
});

describe('circuits by key', () => {
  test('one tenant fails, the other is never refused', () => {
    const line = createLine({
      retry: false,
      circuitBreaker: { ...ONE, key: '{upstream}:{header:x-tenant}' },
      endpoints: { a: [503] },
    });
    const of = (tenant: string) => line.run({ headers: { 'x-tenant': tenant } }).error?.code;
    assert.equal(of('a'), undefined);
    assert.equal(of('a'), 'circuit-open');
    assert.equal(of('b'), undefined);
    assert.deepEqual(
      line.upstream.circuits?.view().map(({ key, state }) => [key, state]),
      [
        ['up:a', 'open'],
        ['up:b', 'open'],
      ],
    );
    line.finish();
  });

  test('a request without the header has the key -', () => {
    const line = createLine({ circuitBreaker: { key: '{header:x-tenant}' } });
    line.run();
    assert.deepEqual(
      line.upstream.circuits?.view().map(({ key }) => key),
      ['-'],
    );
    line.finish();
  });

  test('stay few; open ones are never forgotten, and beyond them all new keys share one', () => {
    const line = createLine({
      retry: false,
      circuitBreaker: { ...ONE, key: '{header:x-tenant}', maxKeys: 3, openFor: '1h', maxOpenFor: '1h' },
      endpoints: { a: (attempt) => (attempt <= 3 ? 503 : 200) },
    });
    const of = (tenant: string) => line.run({ headers: { 'x-tenant': tenant } });
    for (const tenant of ['a', 'b', 'c']) of(tenant);
    for (let i = 0; i < 1_000; i++) assert.equal(of(`tenant-${i}`).status, 200);
    assert.deepEqual(
      line.upstream.circuits?.view().map(({ key }) => key),
      ['a', 'b', 'c', 'other'],
    );
    assert.equal(of('a').error?.code, 'circuit-open');
    line.finish();
  });

  test('are there before the first call where their keys are known', () => {
    const keys = (key: string) =>
      createLine({ circuitBreaker: { key }, endpoints: { a: [200], b: [200] } })
        .upstream.circuits?.view()
        .map((view) => view.key);
    assert.deepEqual(keys('{endpoint}'), ['http://a', 'http://b']);
    assert.deepEqual(keys('{upstream}'), ['up']);
    assert.deepEqual(keys('{route}'), []);
    assert.deepEqual(keys('{header:x-tenant}'), []);
  });

  test('one for the whole upstream refuses at every endpoint', () => {
    const line = createLine({
      retry: false,
      circuitBreaker: { ...ONE, key: '{upstream}' },
      endpoints: { a: [503], b: [200] },
    });
    line.run();
    assert.equal(line.run().error?.code, 'circuit-open');
    line.finish();
  });
});

describe('a circuit in shadow mode', () => {
  test('refuses nothing, and says what it would have done', () => {
    const line = createLine({
      retry: false,
      circuitBreaker: { ...ONE, mode: 'shadow' },
      endpoints: { a: [503, 200] },
    });
    line.run();
    assert.equal(line.run().status, 200);
    assert.deepEqual(
      line.of('shadow').map(({ action }) => action),
      ['would-open', 'would-refuse'],
    );
    assert.equal(line.of('circuit-refusal').length, 0);
    line.finish();
  });
});
