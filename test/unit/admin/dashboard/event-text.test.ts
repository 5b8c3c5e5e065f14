import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eventText, type EventData, type Kind } from '../../../../src/admin/dashboard/event-text.js';
import { EventFeed } from '../../../../src/observability/event-feed.js';
import type { PolicyEvent } from '../../../../src/policies/events.js';
import { fakeAttempt, fakeCall, retryEvent } from '../../../support/policy-events.js';
import { VirtualClock } from '../../../../src/simulation/virtual-clock.js';

function told(record: (feed: EventFeed) => void): readonly string[] {
  const feed = new EventFeed(new VirtualClock());
  record(feed);
  const [event] = feed.after(0, 1).events;
  return textOf(event!.name, event!.data);
}

function textOf(kind: Kind, data: EventData): readonly string[] {
  const { about, what, reason } = eventText(kind, data);
  return [about, what, reason];
}

const call = fakeCall();

describe('an event of the feed in words', () => {
  const events: readonly (readonly [PolicyEvent, readonly string[]])[] = [
    [
      {
        type: 'circuit',
        upstream: 'up',
        key: 'http://a',
        from: 'closed',
        to: 'open',
        reason: 'failure-rate',
        forMs: 1_200,
      },
      ['up · http://a', 'closed → open, for 1.2 s at most', 'failure-rate'],
    ],
    [
      retryEvent(fakeAttempt(call, 'http://a', 1), '503', 41.4),
      ['charge · http://a', 'attempt 1 of 3, again in 41 ms', '503'],
    ],
    [
      { type: 'fallback', call, kind: 'stale', cause: 'timeout', result: 'success' },
      ['charge', 'stale answered', 'timeout'],
    ],
    [
      { type: 'fallback', call, kind: 'upstream', cause: '503', result: 'failure' },
      ['charge', 'upstream could not answer', '503'],
    ],
    [
      { type: 'health', upstream: 'up', endpoint: 'http://a', healthy: false, reason: 'status 500' },
      ['up · http://a', 'healthy → unhealthy', 'status 500'],
    ],
    [
      {
        type: 'discovery',
        upstream: 'up',
        hostname: 'a.internal',
        result: 'changed',
        addresses: ['10.0.0.1', '10.0.0.2'],
      },
      ['up · a.internal', 'changed: 10.0.0.1, 10.0.0.2', ''],
    ],
  ];
  for (const [event, expected] of events) {
    it(expected.join(': '), () =>
      assert.deepEqual(
        told((feed) => feed.record(event)),
        expected,
      ),
    );
  }

  it('a change, and who made it', () => {
    const change = { change: 'circuits', by: '127.0.0.1', upstream: 'up', to: 'forced-open', forMs: 300_000 } as const;
    assert.deepEqual(
      told((feed) => feed.change(change)),
      ['up', 'circuits: forced-open, for 5 min at most', 'by 127.0.0.1'],
    );
    assert.deepEqual(
      told((feed) => feed.change({ change: 'retries', by: 'ttl', to: 'on' })),
      ['all', 'retries: on', 'its time was over'],
    );
  });

  it('a reload: what is other now, or what is wrong', () => {
    const none = { added: [], removed: [], changed: [] };
    const changes = {
      routes: { added: ['pay', 'ship'], removed: [], changed: ['all'] },
      upstreams: { ...none, removed: ['old'] },
      settings: ['log'],
    };
    assert.deepEqual(
      told((feed) => feed.reload({ by: 'file', result: 'changed', changes, restart: ['listen'], validAgain: false })),
      [
        'policy file',
        'changed: routes added pay, ship, changed all; upstreams removed old; settings log; at the next start only listen',
        'the file changed',
      ],
    );
    const error = { file: 'a.yaml', line: 3, column: 5, path: 'listen', message: 'wrong', suggestion: undefined };
    assert.deepEqual(
      told((feed) => feed.reload({ by: 'SIGHUP', result: 'invalid', errors: [error, error] })),
      ['policy file', 'invalid: 2 mistakes', 'a.yaml:3:5: wrong'],
    );
    const unchanged = { routes: none, upstreams: none, settings: [] };
    assert.deepEqual(
      told((feed) =>
        feed.reload({ by: '::1', result: 'unchanged', changes: unchanged, restart: [], validAgain: false }),
      ),
      ['policy file', 'unchanged', 'by ::1'],
    );
  });

  it('what was missed', () => {
    const [, what] = textOf('missed', { events: 12 });
    assert.equal(what, '12 events came too fast, or too long ago, to be shown');
  });

  it('nothing of what it does not know', () => {
    assert.deepEqual(textOf('health', { to: { html: 1 }, reason: null }), ['all', '', '']);
  });
});
