import type { Duplex } from 'node:stream';
import { OutriggerError } from '../errors.js';
import { AttemptTimer } from './attempt-timer.js';
import { isInterim } from './pass-through.js';
import type { Attempt, Controller, Handler, PolicyDeps, ResponseHeaders } from './policy.js';
import type { AdaptiveTimeout } from './rules/adaptive-timeout.js';
import { statusClass } from './rules/classify.js';
import { TimerQueue } from './rules/timer-queue.js';

/** The queue of those that are given the same time; another one when that has changed. */
interface Queues {
  current: TimerQueue;
}

/** The handler of an attempt whose time follows what is seen: tells what it took, and may go on as the scout. */
export class AdaptiveAttempt extends AttemptTimer {
  readonly #seen: AdaptiveTimeout;
  readonly #deps: PolicyDeps;
  readonly #givenMs: number;
  readonly #awaited: boolean;
  #state: 'running' | 'scout' | 'over' = 'running';

  private constructor(next: Handler, attempt: Attempt, queue: TimerQueue, seen: AdaptiveTimeout, deps: PolicyDeps) {
    super(next, attempt.call, queue, deps);
    this.#awaited = attempt.permit?.awaited === true;
    this.#seen = seen;
    this.#deps = deps;
    this.#givenMs = queue.delayMs;
  }

  /** What makes the handlers of one policy's attempts. */
  static maker(seen: AdaptiveTimeout, deps: PolicyDeps): (next: Handler, attempt: Attempt) => AdaptiveAttempt {
    const queues: Queues = { current: new TimerQueue(deps.clock, seen.limitMs) };
    return (next, attempt) => {
      if (queues.current.delayMs !== seen.limitMs) queues.current = new TimerQueue(deps.clock, seen.limitMs);
      return new AdaptiveAttempt(next, attempt, queues.current, seen, deps);
    };
  }

  /** The time it was given at first: one that went on has run out of it too. */
  protected override get limitMs(): number {
    return this.#givenMs;
  }

  protected override expired(): Error | TimerQueue {
    const moreMs = this.#seen.rules.maxMs - this.#givenMs;
    if (this.#state === 'running' && moreMs > 0 && this.#seen.mayGoOn(this.#awaited)) {
      this.#state = 'scout';
      return new TimerQueue(this.#deps.clock, moreMs);
    }
    const late = super.expired();
    this.#ended('none');
    return late;
  }

  protected override get waitedMs(): number {
    return this.#state === 'scout' ? this.#seen.rules.maxMs : this.#givenMs;
  }

  override onRequestUpgrade(controller: Controller, status: number, headers: ResponseHeaders, socket: Duplex): void {
    this.#ended('good');
    super.onRequestUpgrade(controller, status, headers, socket);
  }

  override onResponseStart(controller: Controller, status: number, headers: ResponseHeaders, text?: string): void {
    if (!isInterim(status)) this.#ended(statusClass(status) === 'success' ? 'good' : 'none');
    super.onResponseStart(controller, status, headers, text);
  }

  override onResponseError(controller: Controller, error: Error): void {
    this.#ended(isOurs(error) ? 'cancelled' : 'none');
    super.onResponseError(controller, error);
  }

  #ended(how: 'good' | 'none' | 'cancelled'): void {
    const state = this.#state;
    if (state === 'over') return;
    this.#state = 'over';
    // Below zero where the answer did not wait for the request's body.
    const tookMs = this.clock.now() - this.startedAt;
    if (state === 'scout') this.#seen.scouted(how === 'good' ? tookMs : how === 'none' ? how : undefined);
    else if (how === 'good' && tookMs >= 0) this.#seen.answered(tookMs);
    else if (how === 'cancelled') this.#seen.cancelled(tookMs);
  }
}

/** Whether it was ended from above: another attempt was faster, the call's time was over, or its app went away. */
function isOurs(error: Error): boolean {
  return (
    error instanceof OutriggerError &&
    (error.code === 'cancelled' || error.code === 'deadline' || error.code === 'client-gone')
  );
}
