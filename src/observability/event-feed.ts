import type { CallEvent, PolicyEvent } from '../policies/events.js';
import type { Clock } from '../runtime/clock.js';
import type { OperatorChange } from './operator-change.js';
import type { ReloadReport } from './reload-report.js';

/** What operators are shown as it happens. */
export type FeedName = 'circuit' | 'retry' | 'fallback' | 'health' | 'discovery' | 'reload' | 'change';

/** What an event says. Keys that do not apply are null. */
export interface FeedData {
  readonly upstream: string | null;
  readonly route: string | null;
  readonly from: string | null;
  readonly to: string | null;
  readonly reason: string | null;
  readonly [more: string]: unknown;
}

/** One event of the feed. */
export interface FeedEvent {
  /** From 1, without gaps. */
  readonly id: number;
  readonly name: FeedName;
  /** Milliseconds since the Unix epoch. */
  readonly time: number;
  readonly data: FeedData;
}

/** Events kept for readers that come late or come back. */
const KEPT = 1_000;

/**
 * The last events, for whoever reads along. Recording costs next to nothing and never waits for a reader: one that does
 * not keep up misses the oldest, and is told how many. Only plain values are kept, never a call, since that would keep
 * its body too.
 */
export class EventFeed {
  /** Tells this process's ids from those of one before it. */
  readonly epoch: string;
  readonly #clock: Clock;
  readonly #ring: (FeedEvent | undefined)[];
  #last = 0;

  constructor(clock: Clock, kept = KEPT) {
    this.#clock = clock;
    this.#ring = new Array<FeedEvent | undefined>(kept);
    this.epoch = Math.floor(clock.wallNow()).toString(36);
  }

  /** The id of the newest event; 0 before the first. */
  get last(): number {
    return this.#last;
  }

  /** The oldest events after an id, at most so many; `missed` is how many of them are no longer there. */
  after(id: number, most: number): { readonly events: readonly FeedEvent[]; readonly missed: number } {
    const first = Math.max(id + 1, this.#last - this.#ring.length + 1, 1);
    const events: FeedEvent[] = [];
    for (let next = first; next <= this.#last && events.length < most; next++) {
      const event = this.#ring[next % this.#ring.length];
      if (event !== undefined) events.push(event);
    }
    return { events, missed: first - id - 1 };
  }

  /** Takes what policies and the edge say they did; calls and attempts that went well are no news. */
  record(event: PolicyEvent | CallEvent): void {
    switch (event.type) {
      case 'circuit': {
        const { upstream, key, from, to, reason, forMs = null } = event;
        this.#add('circuit', { upstream, route: null, from, to, reason, key, forMs });
        return;
      }
      case 'retry': {
        const { attempt, maxAttempts, reason, status = null, delayMs } = event;
        const { route, upstream } = attempt.call;
        const endpoint = attempt.endpoint?.label ?? null;
        const { number } = attempt;
        const more = { endpoint, attempt: number, maxAttempts, status, delayMs: Math.round(delayMs) };
        this.#add('retry', { upstream, route, from: null, to: null, reason, ...more });
        return;
      }
      case 'fallback': {
        const { call, kind, cause, result } = event;
        const { upstream, route } = call;
        this.#add('fallback', { upstream, route, from: null, to: kind, reason: cause, result });
        return;
      }
      case 'health': {
        const { upstream, endpoint, healthy, reason } = event;
        const [from, to] = healthy ? ['unhealthy', 'healthy'] : ['healthy', 'unhealthy'];
        this.#add('health', { upstream, route: null, from, to, reason, endpoint });
        return;
      }
      case 'discovery': {
        const { upstream, hostname, result, addresses, reason = null } = event;
        this.#add('discovery', { upstream, route: null, from: null, to: result, reason, hostname, addresses });
        return;
      }
      default:
        return;
    }
  }

  /** Takes what an operator changed. */
  change({ change, by, upstream, route, key, from, to, forMs }: OperatorChange): void {
    const data = { upstream: upstream ?? null, route: route ?? null, from: from ?? null, to, reason: change };
    this.#add('change', { ...data, by, key: key ?? null, forMs: forMs ?? null });
  }

  /** Takes how a reload of the policy file went. */
  reload(report: ReloadReport): void {
    const { by, result } = report;
    const data = { upstream: null, route: null, from: null, to: result, by };
    if (result === 'changed' || result === 'unchanged') {
      const reason = report.validAgain ? 'valid-again' : null;
      this.#add('reload', { ...data, reason, ...report.changes, restart: report.restart });
    } else if (result === 'invalid') {
      const [first] = report.errors;
      const reason = first === undefined ? null : `${first.file}:${first.line}:${first.column}: ${first.message}`;
      this.#add('reload', { ...data, reason, errors: report.errors.length });
    } else {
      this.#add('reload', { ...data, reason: result === 'failed' ? 'internal' : result });
    }
  }

  #add(name: FeedName, data: FeedData): void {
    this.#last++;
    this.#ring[this.#last % this.#ring.length] = { id: this.#last, name, time: this.#clock.wallNow(), data };
  }
}
