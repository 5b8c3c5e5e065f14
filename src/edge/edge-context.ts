import type { Socket } from 'node:net';
import type { CallEvent, PolicyEvent } from '../policies/events.js';
import type { Clock } from '../runtime/clock.js';
import { HeadFlusher } from './head-flusher.js';
import { LiveCalls } from './live-calls.js';
import type { Responder } from './responder.js';

/** What all calls share, whichever configuration they were taken under: they may come over the same connections. */
export interface EdgeContext {
  readonly clock: Clock;
  readonly emit: (event: CallEvent | PolicyEvent) => void;
  /** The calls in flight. */
  readonly live: LiveCalls<Responder>;
  /** Sends heads whose bodies take their time. */
  readonly heads: HeadFlusher;
  /** Whether every answer closes its connection. */
  draining: boolean;
  /** Connections whose answer says that it is the last: what comes behind its request is not served (RFC 9112, 9.6). */
  readonly closing: WeakSet<Socket>;
}

export function createEdgeContext({ clock, emit }: Pick<EdgeContext, 'clock' | 'emit'>): EdgeContext {
  return { clock, emit, live: new LiveCalls(), heads: new HeadFlusher(), draining: false, closing: new WeakSet() };
}
