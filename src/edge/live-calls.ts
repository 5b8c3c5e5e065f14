import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { OutriggerError } from '../errors.js';

/** A call in flight, as those see it who end calls or wait for them. */
export interface LiveCall {
  /** Its index in the list, or -1: it keeps its own place, so that leaving costs nothing. */
  place: number;
  /** The connection that it came over. */
  readonly socket: Socket;
  readonly answer: ServerResponse;
  /** Whether the app has been sent a head. */
  readonly answering: boolean;
  /** Whether the app has sent all of its request. */
  readonly requestComplete: boolean;
  /** Ends the call with an error: a problem document where nothing was sent yet, else a connection that visibly breaks. */
  fail(error: OutriggerError): void;
}

/**
 * The calls in flight. Not a Set: one that is added to and deleted from for each call fills with the places of those that
 * left, and is made anew every few dozen calls; here a call leaves its place to another.
 */
export class LiveCalls implements Iterable<LiveCall> {
  readonly #entries: LiveCall[] = [];

  get size(): number {
    return this.#entries.length;
  }

  add(entry: LiveCall): void {
    entry.place = this.#entries.length;
    this.#entries.push(entry);
  }

  /** The last one takes the place that becomes free. */
  delete(entry: LiveCall): void {
    if (entry.place < 0) return;
    const last = this.#entries.pop();
    if (last !== undefined && last !== entry) {
      this.#entries[entry.place] = last;
      last.place = entry.place;
    }
    entry.place = -1;
  }

  [Symbol.iterator](): Iterator<LiveCall> {
    return this.#entries.values();
  }
}
