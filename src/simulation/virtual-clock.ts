import type { Clock, Timer } from '../runtime/clock.js';
import { EventHeap, type HeapEntry } from './event-heap.js';

class VirtualTimer implements Timer, HeapEntry {
  readonly due: number;
  readonly order: number;
  readonly callback: () => void;
  place = -1;
  readonly #heap: EventHeap<VirtualTimer>;

  constructor(heap: EventHeap<VirtualTimer>, due: number, order: number, callback: () => void) {
    this.#heap = heap;
    this.due = due;
    this.order = order;
    this.callback = callback;
  }

  cancel(): void {
    this.#heap.remove(this);
  }
}

/**
 * A clock that moves only when told to. Timers fire in the order of their due times, then of their creation: the same
 * program runs the same way each time.
 */
export class VirtualClock implements Clock {
  #now = 0;
  #order = 0;
  #fired = 0;
  #epoch: number;
  readonly #timers = new EventHeap<VirtualTimer>();

  /** @param epoch what the wall clock says at 0, in milliseconds since the Unix epoch */
  constructor(epoch = Date.UTC(2026, 0, 1)) {
    this.#epoch = epoch;
  }

  now(): number {
    return this.#now;
  }

  wallNow(): number {
    return this.#epoch + this.#now;
  }

  /** Sets the wall clock, as an administrator or NTP does; nothing else may notice. */
  stepWall(ms: number): void {
    this.#epoch += ms;
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const timer = new VirtualTimer(this.#timers, this.#now + Math.max(0, delayMs), this.#order++, callback);
    this.#timers.add(timer);
    return timer;
  }

  /** How many timers are running: none may be left behind when a call has ended. */
  get pending(): number {
    return this.#timers.size;
  }

  /** How many timers have fired. */
  get fired(): number {
    return this.#fired;
  }

  /** Time passes in which no timer fires, as when the event loop is busy: `advance` fires what is overdue then. */
  block(ms: number): void {
    this.#now += ms;
  }

  /** Moves time on, firing what falls due on the way, timers made meanwhile included. */
  advance(ms: number): void {
    this.advanceTo(this.#now + ms);
  }

  /** As `advance`, to a time; one that has passed fires what is overdue by it. */
  advanceTo(until: number): void {
    for (let next = this.#timers.first; next !== undefined && next.due <= until; next = this.#timers.first) {
      this.#fire(next);
    }
    this.#now = Math.max(this.#now, until);
  }

  /** Runs until no timer is left; gives up after `limit` timers, since a periodic one never ends. */
  runAll(limit = 100_000): void {
    for (let fired = 0; this.#timers.size > 0; fired++) {
      if (fired >= limit) throw new Error(`still ${this.#timers.size} timers after ${limit} have fired`);
      this.step();
    }
  }

  /** Moves on to when the next timer is due, and fires what is due then; false if there is none. */
  step(): boolean {
    const next = this.#timers.first;
    if (next !== undefined) this.advanceTo(next.due);
    return next !== undefined;
  }

  #fire(timer: VirtualTimer): void {
    this.#timers.remove(timer);
    if (timer.due > this.#now) this.#now = timer.due;
    this.#fired++;
    timer.callback();
  }
}
