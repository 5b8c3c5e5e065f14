import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isDrawn, newSpanId, newTraceId, thresholdOf } from '../../../../src/observability/tracing/ids.js';
import { createLogger } from '../../../../src/observability/logging.js';
import { Tracing } from '../../../../src/observability/tracing/tracing.js';
import type { TraceStart } from '../../../../src/policies/trace.js';
import type { Random } from '../../../../src/runtime/random.js';
import { decodeSpans, type ReceivedSpan } from '../../../support/otlp-collector.js';
import { attemptEvent, callEvent, fakeAttempt, fakeCall } from '../../../support/policy-events.js';
import { scriptedRandom } from '../../../support/scripted-random.js';
import { seededRandom } from '../../../../src/simulation/seeded-random.js';
import { VirtualClock } from '../../../../src/simulation/virtual-clock.js';

const START: TraceStart = {
  parent: undefined,
  state: undefined,
  propagated: true,
  method: 'GET',
  host: 'shop.internal:8080',
  path: '/v1',
  pathPattern: undefined,
  httpVersion: '1.1',
  client: '127.0.0.1',
  startedAt: 0,
};

function tracingOf(sample: number, random: Random = seededRandom(1)) {
  const clock = new VirtualClock();
  const spans: ReceivedSpan[] = [];
  const tracing = new Tracing(
    { otlp: 'http://collector:4318/v1/traces', sample, headers: {}, serviceName: 'shop', version: '1.2.3' },
    {
      clock,
      random,
      logger: createLogger({ level: 'silent', redact: [] }, { write: () => {} }),
      deliver: (body, done) => {
        spans.push(...decodeSpans(body));
        done({ result: 'taken', rejected: 0 });
      },
    },
  );
  return { clock, tracing, spans };
}

describe('ids', () => {
  it('are of random digits, and never all zeros', () => {
    assert.equal(newSpanId(scriptedRandom(0.5, 0.25)), '8000000040000000');
    assert.equal(newTraceId(scriptedRandom(0)), `${'0'.repeat(31)}1`);
    assert.equal(newTraceId(scriptedRandom(1 - 2 ** -53)), 'f'.repeat(32));
    const random = seededRandom(4);
    assert.equal(new Set(Array.from({ length: 1_000 }, () => newTraceId(random))).size, 1_000);
  });
});

describe('sampling', () => {
  it('draws by the last 56 bits of the id, as OpenTelemetry does', () => {
    // ot=rv at or above ot=th: with 10 %, th is e6666666666666 rounded up.
    const id = (rv: string) => `${'f'.repeat(18)}${rv}`;
    const drawn = (rv: string, share: number) => isDrawn(id(rv), thresholdOf(share));
    assert.deepEqual([drawn('e6666666666680', 0.1), drawn('e6666666666500', 0.1)], [true, false]);
    assert.deepEqual([drawn('00000000000000', 1), drawn('ffffffffffffff', 0)], [true, false]);
    assert.deepEqual([drawn('ffffffffffffff', 1e-20), drawn('0fffffffffffff', 0.999)], [false, true]);
  });

  it('keeps the share asked for of the traces that begin here', () => {
    const { tracing } = tracingOf(0.1);
    const sampled = Array.from({ length: 10_000 }, () => tracing.begin(START)).filter((trace) => trace.sampled);
    assert.ok(sampled.length > 900 && sampled.length < 1_100, `${sampled.length}`);
  });

  it('leaves the decision to who began the trace', () => {
    const parent = { traceId: 'a'.repeat(32), parentId: 'b'.repeat(16), random: true };
    const begun = (sample: number, sampled: boolean) =>
      tracingOf(sample).tracing.begin({ ...START, parent: { ...parent, sampled } }).sampled;
    assert.deepEqual([begun(0, true), begun(1, false)], [true, false]);
  });
});

describe('spans', () => {
  it('have the times of their parts, on one clock', () => {
    const { clock, tracing, spans } = tracingOf(1);
    const wall = BigInt(clock.wallNow()) * 1_000_000n;
    const trace = tracing.begin({ ...START, startedAt: clock.now() });
    const call = fakeCall({ trace });
    const attempt = fakeAttempt(call, 'http://a:8080#10.0.0.7');
    clock.advance(10);
    trace.attemptHeaders(attempt, '/v1?secret=1');
    clock.advance(20);
    tracing.record(attemptEvent(attempt, 'success', 15));
    clock.advance(5);
    tracing.record(callEvent(call, 'success', 200, 35));
    clock.advance(5_000);
    const [client, server] = spans;
    const ms = (ns: bigint | undefined) => Number((ns ?? 0n) - wall) / 1e6;
    assert.deepEqual([ms(client?.startNs), ms(client?.endNs)], [10, 30]);
    assert.deepEqual([ms(server?.startNs), ms(server?.endNs)], [0, 35]);
    assert.equal(client?.attributes['url.full'], 'http://a:8080/v1');
    assert.equal(client?.attributes['network.peer.address'], '10.0.0.7');
    assert.equal(server?.attributes['server.address'], 'shop.internal');
  });

  it('of an attempt that ends after its call are sent all the same', () => {
    const { clock, tracing, spans } = tracingOf(1);
    const trace = tracing.begin(START);
    const call = fakeCall({ trace });
    const attempt = fakeAttempt(call, 'http://a:8080');
    trace.attemptHeaders(attempt, '/');
    tracing.record(callEvent(call, 'success', 200));
    tracing.record(attemptEvent(attempt, 'cancelled'));
    // And once only.
    tracing.record(attemptEvent(attempt, 'cancelled'));
    clock.advance(5_000);
    assert.deepEqual(
      spans.map(({ kind }) => kind),
      ['server', 'client'],
    );
  });

  it('name a method that apps have made up as the conventions ask', () => {
    const { clock, tracing, spans } = tracingOf(1);
    const trace = tracing.begin({ ...START, method: 'PURGE', pathPattern: '/v1/*' });
    tracing.record(callEvent(fakeCall({ trace, method: 'PURGE' }), 'success', 200));
    clock.advance(5_000);
    assert.equal(spans[0]?.name, 'HTTP /v1/*');
    assert.equal(spans[0].attributes['http.request.method'], '_OTHER');
    assert.equal(spans[0].attributes['http.request.method_original'], 'PURGE');
  });

  it("are no errors for the app's mistakes, and are for what it gave up or got of ours", () => {
    const { clock, tracing, spans } = tracingOf(1);
    for (const [outcome, status] of [
      ['success', 404],
      ['refused', 429],
      ['client-gone', 0],
      ['failure', 503],
      ['fallback', 200],
    ] as const) {
      tracing.record(callEvent(fakeCall({ trace: tracing.begin(START) }), outcome, status));
    }
    clock.advance(5_000);
    assert.deepEqual(
      spans.map(({ failed }) => failed),
      [false, false, true, true, false],
    );
  });

  it('are bounded: so many events of a call, so many characters of a value', () => {
    const { clock, tracing, spans } = tracingOf(1);
    const trace = tracing.begin({ ...START, path: `/${'a'.repeat(10_000)}` });
    const call = fakeCall({ trace });
    for (let i = 0; i < 100; i++) tracing.record({ type: 'retry-suppressed', call, reason: 'budget' });
    tracing.record(callEvent(call, 'failure', 503));
    clock.advance(5_000);
    assert.equal(spans[0]?.events.length, 64);
    assert.equal(String(spans[0].attributes['url.path']).length, 1_024);
  });
});
