import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createLine, sentHeader, type Line, type LineOptions } from '../../support/line.js';
import type { Answer } from '../../support/scripted-upstream.js';

/** What the upstream does with each attempt from now on: the milliseconds until its head, or `hang`. */
interface Service {
  takes: number | 'hang' | ((attempt: number) => number | 'hang');
}

/** Nothing but the timeout, which follows what is seen. */
function lineTo(service: Service, options: LineOptions = {}): Line {
  const answer = (attempt: number): Answer => {
    const takes = typeof service.takes === 'function' ? service.takes(attempt) : service.takes;
    return takes === 'hang' ? 'hang' : { status: 200, after: takes };
  };
  return createLine({
    attemptTimeout: {},
    retry: false,
    circuitBreaker: false,
    endpoints: { a: answer },
    ...options,
  });
}

/** So many calls, so many milliseconds apart: how they ended. */
function load(line: Line, calls: number, gapMs: number): { readonly good: number; readonly cut: number } {
  const before = line.calls.length;
  for (let i = 0; i < calls; i++) {
    line.call();
    line.advance(gapMs);
  }
  while (line.calls.some(({ ends }) => ends === 0)) assert.ok(line.clock.step());
  const made = line.calls.slice(before);
  return {
    good: made.filter(({ status }) => status === 200).length,
    cut: made.filter(({ error }) => error?.code === 'timeout').length,
  };
}

/** How long the calls from the one with this index on took, in ascending order. */
function durations(line: Line, from: number): number[] {
  const made = line.calls.slice(from);
  return made.map(({ call, endedAt }) => (endedAt ?? Infinity) - call.startedAt).sort((a, b) => a - b);
}

describe('an attempt timeout that follows what is seen', () => {
  test('gives each attempt the longest time until it has seen twenty answers', () => {
    const service: Service = { takes: 100 };
    const line = lineTo(service);
    load(line, 19, 50);
    service.takes = 'hang';
    const early = line.run();
    assert.equal(early.endedAt! - early.call.startedAt, 9_000);
    service.takes = 100;
    load(line, 1, 50);
    service.takes = 'hang';
    load(line, 2, 50);
    assert.deepEqual(durations(line, 21), [300, 9_000], 'the first to run out of time goes on, the next is cut');
    assert.deepEqual(
      line.calls.slice(21).map(({ error }) => error?.message),
      ['no answer within 9000 ms', 'no answer within 300 ms'],
    );
    line.finish();
  });

  test('while a service hangs, all but one at a time are cut off after three times the p99', () => {
    const service: Service = { takes: 100 };
    const line = lineTo(service);
    load(line, 1_000, 50);
    service.takes = 'hang';
    const calls = 20 * 60;
    assert.equal(load(line, calls, 50).cut, calls);
    const took = durations(line, 1_000);
    assert.deepEqual([took[0], took[calls - 8]], [300, 300]);
    assert.equal(took.filter((ms) => ms === 9_000).length, 7, 'in a minute');
    service.takes = 100;
    assert.equal(load(line, 100, 50).good, 100, 'and what then answers has the time it needs');
    line.finish();
  });

  test('when all become ten times as slow, it follows within a few calls, and calls succeed again', () => {
    for (const [gapMs, mostCut] of [
      [50, 20],
      [500, 15],
    ] as const) {
      const service: Service = { takes: 100 };
      const line = lineTo(service);
      load(line, 1_000, gapMs);
      service.takes = 1_000;
      const { cut, good } = load(line, 200, gapMs);
      assert.ok(cut <= mostCut, `${cut} were cut off`);
      assert.equal(good, 200 - cut);
      assert.equal(load(line, 200, gapMs).cut, 0);
      line.finish();
    }
  });

  test('finds that a service is slow also after it hung', () => {
    const service: Service = { takes: 100 };
    const line = lineTo(service);
    load(line, 1_000, 50);
    service.takes = 'hang';
    load(line, 600, 50);
    service.takes = 2_000;
    assert.ok(load(line, 200, 50).good >= 150);
    line.finish();
  });

  test('allows for slow calls that are more than the percentile leaves out, and only for these', () => {
    const slowIn = (every: number): Service => ({ takes: (attempt) => (attempt % every === 0 ? 2_000 : 50) });
    const often = lineTo(slowIn(33));
    load(often, 1_000, 50);
    assert.equal(load(often, 1_000, 50).cut, 0);
    often.finish();
    const seldom = lineTo(slowIn(500));
    load(seldom, 1_000, 50);
    load(seldom, 1, 50);
    assert.ok(load(seldom, 1_000, 50).cut <= 2);
    seldom.finish();
  });

  test('learns of slow calls that it had cut off', () => {
    const service: Service = { takes: 50 };
    const line = lineTo(service);
    load(line, 1_000, 50);
    service.takes = (attempt) => (attempt % 20 === 0 ? 2_000 : 50);
    assert.ok(load(line, 1_000, 50).cut <= 10);
    assert.equal(load(line, 1_000, 50).cut, 0);
    line.finish();
  });

  test('is not shortened by quick errors', () => {
    let bad = false;
    const line = createLine({
      attemptTimeout: {},
      retry: false,
      circuitBreaker: false,
      endpoints: { a: () => (bad ? { status: 503, after: 1 } : { status: 200, after: 400 }) },
    });
    load(line, 100, 50);
    bad = true;
    load(line, 2_000, 10);
    bad = false;
    assert.equal(load(line, 100, 50).good, 100);
    line.finish();
  });

  test('is not shortened by callers who leave, nor does it grow by a scout whose caller leaves', () => {
    const service: Service = { takes: 400 };
    const line = lineTo(service);
    load(line, 1_000, 50);
    for (let i = 0; i < 1_000; i++) {
      const call = line.call();
      line.advance(1);
      call.leave();
    }
    assert.equal(load(line, 50, 50).good, 50);
    service.takes = 'hang';
    const scout = line.call();
    line.advance(1_201);
    assert.equal(scout.ends, 0);
    scout.leave();
    const next = line.call();
    line.advance(1_201);
    assert.equal(next.ends, 0, 'another one is the scout');
    line.finish();
  });

  test('a call whose first attempts are cut off is answered by the next one, long before the longest time', () => {
    const service: Service = { takes: 100 };
    const line = lineTo(service, { retry: { backoff: { strategy: 'fixed', base: '0s', jitter: 'none' } } });
    load(line, 200, 50);
    let left = 3;
    service.takes = () => (left-- > 0 ? 'hang' : 100);
    // The scout, and a call of which two attempts are cut off.
    line.call();
    const call = line.call();
    line.advance(1_000);
    assert.deepEqual([call.status, call.endedAt! - call.call.startedAt], [200, 700]);
    line.finish();
  });

  test('tells the service how long it may take at most: one that gave up sooner would never be seen to be slow', () => {
    const line = lineTo({ takes: 100 }, { timeout: '20s' });
    load(line, 150, 50);
    assert.equal(sentHeader(line.seen().at(-1), 'x-request-timeout-ms'), '9000');
    line.finish();
  });

  test('keeps no half-open circuit waiting for longer than it takes to see that its probe was lost', () => {
    const service: Service = { takes: 100 };
    const line = lineTo(service, { circuitBreaker: { consecutiveFailures: 5, probeShare: 0, openFor: '1s' } });
    load(line, 200, 50);
    service.takes = 'hang';
    load(line, 6, 1);
    line.advance(10_000);
    const probe = line.call();
    line.advance(50);
    service.takes = 100;
    load(line, 2, 1);
    assert.equal(line.circuit().state, 'open');
    assert.equal(probe.endedAt! - probe.call.startedAt, 300);
    line.finish();
  });

  test('finds that a service is slow after it hung where only probes go through', () => {
    const service: Service = { takes: 100 };
    const options = { consecutiveFailures: 5, probeShare: 0, openFor: '1s', maxOpenFor: '1s' };
    const line = lineTo(service, { circuitBreaker: options });
    load(line, 200, 50);
    service.takes = 'hang';
    load(line, 100, 100);
    service.takes = 4_000;
    load(line, 1_000, 100);
    assert.equal(load(line, 50, 100).good, 50);
    line.finish();
  });

  test('counts against the circuit what it cuts off', () => {
    const service: Service = { takes: 100 };
    const line = lineTo(service, { circuitBreaker: { consecutiveFailures: 5, probeShare: 0, openFor: '1m' } });
    load(line, 200, 50);
    service.takes = 'hang';
    load(line, 6, 1);
    assert.equal(line.circuit().state, 'open');
    line.finish();
  });
});
