import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createLine } from '../support/line.js';
import { seededRandom } from '../../src/simulation/seeded-random.js';

describe('conformance: circuit, open with a trickle', () => {
  test('41. open, probeShare 1 %, 1000 calls/s: 10 ± a few probes a second; upstream recovers: half-open within a second, closed after halfOpenProbes successes', () => {
    const recoversAt = 8_000;
    const line = createLine({
      retry: false,
      circuitBreaker: { probeShare: '1%', openFor: '1m', maxOpenFor: '1m', halfOpenProbes: 3 },
      endpoints: { a: (_attempt, now) => (now < recoversAt ? 503 : 200) },
      random: seededRandom(41),
    });
    const callsFor = (ms: number) => {
      for (let i = 0; i < ms; i++) {
        line.call();
        line.advance(1);
      }
    };
    callsFor(1_000);
    assert.equal(line.circuit().state, 'open');
    const before = line.seen().length;
    callsFor(5_000);
    const perSecond = (line.seen().length - before) / 5;
    assert.ok(perSecond >= 6 && perSecond <= 14, `${perSecond} probes a second`);
    assert.equal(line.circuit().state, 'open');

    callsFor(recoversAt - line.clock.now());
    assert.equal(line.circuit().state, 'open');
    callsFor(1_000);
    const [halfOpen, closed] = line.of('circuit').slice(1);
    assert.equal(halfOpen?.reason, 'probe-succeeded');
    assert.equal(closed?.reason, 'probes-succeeded');
    assert.ok(line.seen().filter(({ at }) => at >= recoversAt).length >= 3);
    line.finish();
  });

  test('42. open, probeShare 1 %, one call a second: the probes are drawn by chance, and openFor bounds the wait', () => {
    const line = createLine({
      retry: false,
      circuitBreaker: { probeShare: '1%', openFor: '30s', maxOpenFor: '30s', consecutiveFailures: 5 },
      // No jitter in the open time, then the first probe at the second of the next hundred calls.
      random: (() => {
        const chances = [0.5, 0.015];
        return () => chances.shift() ?? 0.5;
      })(),
      endpoints: { a: [503] },
    });
    const perSecond = (seconds: number) =>
      Array.from({ length: seconds }, () => {
        const before = line.seen().length;
        line.call();
        line.advance(1_000);
        return line.seen().length - before;
      });
    perSecond(5);
    assert.equal(line.circuit().state, 'open');
    assert.deepEqual(perSecond(4), [0, 1, 0, 0]);
    // Opened at 4 s: at 34 s one goes through whatever chance says.
    assert.deepEqual(perSecond(25), new Array<number>(25).fill(0));
    assert.deepEqual(perSecond(1), [1]);
    line.finish();
  });
});
