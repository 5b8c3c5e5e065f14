import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EventFeed } from '../../../src/observability/event-feed.js';
import { OutriggerError } from '../../../src/errors.js';
import { attemptEvent, callEvent, fakeAttempt, fakeCall, retryEvent } from '../../support/policy-events.js';
import { VirtualClock } from '../../../src/simulation/virtual-clock.js';

const feedOf = (kept: number) => {
  const clock = new VirtualClock();
  return { clock, feed: new EventFeed(clock, kept) };
};

const circuit = (to: 'open' | 'closed') =>
  ({ type: 'circuit', upstream: 'up', key: 'k', from: 'closed', to, reason: 'failure-rate', forMs: 1_000 }) as const;

describe('the event feed', () => {
  test('keeps the last events, and says how many a late reader missed', () => {
    const { feed } = feedOf(3);
    for (let i = 0; i < 5; i++) feed.record(circuit('open'));
    const ids = (after: number, most = 10) => {
      const { events, missed } = feed.after(after, most);
      return [events.map(({ id }) => id), missed];
    };
    assert.deepEqual(ids(0), [[3, 4, 5], 2]);
    assert.deepEqual(ids(1), [[3, 4, 5], 1]);
    assert.deepEqual(ids(2), [[3, 4, 5], 0]);
    assert.deepEqual(ids(4), [[5], 0]);
    assert.deepEqual(ids(5), [[], 0]);
    assert.deepEqual(ids(0, 2), [[3, 4], 2]);
    assert.deepEqual(ids(4, 0), [[], 0]);
  });

  test('says nothing of calls and attempts as such', () => {
    const { feed } = feedOf(3);
    feed.record(callEvent(fakeCall(), 'success', 200));
    feed.record(attemptEvent(fakeAttempt(fakeCall(), 'http://a'), 'success'));
    assert.equal(feed.last, 0);
  });

  test('keeps plain values only: a call that is kept would keep its body', () => {
    const { feed, clock } = feedOf(10);
    clock.advance(1_500);
    const call = fakeCall();
    feed.record(retryEvent(fakeAttempt(call, 'http://a', 2), 'reset', 12.4));
    feed.record({ type: 'fallback', call, kind: 'stale', cause: 'timeout', result: 'success' });
    feed.record(circuit('open'));
    feed.record({ type: 'health', upstream: 'up', endpoint: 'http://a', healthy: false, reason: 'status 500' });
    feed.record({ type: 'discovery', upstream: 'up', hostname: 'a', result: 'changed', addresses: ['10.0.0.1'] });
    feed.change({ change: 'circuits', by: '127.0.0.1', upstream: 'up', to: 'forced-open', forMs: 5 });
    const { events } = feed.after(0, 10);
    assert.deepEqual(structuredClone(events), events);
    assert.deepEqual(
      events.map(({ name, data }) => [name, data]),
      [
        [
          'retry',
          {
            upstream: 'payments',
            route: 'charge',
            from: null,
            to: null,
            reason: 'reset',
            endpoint: 'http://a',
            attempt: 2,
            maxAttempts: 3,
            status: null,
            delayMs: 12,
          },
        ],
        [
          'fallback',
          { upstream: 'payments', route: 'charge', from: null, to: 'stale', reason: 'timeout', result: 'success' },
        ],
        [
          'circuit',
          { upstream: 'up', route: null, from: 'closed', to: 'open', reason: 'failure-rate', key: 'k', forMs: 1_000 },
        ],
        [
          'health',
          {
            upstream: 'up',
            route: null,
            from: 'healthy',
            to: 'unhealthy',
            reason: 'status 500',
            endpoint: 'http://a',
          },
        ],
        [
          'discovery',
          {
            upstream: 'up',
            route: null,
            from: null,
            to: 'changed',
            reason: null,
            hostname: 'a',
            addresses: ['10.0.0.1'],
          },
        ],
        [
          'change',
          {
            upstream: 'up',
            route: null,
            from: null,
            to: 'forced-open',
            reason: 'circuits',
            by: '127.0.0.1',
            key: null,
            forMs: 5,
          },
        ],
      ],
    );
    assert.equal(new Date(events[0]!.time).toISOString(), '2026-01-01T00:00:01.500Z');
  });

  test('repeats no message of an error: it may name what is nobody’s business', () => {
    const { feed } = feedOf(10);
    const event = retryEvent(fakeAttempt(fakeCall(), 'http://a'), 'reset', 1);
    feed.record({ ...event, error: new OutriggerError('reset', 's3cret') });
    assert.doesNotMatch(JSON.stringify(feed.after(0, 10)), /s3cret/);
  });
});
