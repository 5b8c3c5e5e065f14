import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fallback, FallbackOptions } from '../../../src/policies/fallback.js';
import { routeOf } from '../../support/policy-file.js';
import { createLine, text, type LineStep } from '../../support/line.js';
import { VirtualClock } from '../../../src/simulation/virtual-clock.js';
import { withDefaults } from '../../../src/policies/rules/with-defaults.js';

const FIXED = { response: { status: 200, headers: { 'content-type': 'text/plain' }, body: 'fixed' } } as const;

describe('fallback: the chain of steps', () => {
  test('the first that can answer does; each failure before it is counted', () => {
    const steps: LineStep[] = [{ stale: {} }, { upstream: 'other' }, FIXED, { upstream: 'never' }];
    const line = createLine({
      retry: false,
      fallback: { steps },
      endpoints: { a: ['reset'] },
      elsewhere: { other: [500], never: [200] },
    });
    const call = line.run();
    assert.deepEqual([call.status, call.body, call.call.fallback, call.attempts], [200, 'fixed', 'response', 2]);
    assert.deepEqual(
      line.of('fallback').map(({ kind, cause, result }) => `${kind} ${cause} ${result}`),
      ['stale reset failure', 'upstream reset failure', 'response reset success'],
    );
    assert.equal(line.seenElsewhere('never').length, 0);
    line.finish();
  });

  test('a good answer passes, and no step is tried', () => {
    const line = createLine({ fallback: { steps: [FIXED] }, endpoints: { a: [text(404, 'none')] } });
    const call = line.run();
    assert.deepEqual([call.status, call.body, call.call.fallback], [404, 'none', undefined]);
    assert.deepEqual(line.of('fallback'), []);
    line.finish();
  });

  test('what is not listed in `on` passes', () => {
    const line = createLine({
      retry: false,
      fallback: { on: ['503', 'timeout'], steps: [FIXED] },
      endpoints: { a: [502, 'reset', 503] },
    });
    assert.equal(line.run().status, 502);
    assert.equal(line.run().error?.code, 'reset');
    assert.equal(line.run().status, 200);
    line.finish();
  });

  test('a status below 500 can be listed too', () => {
    const line = createLine({ fallback: { on: ['404'], steps: [FIXED] }, endpoints: { a: [404] } });
    assert.equal(line.run().body, 'fixed');
    line.finish();
  });

  test('once the head was passed on, a body that breaks is no cause for a fallback', () => {
    const line = createLine({
      fallback: { steps: [FIXED] },
      endpoints: { a: [{ status: 200, body: 'half', breaks: true }] },
    });
    const call = line.run();
    assert.deepEqual([call.status, call.body, call.error?.code], [200, 'half', 'bad-response']);
    assert.deepEqual(line.of('fallback'), []);
    line.finish();
  });

  test('a short answer that was replaced is read to its end: its connection lives on', () => {
    const line = createLine({
      retry: false,
      fallback: { steps: [FIXED] },
      endpoints: { a: [{ status: 503, body: 'sorry', bodyAfter: 500 }] },
    });
    const call = line.run();
    assert.deepEqual([call.body, call.endedAt], ['fixed', 0]);
    line.finish();
    assert.equal(line.seen('a')[0]?.aborted, undefined);
    assert.equal(line.of('attempt')[0]?.result, '503');
  });

  test('a long one is cut off', () => {
    const line = createLine({
      retry: false,
      fallback: { steps: [FIXED] },
      endpoints: { a: [text(503, 'x'.repeat(65 * 1024))] },
    });
    line.run();
    line.finish();
    assert.ok(line.seen('a')[0]?.aborted);
  });

  test('the deadline and a refusal of the circuit are causes', () => {
    const line = createLine({
      retry: false,
      timeout: '100ms',
      fallback: { steps: [FIXED] },
      circuitBreaker: { consecutiveFailures: 1, probeShare: 0 },
      attemptTimeout: '50ms',
      endpoints: { a: ['hang'] },
    });
    assert.deepEqual([line.run().body, line.run().body], ['fixed', 'fixed']);
    assert.deepEqual(
      line.of('fallback').map(({ cause }) => cause),
      ['timeout', 'circuit-open'],
    );
    line.finish();
  });

  test('an app that left gets nothing, and no step is counted', () => {
    const line = createLine({ retry: false, fallback: { steps: [FIXED] }, endpoints: { a: ['hang'] } });
    const call = line.call();
    line.advance(10);
    call.leave();
    line.finish();
    assert.equal(call.error?.code, 'client-gone');
    assert.deepEqual(line.of('fallback'), []);
  });

  test('without a way to other upstreams a step that asks one is refused', () => {
    const options = withDefaults(FallbackOptions, { steps: [{ upstream: 'other', when: 'always' }] });
    const deps = { clock: new VirtualClock(), random: () => 0.5, emit: () => undefined };
    assert.throws(() => fallback(options, deps), /no way to the upstream 'other'/);
  });
});

describe('fallback: response', () => {
  const answered = (response: object, method = 'GET') => {
    const line = createLine({ fallback: { response }, retry: false, endpoints: { a: ['reset'] } });
    const call = line.run({ method });
    line.finish();
    return call;
  };

  test('a HEAD gets the head alone, with the length of the body', () => {
    const call = answered({ body: 'fixed' }, 'HEAD');
    assert.deepEqual([call.status, call.body, call.headers['content-length']], [200, '', '5']);
  });

  for (const status of [204, 205, 304]) {
    test(`a ${status} has no content`, () => {
      const call = answered({ status, body: 'not given', headers: {} });
      assert.deepEqual([call.status, call.body], [status, '']);
      assert.equal(call.headers['content-length'], status === 205 ? '0' : undefined);
    });
  }

  test('how it is framed is not for the options to say', () => {
    const call = answered({
      body: 'fixed',
      headers: { 'Content-Length': '99', 'transfer-encoding': 'chunked', Connection: 'close', 'X-A': '1' },
    });
    assert.deepEqual(call.rawHeaders, ['X-A', '1', 'content-length', '5']);
  });

  test('bodyFile: its bytes, as they are', () => {
    const route = routeOf(
      { route: 'fallback: { steps: [{ response: { bodyFile: body.bin } }] }' },
      { readFile: () => Buffer.from([0xff, 0x00, 0x80]) },
    );
    const [step] = route.fallback === false ? [] : route.fallback.steps;
    assert.ok(step !== undefined && 'response' in step);
    assert.deepEqual(Buffer.from(step.response.body ?? ''), Buffer.from([0xff, 0x00, 0x80]));
    assert.equal(answered(step.response).headers['content-length'], '3');
  });
});
