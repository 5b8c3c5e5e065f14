import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EndpointBench } from '../support/endpoint-bench.js';
import { createLine, type Line } from '../support/line.js';
import { seededRandom } from '../../src/simulation/seeded-random.js';

function callEvery(line: Line, ms: number, times: number) {
  return Array.from({ length: times }, () => {
    const call = line.call();
    line.advance(ms);
    return call;
  });
}

describe('conformance: endpoints', () => {
  test("43. two endpoints, one refuses: every call succeeds; its circuit opens after consecutiveFailures, then it gets only probes; the other's stays closed", () => {
    for (const loadBalancing of ['leastRequest', 'roundRobin', 'random'] as const) {
      const line = createLine({
        loadBalancing,
        endpoints: { a: ['refuse'], b: [200] },
        random: seededRandom(43),
      });
      const calls = callEvery(line, 1, 500);
      line.finish();
      assert.deepEqual(new Set(calls.map((call) => call.status)), new Set([200]), loadBalancing);
      assert.equal(line.circuit('a').state, 'open');
      const [opened, ...more] = line.of('circuit');
      assert.equal(opened?.reason, 'consecutive-failures');
      assert.deepEqual(more, []);
      const atA = line.seen('a').length;
      assert.ok(atA >= 15 && atA <= 15 + 0.1 * 500, `${loadBalancing}: ${atA} attempts`);
      assert.equal(line.circuit('b').state, 'closed');
    }
  });

  test('44. two endpoints, both fail: circuit-open only when both are open', () => {
    const line = createLine({
      endpoints: { a: [503], b: [503] },
      circuitBreaker: { probeShare: 0, consecutiveFailures: 5, minimumCalls: 1_000 },
      retry: false,
    });
    const codes: (string | number | undefined)[] = [];
    for (let i = 0; i < 20; i++) {
      const call = line.run();
      const open = ['a', 'b'].filter((name) => line.circuit(name).state === 'open').length;
      codes.push(call.error?.code ?? call.status);
      if (call.error !== undefined) assert.equal(open, 2, 'refused while a circuit was closed');
    }
    assert.deepEqual(codes, [...new Array<number>(10).fill(503), ...new Array<string>(10).fill('circuit-open')]);
    line.finish();
  });

  test('44. one of two opens first: the other still takes every call', () => {
    const line = createLine({
      endpoints: { a: [503], b: [200] },
      circuitBreaker: { probeShare: 0, consecutiveFailures: 3, minimumCalls: 1_000 },
      retry: false,
    });
    const statuses = Array.from({ length: 20 }, () => line.run().status);
    assert.equal(statuses.filter((status) => status === 503).length, 3);
    assert.equal(line.of('circuit-refusal').length, 0);
    line.finish();
  });

  test('45. health: below panicThreshold healthy, all endpoints are used again; endpoint_healthy still says 0', async () => {
    const origins = ['http://a', 'http://b', 'http://c', 'http://d'];
    const [a = '', b = '', c = ''] = origins;
    const bench = new EndpointBench({ origins, healthCheck: { panicThreshold: '50%' } });
    await bench.start();
    const shares = () => {
      const before = origins.map((origin) => bench.calls(origin).length);
      for (const call of bench.run(12)) assert.equal(call.status, 200);
      return origins.map((origin, i) => bench.calls(origin).length - before[i]!);
    };
    for (const origin of [a, b]) bench.check(origin, 503);
    bench.clock.advance(30_000);
    assert.deepEqual([shares(), bench.upstream.panic], [[0, 0, 6, 6], false]);
    bench.check(c, 503);
    bench.clock.advance(30_000);
    assert.deepEqual([shares(), bench.upstream.panic], [[3, 3, 3, 3], true]);
    assert.deepEqual(
      bench.upstream.endpoints.map(({ healthy }) => healthy),
      [false, false, false, true],
    );
    for (const origin of [a, b, c]) bench.check(origin, 200);
    bench.clock.advance(20_000);
    assert.deepEqual([shares(), bench.upstream.panic], [[3, 3, 3, 3], false]);
  });

  test('46. roundRobin over three, one open: the other two share evenly', () => {
    const line = createLine({ endpoints: { a: [200], b: [200], c: [200] }, circuitBreaker: { probeShare: 0 } });
    line.upstream.circuits!.force('forced-open', Infinity, 'http://b');
    for (let i = 0; i < 100; i++) line.run();
    assert.deepEqual(
      ['a', 'b', 'c'].map((name) => line.seen(name).length),
      [50, 0, 50],
    );
    line.finish();
  });
});
