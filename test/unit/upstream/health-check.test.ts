import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LocalController } from '../../../src/policies/pass-through.js';
import type { Handler } from '../../../src/policies/policy.js';
import { noDescriptor } from '../../../src/policies/rules/classify.js';
import { Endpoint } from '../../../src/upstream/endpoint.js';
import { HealthProbe, type ProbeResult } from '../../../src/upstream/health-probe.js';
import { EndpointBench } from '../../support/endpoint-bench.js';
import { scriptedRandom } from '../../support/scripted-random.js';
import { sentHeader } from '../../support/line.js';
import { VirtualClock } from '../../../src/simulation/virtual-clock.js';

const A = 'http://a:1';
const B = 'http://b:1';
const C = 'http://c:1';

/** Checks every 10 s, from 5 s on: chance says 0.5. */
async function started(options: Partial<ConstructorParameters<typeof EndpointBench>[0]> = {}): Promise<EndpointBench> {
  const bench = new EndpointBench({ origins: [A, B], healthCheck: {}, ...options });
  await bench.start();
  return bench;
}

const times = (bench: EndpointBench, place: string) => bench.checks(place).map(({ at }) => at);

describe('a health check', () => {
  it('asks each endpoint at a moment drawn from the first interval, and then every interval', async () => {
    const bench = await started({ random: scriptedRandom(0.2, 0.9) });
    bench.clock.advance(25_000);
    assert.deepEqual(times(bench, A), [2_000, 12_000, 22_000]);
    assert.deepEqual(times(bench, B), [9_000, 19_000]);
  });

  it('keeps the interval, however long answers take', async () => {
    const bench = await started();
    bench.check(A, { status: 200, after: 1_500, bodyAfter: 300 });
    bench.clock.advance(30_000);
    assert.deepEqual(times(bench, A), [5_000, 15_000, 25_000]);
  });

  it('makes one check at a time: one that takes longer than the interval is waited for', async () => {
    const bench = await started({ healthCheck: { interval: '1s', timeout: '3s' } });
    bench.check(A, 'hang');
    bench.clock.advance(10_000);
    assert.deepEqual(times(bench, A), [500, 3_500, 6_500, 9_500]);
  });

  it('names itself, and tells our own services how long it waits', async () => {
    const bench = await started();
    bench.clock.advance(5_000);
    const [check] = bench.checks(A);
    assert.equal(check?.opts.method, 'GET');
    assert.equal(sentHeader(check, 'user-agent'), 'outrigger-health-check');
    assert.equal(sentHeader(check, 'x-request-timeout-ms'), '2000');
    assert.equal(sentHeader(check, 'host'), undefined, "the pool writes the endpoint's own");
  });

  it('tells third parties nothing of ours', async () => {
    const bench = await started({ internalHeaders: false });
    bench.clock.advance(5_000);
    assert.deepEqual(bench.checks(A)[0]?.opts.headers, ['user-agent', 'outrigger-health-check', 'accept', '*/*']);
  });

  it('fails by status, refusal, reset and silence, and says which', async () => {
    const bench = await started({
      origins: [A, B, C, 'http://d:1'],
      healthCheck: { unhealthyAfter: 1, panicThreshold: 0 },
    });
    bench.check(A, 503);
    bench.check(B, 'refuse');
    bench.check(C, 'hang');
    bench.check('http://d:1', 'reset');
    bench.clock.advance(9_000);
    assert.deepEqual(
      bench.of('health').map(({ endpoint, healthy, reason }) => [endpoint, healthy, reason]),
      [
        [A, false, 'status 503'],
        [B, false, 'the connection was refused'],
        ['http://d:1', false, 'the connection broke before the answer'],
        [C, false, 'no answer within 2000 ms'],
      ],
    );
  });

  it('takes any status in a range that is expected, and no redirect', async () => {
    const bench = await started({ healthCheck: { expect: ['200-204', '418'], unhealthyAfter: 1 } });
    bench.check(A, 418);
    bench.check(B, 302);
    bench.clock.advance(5_000);
    assert.deepEqual(
      bench.of('health').map(({ endpoint, reason }) => [endpoint, reason]),
      [[B, 'status 302']],
    );
  });

  it('is decided by the head: a body that never ends is cut at the timeout, one that breaks does not matter', async () => {
    const bench = await started({ healthCheck: { unhealthyAfter: 1 } });
    bench.check(A, { status: 200, bodyAfter: 60_000 });
    bench.check(B, { status: 200, breaks: true });
    bench.clock.advance(16_000);
    assert.deepEqual(bench.of('health'), []);
    assert.ok(bench.checks(A)[0]?.aborted !== undefined, 'it is cut for real');
    assert.deepEqual(times(bench, A), [5_000, 15_000]);
    assert.deepEqual(times(bench, B), [5_000, 15_000]);
  });

  it('reads no more of a body than 64 KiB', async () => {
    const bench = await started();
    bench.check(A, { status: 200, body: 'x'.repeat(70_000), bodyAfter: 10 });
    bench.check(B, { status: 200, body: 'x'.repeat(60_000), bodyAfter: 10 });
    bench.clock.advance(5_100);
    assert.ok(bench.checks(A)[0]?.aborted !== undefined);
    assert.equal(bench.checks(B)[0]?.aborted, undefined);
  });

  it('that waits for a connection is never sent once it is late', () => {
    const clock = new VirtualClock();
    let waiting: Handler | undefined;
    const pool = {
      dispatch: (_opts: unknown, handler: Handler) => {
        waiting = handler;
        return true;
      },
      close: () => Promise.resolve(),
      destroy: () => Promise.resolve(),
    };
    const results: ProbeResult[] = [];
    let over = 0;
    const probe = new HealthProbe(
      new Endpoint({ origin: A, address: undefined }, pool, true),
      { path: '/', timeoutMs: 1_000, expect: [[200, 299]], clock },
      (result) => results.push(result),
      () => over++,
    );
    probe.start();
    clock.advance(1_000);
    assert.throws(() => waiting?.onRequestStart?.(new LocalController(null), null), /no answer within 1000 ms/);
    waiting?.onResponseError?.(new LocalController(null), new Error('no answer'));
    assert.deepEqual(results, [{ good: false, reason: 'no answer within 1000 ms' }]);
    assert.equal(over, 1);
  });

  it('that finds no file descriptor says nothing of the endpoint', () => {
    const pool = {
      dispatch: (_opts: unknown, handler: Handler) => {
        handler.onResponseError?.(new LocalController(null), noDescriptor());
        return true;
      },
      close: () => Promise.resolve(),
      destroy: () => Promise.resolve(),
    };
    const results: ProbeResult[] = [];
    let over = 0;
    new HealthProbe(
      new Endpoint({ origin: A, address: undefined }, pool, true),
      { path: '/', timeoutMs: 1_000, expect: [[200, 299]], clock: new VirtualClock() },
      (result) => results.push(result),
      () => over++,
    ).start();
    assert.deepEqual([results, over], [[], 1]);
  });

  it('is no attempt: metrics, circuits and in-flight counts do not see it', async () => {
    const bench = await started({ circuitBreaker: { consecutiveFailures: 1 } });
    bench.check(A, 'hang');
    bench.clock.advance(5_500);
    assert.equal(bench.endpoint(A).inFlight, 0);
    bench.check(A, 503);
    bench.clock.advance(60_000);
    assert.deepEqual(bench.of('attempt'), []);
    assert.deepEqual(bench.of('circuit'), []);
  });

  it('goes on when dispatching throws', async () => {
    const bench = await started({ healthCheck: { unhealthyAfter: 1 } });
    const pool = bench.pool(A);
    pool.state = 'destroyed';
    bench.clock.advance(6_000);
    assert.equal(bench.of('health')[0]?.endpoint, A);
    pool.state = 'open';
    bench.clock.advance(20_000);
    assert.equal(bench.of('health')[1]?.healthy, true);
  });

  it('stops at the end: no timer is left, and what runs is cut', async () => {
    const bench = await started();
    bench.check(A, 'hang');
    bench.clock.advance(5_500);
    await bench.upstream.destroy();
    assert.equal(bench.clock.pending, 0);
    assert.ok(bench.checks(A)[0]?.aborted !== undefined);
    assert.deepEqual(bench.of('health'), []);
  });
});

describe('endpoints under health checks', () => {
  it('are used at once: they start as healthy', async () => {
    const bench = await started();
    assert.deepEqual(bench.usable, [A, B]);
    assert.equal(bench.run(1)[0]?.status, 200);
  });

  it('get no calls while they are not healthy, and all of it when they are again', async () => {
    const bench = await started();
    bench.check(A, 500);
    bench.clock.advance(24_999);
    assert.deepEqual(bench.usable, [A, B]);
    bench.clock.advance(1);
    assert.deepEqual(bench.usable, [B]);
    bench.run(4);
    assert.deepEqual([bench.calls(A).length, bench.calls(B).length], [0, 4]);
    bench.check(A, 200);
    bench.clock.advance(20_000);
    assert.deepEqual(bench.usable, [A, B]);
    assert.deepEqual(
      bench.of('health').map(({ healthy }) => healthy),
      [false, true],
    );
  });

  it('keep one list between changes, so that a choice costs nothing', async () => {
    const bench = await started();
    const before = bench.upstream.usable();
    bench.clock.advance(60_000);
    assert.equal(bench.upstream.usable(), before);
  });

  it('are all used in a panic, which is said; endpoints keep what their checks say', async () => {
    const bench = await started({ origins: [A, B, C] });
    assert.equal(bench.upstream.panic, false);
    bench.check(A, 500);
    bench.check(B, 500);
    bench.clock.advance(30_000);
    assert.equal(bench.upstream.panic, true);
    assert.deepEqual(bench.usable, [A, B, C]);
    assert.deepEqual(
      bench.upstream.endpoints.map(({ healthy }) => healthy),
      [false, false, true],
    );
    bench.check(B, 200);
    bench.clock.advance(20_000);
    assert.equal(bench.upstream.panic, false);
    assert.deepEqual(bench.usable, [B, C]);
  });

  it('refuse calls when none is healthy and panic is off, and nothing is sent', async () => {
    const bench = await started({ healthCheck: { panicThreshold: 0 } });
    bench.check(A, 500);
    bench.check(B, 500);
    bench.clock.advance(30_000);
    const [call] = bench.run(1);
    assert.equal(call?.error?.code, 'circuit-open');
    assert.equal(call.error.message, 'no endpoint is healthy');
    assert.deepEqual([bench.calls(A).length, bench.calls(B).length], [0, 0]);
  });

  it('have no panic to speak of without checks', () => {
    const bench = new EndpointBench({ origins: [A] });
    assert.equal(bench.upstream.panic, undefined);
    bench.upstream.start();
    assert.equal(bench.clock.pending, 0);
  });
});
