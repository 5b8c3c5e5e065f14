import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { describeFaults, type Fault } from '../../../src/policies/fault-injection.js';
import { createLine, type LineOptions } from '../../support/line.js';
import { scriptedRandom } from '../../support/scripted-random.js';
import { seededRandom } from '../../../src/simulation/seeded-random.js';

const ALWAYS = '100%';

function faulty(faults: readonly Fault[], over: LineOptions = {}) {
  return createLine({ faults, retry: false, ...over });
}

describe('an injected fault', () => {
  test('status: an answer in place of the upstream, a problem document with code fault', () => {
    const line = faulty([{ percent: ALWAYS, status: 503 }]);
    const call = line.run();
    line.finish();
    assert.equal(call.status, 503);
    assert.equal(call.headers['content-type'], 'application/problem+json');
    assert.equal(call.headers['proxy-status'], 'outrigger; error=proxy_internal_response');
    assert.equal(call.headers['content-length'], String(call.body.length));
    const { code, status, attempts } = JSON.parse(call.body) as Record<string, unknown>;
    assert.deepEqual([code, status, attempts], ['fault', 503, 1]);
    assert.equal(line.seen().length, 0);
    assert.deepEqual(
      line.of('fault').map((event) => event.kind),
      ['status'],
    );
  });

  test('is an attempt: counted, with its class and its endpoint', () => {
    const cases: [Fault, string][] = [
      [{ percent: ALWAYS, status: 503 }, '503'],
      [{ percent: ALWAYS, status: 200 }, 'success'],
      [{ percent: ALWAYS, abort: 'reset' }, 'reset'],
      [{ percent: ALWAYS, abort: 'refuse' }, 'connect-failure'],
    ];
    for (const [fault, result] of cases) {
      const line = faulty([fault]);
      assert.equal(line.run().attempts, 1);
      line.finish();
      assert.deepEqual(line.results(), [result]);
      assert.equal(line.of('attempt')[0]?.attempt.endpoint?.label, 'http://a');
    }
  });

  test('abort refuse was never sent, so that any method is retried; abort reset was', () => {
    for (const [abort, attempts, sent] of [
      ['refuse', 2, false],
      ['reset', 1, true],
    ] as const) {
      const line = faulty([{ percent: '50%', abort }], {
        retry: { maxAttempts: 2 },
        circuitBreaker: false,
        random: scriptedRandom(0, 0.9),
      });
      const call = line.run({ method: 'POST' });
      line.finish();
      assert.equal(call.attempts, attempts, abort);
      assert.equal(call.call.sent, attempts === 2 || sent);
    }
    const line = faulty([{ percent: ALWAYS, abort: 'refuse' }]);
    assert.equal(line.run().call.sent, false);
  });

  test('delay: the attempt goes on after it', () => {
    const line = faulty([{ percent: ALWAYS, delay: '2s' }]);
    const call = line.run();
    line.finish();
    assert.deepEqual([call.status, call.headAt, line.seen()[0]?.at], [200, 2_000, 2_000]);
    assert.equal(call.call.sent, true);
  });

  test('delays add up and go on to the next fault; the first that ends the attempt is the last drawn', () => {
    const line = faulty([
      { percent: ALWAYS, delay: '1s' },
      { percent: ALWAYS, delay: '500ms' },
      { percent: ALWAYS, status: 418 },
      { percent: ALWAYS, abort: 'reset' },
    ]);
    const call = line.run();
    line.finish();
    assert.deepEqual([call.status, call.headAt], [418, 1_500]);
    assert.deepEqual(
      line.of('fault').map((event) => event.kind),
      ['delay', 'status'],
    );
  });

  test('is cut off by the attempt timeout like a slow upstream, and nothing is sent later', () => {
    const line = faulty([{ percent: ALWAYS, delay: '30s' }], { attemptTimeout: '200ms' });
    const call = line.run();
    assert.deepEqual([call.error?.code, call.endedAt], ['timeout', 200]);
    line.finish();
    line.advance(60_000);
    assert.equal(line.seen().length, 0);
    assert.deepEqual(line.results(), ['timeout']);
  });

  test('the app that goes away during a delay leaves no timer', () => {
    const line = faulty([{ percent: ALWAYS, delay: '30s' }]);
    const call = line.call();
    line.advance(100);
    call.leave();
    line.finish();
    assert.equal(call.error?.code, 'client-gone');
  });

  test('an answer to HEAD, 204 and 304 has no body', () => {
    const head = faulty([{ percent: ALWAYS, status: 500 }]);
    assert.equal(head.run({ method: 'HEAD' }).body, '');
    for (const status of [204, 304]) {
      const call = faulty([{ percent: ALWAYS, status }]).run();
      assert.deepEqual([call.body, call.headers['content-length'], call.ends], ['', undefined, 1]);
    }
  });

  test('meets retries, circuits and fallbacks as the upstream would', () => {
    const line = createLine({
      faults: [{ percent: ALWAYS, status: 503 }],
      retry: { maxAttempts: 2, backoff: { base: '1ms' } },
      circuitBreaker: { consecutiveFailures: 4, probeShare: 0 },
      fallback: { response: { body: 'instead' } },
    });
    const first = line.run();
    assert.deepEqual([first.body, first.attempts], ['instead', 2]);
    line.run();
    assert.equal(line.circuit().state, 'open');
    assert.equal(line.run().attempts, 0);
    line.finish();
    assert.equal(line.seen().length, 0);
  });
});

describe('chance', () => {
  test('is drawn once a fault in the order of the list', () => {
    const line = faulty(
      [
        { percent: '10%', delay: '1s' },
        { percent: '10%', status: 503 },
      ],
      { circuitBreaker: false, random: scriptedRandom(0.1, 0.05, 0.05, 0.5, 0.5, 0.5) },
    );
    const calls = [line.run(), line.run(), line.run()];
    line.finish();
    // 0.1 is not below 10 %; then 503; then a delay and no 503; then nothing.
    assert.deepEqual(
      calls.map((call) => call.status),
      [503, 200, 200],
    );
    assert.deepEqual(
      line.of('fault').map((event) => event.kind),
      ['status', 'delay'],
    );
  });

  test('keeps to the shares', () => {
    const line = faulty(
      [
        { percent: '5%', status: 503 },
        { percent: 0.1, abort: 'reset' },
      ],
      {
        circuitBreaker: false,
        random: seededRandom(1),
      },
    );
    for (let i = 0; i < 10_000; i++) line.run();
    const share = (result: string) => line.results().filter((one) => one === result).length / 10_000;
    assert.ok(Math.abs(share('503') - 0.05) < 0.01, `${share('503')}`);
    assert.ok(Math.abs(share('reset') - 0.095) < 0.01, `${share('reset')}`);
  });

  test('0 % never happens', () => {
    const line = faulty([{ percent: '0%', status: 503 }], { circuitBreaker: false, random: () => 0 });
    assert.equal(line.run().status, 200);
    line.finish();
  });
});

test('an operator is told which faults are on', () => {
  const faults: Fault[] = [
    { percent: '5%', delay: '2s' },
    { percent: 0.07, status: 503 },
    { percent: 1, abort: 'refuse' },
  ];
  assert.equal(describeFaults({ faults }), '5% delay 2s, 7% status 503, 100% abort refuse');
  assert.equal(describeFaults({ faults: [] }), undefined);
});
