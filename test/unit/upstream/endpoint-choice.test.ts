import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { PolicyEvent } from '../../../src/policies/events.js';
import type { CallOptions } from '../../../src/policies/policy.js';
import { createBalancer } from '../../../src/upstream/balancing.js';
import { endpointChoice } from '../../../src/upstream/endpoint-choice.js';
import { createLine } from '../../support/line.js';
import { fakeCall } from '../../support/policy-events.js';
import { Recorder } from '../../support/recorder.js';
import { VirtualClock } from '../../../src/simulation/virtual-clock.js';

const NO_WAIT = { strategy: 'fixed', base: '0s', jitter: 'none' } as const;

describe('the endpoint choice', () => {
  test('goes to each endpoint once before it goes anywhere twice', () => {
    for (const loadBalancing of ['leastRequest', 'roundRobin', 'random'] as const) {
      const line = createLine({
        loadBalancing,
        random: () => 0,
        retry: { maxAttempts: 6, backoff: NO_WAIT },
        endpoints: { a: [503], b: [503], c: [503] },
      });
      const call = line.run();
      line.finish();
      const perEndpoint = ['a', 'b', 'c'].map((name) => line.seen(name).length);
      assert.ok(Math.min(...perEndpoint) >= 1, `${loadBalancing}: ${perEndpoint.join()}`);
      if (loadBalancing === 'roundRobin') assert.deepEqual(perEndpoint, [2, 2, 2]);
      assert.equal(new Set(call.call.tried.slice(0, 3)).size, 3);
    }
  });

  test('goes to one that was tried, when the circuits of all others are open', () => {
    const line = createLine({
      retry: { maxAttempts: 3, backoff: NO_WAIT },
      circuitBreaker: { probeShare: 0 },
      endpoints: { a: [503, 503, 200], b: [200], c: [200] },
    });
    for (const name of ['b', 'c']) line.upstream.circuits!.force('forced-open', Infinity, `http://${name}`);
    const call = line.run();
    assert.deepEqual([call.status, line.seen('a').length], [200, 3]);
    line.finish();
  });

  test('counts what is in flight at each endpoint until the body has ended', () => {
    const line = createLine({
      loadBalancing: 'leastRequest',
      endpoints: { a: [{ status: 200, body: 'x', bodyAfter: 100 }], b: [{ status: 200, body: 'x', bodyAfter: 100 }] },
    });
    for (let i = 0; i < 4; i++) line.call();
    assert.deepEqual(
      line.upstream.endpoints.map(({ inFlight }) => inFlight),
      [2, 2],
    );
    line.advance(99);
    assert.deepEqual(
      line.upstream.endpoints.map(({ inFlight }) => inFlight),
      [2, 2],
    );
    line.finish();
  });

  test('says when the soonest of the open circuits asks again', () => {
    const line = createLine({ endpoints: { a: [200], b: [200] } });
    line.upstream.circuits!.force('forced-open', 60_000, 'http://a');
    line.upstream.circuits!.force('forced-open', 20_000, 'http://b');
    assert.equal(line.run().error?.retryAfterMs, 20_000);
    assert.equal(line.of('circuit-refusal').length, 1, 'one call, one refusal');
    line.finish();
  });

  test('tells what an operator forced from circuits that opened by themselves', () => {
    const line = createLine({
      retry: false,
      circuitBreaker: { consecutiveFailures: 1, probeShare: 0 },
      endpoints: { a: [503], b: [200] },
    });
    const reason = () => line.run().error?.reason;
    line.upstream.circuits!.force('forced-open', Infinity, 'http://b');
    line.run();
    assert.equal(reason(), undefined, "a's circuit opened by itself");
    line.upstream.circuits!.force('forced-open', Infinity, 'http://a');
    assert.equal(reason(), 'forced');
    line.finish();
  });

  test('asks no more circuits than it needs to: no permit is lent in vain', () => {
    const line = createLine({
      retry: false,
      circuitBreaker: { consecutiveFailures: 1, probeShare: 1, halfOpenProbes: 1, openFor: '1h', maxOpenFor: '1h' },
      endpoints: { a: [503, 'hang'], b: [503, 'hang'] },
    });
    line.run();
    line.run();
    const probes = [line.call(), line.call(), line.call()];
    assert.deepEqual(
      probes.map((probe) => probe.error?.code),
      [undefined, undefined, 'circuit-open'],
      'each circuit had its one permit left',
    );
    line.finish();
  });

  test('refuses where no endpoint may be used', () => {
    const clock = new VirtualClock();
    const events: PolicyEvent[] = [];
    const app = new Recorder(clock);
    const scope = { usable: () => [], balancer: createBalancer('random', () => 0), circuits: undefined };
    const choice = endpointChoice(scope, { clock, random: () => 0, emit: (event) => events.push(event) });
    choice(() => assert.fail('nothing can be dispatched'))(
      { path: '/', method: 'GET', call: fakeCall() } as CallOptions,
      app,
    );
    const { code, reason, retryAfterMs } = app.error ?? {};
    assert.deepEqual([code, reason, retryAfterMs, app.ends], ['circuit-open', 'unhealthy', 1_000, 1]);
    assert.equal(events.length, 1);
  });
});
