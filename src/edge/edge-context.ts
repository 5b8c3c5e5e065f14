import type { Socket } from 'node:net';
import type { CallEvent, PolicyEvent } from '../policies/events.js';
import type { Clock } from '../runtime/clock.js';
import type { CallCount } from './call-count.js';
import { HeadFlusher } from './head-flusher.js';
import { LiveCalls } from './live-calls.js';

/** What all calls share, whichever configuration they were taken under: they may come over the same connections. */
export interface SharedContext {
  readonly clock: Clock;
  readonly emit: (event: CallEvent | PolicyEvent) => void;
  /** The calls in flight. */
  readonly live: LiveCalls;
  /** Sends heads whose bodies take their time. */
  readonly heads: HeadFlusher;
  /** `begun`: every answer closes its connection. */
  readonly drain: { begun: boolean };
  /** Connections whose answer says that it is the last: what comes behind its request is not served (RFC 9112, 9.6). */
  readonly closing: WeakSet<Socket>;
}

/** What all calls of one generation share. */
export interface EdgeContext extends SharedContext {
  /** This generation's calls. */
  readonly count: CallCount;
}

export function createSharedContext({ clock, emit }: Pick<SharedContext, 'clock' | 'emit'>): SharedContext {
  const drain = { begun: false };
  return { clock, emit, live: new LiveCalls(), heads: new HeadFlusher(), drain, closing: new WeakSet() };
}
