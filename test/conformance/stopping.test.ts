import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createLine, text } from '../support/line.js';

const ONE_TWO_FOUR = { strategy: 'exponential', base: '1s', factor: 2, jitter: 'none' } as const;

describe('conformance: stopping', () => {
  test('7. deadline 5s, waits 1, 2, 4 s, instant failures: attempts at 0, 1, 3 s and no sleep that would end past 5 s; the call ends at 3 s', () => {
    const line = createLine({
      timeout: '5s',
      retry: { maxAttempts: 10, backoff: ONE_TWO_FOUR },
      endpoints: { a: [503] },
    });
    const call = line.run();
    assert.deepEqual(line.times(), [0, 1_000, 3_000]);
    assert.equal(call.endedAt, 3_000);
    assert.equal(call.status, 503);
    assert.deepEqual(line.suppressed(), ['deadline']);
    line.finish();
  });

  test('8. maxAttempts 3, succeeds at the third: success, 2 retries; needs 4: the third answer is returned', () => {
    const third = createLine({ endpoints: { a: [503, 503, 200] } });
    const fine = third.run();
    assert.deepEqual([fine.status, fine.attempts, fine.call.retries], [200, 3, 2]);
    third.finish();

    const line = createLine({ endpoints: { a: [503, 503, text(503, 'the third'), 200] } });
    const call = line.run();
    assert.deepEqual([call.status, call.body, call.attempts], [503, 'the third', 3]);
    assert.deepEqual(line.suppressed(), ['attempts']);
    line.finish();
  });

  test('9. an error that is not listed: 1 attempt', () => {
    const line = createLine({ retry: { on: ['503'] }, endpoints: { a: ['reset', 200] } });
    const call = line.run();
    assert.equal(call.attempts, 1);
    assert.equal(call.error?.code, 'reset');
    line.finish();
  });
});
