import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { OutriggerError } from '../../../src/errors.js';
import type { CallOutcome } from '../../../src/policies/events.js';
import { CallElsewhere } from '../../../src/policies/call-elsewhere.js';
import type { Call } from '../../../src/policies/policy.js';
import type { AccessLog } from '../../../src/observability/call-log.js';
import type { EventLog } from '../../../src/observability/event-log.js';
import { logOf } from '../../support/event-log.js';
import { attemptEvent, callEvent, fakeAttempt, fakeCall } from '../../support/policy-events.js';

describe('the line per call', () => {
  const call = fakeCall({ attempts: 3, method: 'POST', suppressed: ['attempts'], traceId: 'abc' });

  test('has the shape of the reference', () => {
    const { log, lines } = logOf('errors');
    log.record(callEvent(call, 'failure', 503, 12.345));
    assert.deepEqual(lines, [
      {
        level: 'warn',
        msg: 'call',
        route: 'charge',
        upstream: 'payments',
        method: 'POST',
        path: '/v1/charges',
        status: 503,
        attempts: 3,
        durationMs: 12.3,
        outcome: 'failure',
        fallback: null,
        retriesSuppressed: ['attempts'],
        traceId: 'abc',
      },
    ]);
  });

  test('errors: every outcome but success, each at its level', () => {
    const { log, lines } = logOf('errors');
    for (const outcome of ['success', 'failure', 'fallback', 'refused', 'client-gone'] as const) {
      log.record(callEvent(call, outcome, 200));
    }
    assert.deepEqual(
      lines.map(({ level, outcome }) => [level, outcome]),
      [
        ['warn', 'failure'],
        ['info', 'fallback'],
        ['warn', 'refused'],
        ['info', 'client-gone'],
      ],
    );
  });

  test('all: successes too; off: none', () => {
    const all = logOf('all');
    all.log.record(callEvent(call, 'success', 200));
    assert.equal(all.lines.length, 1);
    const off = logOf('off');
    off.log.record(callEvent(call, 'failure', 502));
    assert.equal(off.lines.length, 0);
  });

  describe('tells of its attempts', () => {
    const [down, slow] = ['http://a:8080', 'http://b:8080'];
    /** The attempts that the line of a call tells of. */
    const triesOf = (
      access: AccessLog,
      outcome: CallOutcome,
      ends: (record: EventLog['record'], own: Call) => void,
    ) => {
      const { log, lines } = logOf(access);
      const own = fakeCall();
      ends((event) => log.record(event), own);
      log.record(callEvent(own, outcome, outcome === 'success' ? 200 : 503));
      return lines.find(({ msg }) => msg === 'call')?.tries;
    };
    const failing = (record: EventLog['record'], own: Call) => {
      record(attemptEvent(fakeAttempt(own, down), 'connect-failure', 0.52));
      record(attemptEvent(fakeAttempt(own, slow, 2), '503', 120.04));
    };

    test('where each went, how it ended, how long it took', () => {
      assert.deepEqual(triesOf('errors', 'failure', failing), [
        { endpoint: down, result: 'connect-failure', durationMs: 0.5 },
        { endpoint: slow, result: '503', durationMs: 120 },
      ]);
    });

    test('those of a fallback upstream too', () => {
      const tries = triesOf('errors', 'fallback', (record, own) => {
        record(attemptEvent(fakeAttempt(own, down), 'timeout', 100));
        record(attemptEvent(fakeAttempt(new CallElsewhere(own, 'payments-eu'), slow), 'success', 7));
      });
      assert.deepEqual(tries, [
        { endpoint: down, result: 'timeout', durationMs: 100 },
        { endpoint: slow, result: 'success', durationMs: 7 },
      ]);
    });

    test('that of a fallback upstream where nothing was sent to the own one', () => {
      const tries = triesOf('errors', 'fallback', (record, own) => {
        record(attemptEvent(fakeAttempt(new CallElsewhere(own, 'payments-eu'), slow), 'success', 7));
      });
      assert.deepEqual(tries, [{ endpoint: slow, result: 'success', durationMs: 7 }]);
    });

    test('which ones were hedges', () => {
      const tries = triesOf('errors', 'failure', (record, own) => {
        record(attemptEvent({ ...fakeAttempt(own, down), hedge: true }, 'timeout', 100));
        record(attemptEvent(fakeAttempt(own, slow), 'timeout', 150));
      });
      assert.deepEqual(tries, [
        { endpoint: down, result: 'timeout', durationMs: 100, hedge: true },
        { endpoint: slow, result: 'timeout', durationMs: 150 },
      ]);
    });

    test('twenty at most, and none that was refused here', () => {
      const many = triesOf('errors', 'failure', (record, own) => {
        record(attemptEvent(fakeAttempt(own, undefined), 'overload'));
        for (let i = 1; i <= 30; i++) record(attemptEvent(fakeAttempt(own, down, i), '503'));
      });
      assert.equal((many as unknown[]).length, 20);
    });

    test('of one that ended well where all calls have a line', () => {
      const one = (record: EventLog['record'], own: Call) => record(attemptEvent(fakeAttempt(own, down), 'success', 3));
      assert.deepEqual(triesOf('all', 'success', one), [{ endpoint: down, result: 'success', durationMs: 3 }]);
    });
  });

  test('an error of ours is an error, with its stack and cause', () => {
    const { log, lines } = logOf('errors');
    const error = new OutriggerError('internal', 'a bug', { cause: new TypeError('x is not a function') });
    log.record({ ...callEvent(call, 'failure', 500), error });
    assert.equal(lines[0]?.level, 'error');
    assert.match(JSON.stringify(lines[0].err), /call-log\.test.*x is not a function/);
  });
});
