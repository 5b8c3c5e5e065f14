import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createLine, text, type LineOptions, type Moment } from '../../support/line.js';

const MOMENTS: readonly Moment[] = ['onRequestStart', 'onResponseStart', 'onResponseData'];

/** Ways in which a call may come to its answer. */
const LINES: Readonly<Record<string, LineOptions>> = {
  'an answer': { endpoints: { a: [text(200, 'x')] } },
  'a slow answer': { endpoints: { a: [{ status: 200, after: 10, body: 'x', bodyAfter: 10 }] } },
  'an answer after a retry': { endpoints: { a: [503, text(200, 'x')] } },
  'the last of several failures': { endpoints: { a: [text(503, 'x')] } },
  'a failure that is held, when the circuit refuses the retry': {
    circuitBreaker: { consecutiveFailures: 1, probeShare: 0 },
    endpoints: { a: [text(503, 'x')] },
  },
  'an answer after waiting for a place': {
    concurrency: { limit: 1, queue: 1 },
    endpoints: { a: [text(200, 'x')] },
  },
  'a refused connection': { endpoints: { a: ['refuse'] } },
  'a broken body': { endpoints: { a: [{ status: 200, body: 'x', breaks: true }] } },
  'a fallback for an error': { fallback: { response: { body: 'x' } }, endpoints: { a: ['reset'] } },
  'a fallback for an answer': { fallback: { response: { body: 'x' } }, endpoints: { a: [text(503, 'y')] } },
  'an answer without any other policy': {
    retry: false,
    timeout: false,
    attemptTimeout: false,
    circuitBreaker: false,
    concurrency: false,
    endpoints: { a: [text(200, 'x')] },
  },
};

describe('an app that leaves within a callback', () => {
  for (const [name, options] of Object.entries(LINES)) {
    for (const leaveOn of MOMENTS) {
      test(`${leaveOn}, on its way to ${name}: ends once, and leaves nothing behind`, () => {
        const line = createLine(options);
        const call = line.call({ leaveOn });
        const other = line.call();
        line.finish();
        assert.equal(call.ends, 1);
        if (leaveOn === 'onRequestStart') {
          assert.equal(call.error?.code, 'client-gone');
          assert.ok(call.attempts <= 1, 'no second attempt');
        }
        assert.equal(other.ends, 1);
      });
    }
  }
});
