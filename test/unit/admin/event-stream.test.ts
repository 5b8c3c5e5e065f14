import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EventStreams, MAX_STREAMS, type Sink } from '../../../src/admin/event-stream.js';
import { EventFeed } from '../../../src/observability/event-feed.js';
import { VirtualClock } from '../../../src/simulation/virtual-clock.js';

/** A reader that takes everything, until it is told to be slow. */
class Reader implements Sink {
  text = '';
  writes = 0;
  state: 'open' | 'ended' | 'cut' = 'open';
  writableNeedDrain = false;
  #onClose: (() => void) | undefined;

  write(text: string): void {
    this.writes++;
    this.text += text;
  }

  end(): void {
    this.state = 'ended';
  }

  destroy(): void {
    this.state = 'cut';
    this.leave();
  }

  once(_event: 'close', listener: () => void): void {
    this.#onClose = listener;
  }

  leave(): void {
    this.#onClose?.();
  }

  /** The keys of the circuits that it was told of. */
  get keys(): string[] {
    return [...this.text.matchAll(/"key":"(\w+)"/g)].map((match) => match[1]!);
  }
}

function setUp() {
  const clock = new VirtualClock();
  const feed = new EventFeed(clock);
  const streams = new EventStreams(feed, clock);
  const happen = (key: string) =>
    feed.record({ type: 'circuit', upstream: 'up', key, from: 'closed', to: 'open', reason: 'r', forMs: undefined });
  const open = (lastEventId?: string, history = 0) => {
    const reader = new Reader();
    streams.open(reader, lastEventId, history);
    return reader;
  };
  return { clock, feed, streams, happen, open };
}

describe('event streams', () => {
  test('say what happens, soon, in the form of server-sent events', () => {
    const { clock, feed, happen, open } = setUp();
    happen('before');
    const reader = open();
    happen('a');
    clock.advance(200);
    const data =
      '{"time":"2026-01-01T00:00:00.000Z","upstream":"up","route":null,"from":"closed","to":"open","reason":"r","key":"a","forMs":null}';
    assert.equal(reader.text, `retry: 2000\n\nid: ${feed.epoch}-2\nevent: circuit\ndata: ${data}\n\n`);
  });

  test('begin with as much history as is asked for', () => {
    const { happen, open } = setUp();
    for (const key of ['a', 'b', 'c']) happen(key);
    assert.deepEqual(open(undefined, 2).keys, ['b', 'c']);
    assert.deepEqual(open(undefined, 99).keys, ['a', 'b', 'c']);
  });

  test('go on where a reader that comes back had stopped', () => {
    const { feed, happen, open } = setUp();
    for (const key of ['a', 'b', 'c']) happen(key);
    assert.deepEqual(open(`${feed.epoch}-1`).keys, ['b', 'c']);
    assert.deepEqual(open(`${feed.epoch}-3`).keys, []);
    assert.deepEqual(open(`${feed.epoch}-99`).keys, [], 'an id that is yet to come');
  });

  test('tell all to a reader that comes from another process, or says what we do not understand', () => {
    const { happen, open } = setUp();
    for (const key of ['a', 'b']) happen(key);
    for (const id of ['0-1', 'x', '', '-1', '\n']) assert.deepEqual(open(id).keys, ['a', 'b']);
  });

  test('cost a few writes a second, however much happens, and say how much a reader missed', () => {
    const { clock, happen, open } = setUp();
    const reader = open();
    for (let i = 0; i < 3_000; i++) happen(`k${i}`);
    clock.advance(200);
    assert.equal(reader.writes, 2);
    assert.match(reader.text, /event: missed\ndata: {"events":2000}\n\n/);
    clock.advance(2_000);
    assert.equal(reader.keys.length, 1_000);
    assert.equal(reader.keys.at(-1), 'k2999');
    assert.equal(reader.writes, 5);
  });

  test('hold back from a slow reader, and go on when it reads again', () => {
    const { clock, happen, open } = setUp();
    const reader = open();
    reader.writableNeedDrain = true;
    happen('a');
    clock.advance(9_000);
    assert.deepEqual([reader.keys, reader.state], [[], 'open']);
    reader.writableNeedDrain = false;
    clock.advance(200);
    assert.deepEqual(reader.keys, ['a']);
  });

  test('cut a reader that takes nothing for ten seconds, and no other', () => {
    const { clock, streams, happen, open } = setUp();
    const [slow, quick] = [open(), open()];
    slow.writableNeedDrain = true;
    clock.advance(10_000);
    assert.deepEqual([slow.state, quick.state, streams.size], ['cut', 'open', 1]);
    happen('a');
    clock.advance(200);
    assert.deepEqual(quick.keys, ['a']);
  });

  test('say now and then that they live', () => {
    const { clock, open } = setUp();
    const reader = open();
    clock.advance(14_800);
    assert.equal(reader.text, 'retry: 2000\n\n');
    clock.advance(400);
    assert.equal(reader.text, 'retry: 2000\n\n: alive\n\n');
  });

  test('are so many at most; one that ends makes room, and with the last the timer stops', () => {
    const { clock, streams, open } = setUp();
    const readers = Array.from({ length: MAX_STREAMS }, () => open());
    assert.equal(streams.isFull, true);
    readers[0]!.leave();
    assert.equal(streams.isFull, false);
    for (const reader of readers) reader.leave();
    clock.advance(200);
    assert.deepEqual([streams.size, clock.pending], [0, 0]);
  });

  test('end when the server closes', () => {
    const { clock, streams, open } = setUp();
    const reader = open();
    streams.close();
    assert.deepEqual([reader.state, streams.size, clock.pending], ['ended', 0, 0]);
  });
});
