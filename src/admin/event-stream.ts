import type { EventFeed, FeedEvent } from '../observability/event-feed.js';
import type { Clock, Timer } from '../runtime/clock.js';

/** What a stream is written to: an HTTP response. */
export interface Sink {
  write(text: string): unknown;
  /** Whether it still holds what was written before. */
  readonly writableNeedDrain: boolean;
  end(): unknown;
  destroy(): unknown;
  once(event: 'close', listener: () => void): unknown;
}

/** Streams at once; browsers open six to a host at most. */
export const MAX_STREAMS = 16;

/** How often streams are written to, in milliseconds. */
const EVERY_MS = 200;

/** Events written at a time to one stream: what a reader that has stopped reading can make us hold. */
const BATCH = 250;

/** Without events something is written all the same, so that a dead peer is found out. In milliseconds. */
const HEARTBEAT_MS = 15_000;

/** A reader that has taken nothing for so long is cut, in milliseconds. */
const SLOW_MS = 10_000;

/** When a browser comes back, in milliseconds. */
const RETRY_MS = 2_000;

/**
 * Server-sent events (WHATWG HTML, 9.2) for all who listen. The streams are written to from a timer and not by those who
 * record events: a storm of events costs a few writes a second, and a reader that is slow costs nobody else anything.
 */
export class EventStreams {
  readonly #feed: EventFeed;
  readonly #clock: Clock;
  readonly #streams = new Set<EventStream>();
  #timer: Timer | undefined;

  constructor(feed: EventFeed, clock: Clock) {
    this.#feed = feed;
    this.#clock = clock;
  }

  get size(): number {
    return this.#streams.size;
  }

  get isFull(): boolean {
    return this.#streams.size >= MAX_STREAMS;
  }

  /**
   * Writes to a sink from now on.
   * @param lastEventId what the reader says it has seen last; what came after that is sent first
   * @param history how many of the last events a reader without one gets first
   */
  open(sink: Sink, lastEventId: string | undefined, history: number): void {
    const stream = new EventStream(this.#feed, sink, this.#start(lastEventId, history), this.#clock.now());
    this.#streams.add(stream);
    sink.once('close', () => this.#streams.delete(stream));
    this.#tick();
  }

  /** Ends all streams. */
  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    for (const stream of this.#streams) stream.end();
    this.#streams.clear();
  }

  /** Where a stream begins. The ids of another process say nothing here: its reader gets all that there is. */
  #start(lastEventId: string | undefined, history: number): number {
    const { last, epoch } = this.#feed;
    if (lastEventId === undefined) return Math.max(0, last - history);
    const [, of, id] = /^([0-9a-z]+)-(\d{1,15})$/.exec(lastEventId) ?? [];
    return of === epoch ? Math.min(Number(id), last) : 0;
  }

  #tick(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const now = this.#clock.now();
    for (const stream of this.#streams) if (!stream.write(now)) this.#streams.delete(stream);
    if (this.#streams.size > 0) this.#timer = this.#clock.setTimer(EVERY_MS, () => this.#tick(), true);
  }
}

/** One reader. */
class EventStream {
  readonly #feed: EventFeed;
  readonly #sink: Sink;
  #sent: number;
  #wroteAt: number;

  constructor(feed: EventFeed, sink: Sink, sent: number, now: number) {
    this.#feed = feed;
    this.#sink = sink;
    this.#sent = sent;
    this.#wroteAt = now;
    sink.write(`retry: ${RETRY_MS}\n\n`);
  }

  /** Writes what is new; false once the reader was cut. */
  write(now: number): boolean {
    if (this.#sink.writableNeedDrain) {
      if (now - this.#wroteAt < SLOW_MS) return true;
      this.#sink.destroy();
      return false;
    }
    const { events, missed } = this.#feed.after(this.#sent, BATCH);
    let text = missed > 0 ? `event: missed\ndata: {"events":${missed}}\n\n` : '';
    for (const event of events) text += this.#textOf(event);
    if (text === '' && now - this.#wroteAt >= HEARTBEAT_MS) text = ': alive\n\n';
    if (text !== '') {
      this.#wroteAt = now;
      this.#sink.write(text);
    }
    this.#sent = events.at(-1)?.id ?? this.#sent;
    return true;
  }

  end(): void {
    this.#sink.end();
  }

  #textOf({ id, name, time, data }: FeedEvent): string {
    const json = JSON.stringify({ time: new Date(time).toISOString(), ...data });
    return `id: ${this.#feed.epoch}-${id}\nevent: ${name}\ndata: ${json}\n\n`;
  }
}
