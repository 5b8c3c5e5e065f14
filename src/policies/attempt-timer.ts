import { OutriggerError } from '../errors.js';
import { HeadTimer } from './head-timer.js';
import type { Call, Controller, Handler, PolicyDeps } from './policy.js';
import type { TimerQueue } from './rules/timer-queue.js';

/** The handler of an attempt that must have the head of its answer in time. */
export class AttemptTimer extends HeadTimer {
  readonly #call: Call;
  readonly #emit: PolicyDeps['emit'];
  protected startedAt = Infinity;

  constructor(next: Handler, call: Call, queue: TimerQueue, deps: PolicyDeps) {
    super(next, queue, deps.clock);
    this.#call = call;
    this.#emit = deps.emit;
  }

  protected override started(now: number): void {
    this.startedAt = now;
  }

  protected override expired(): Error | TimerQueue {
    this.#emit({ type: 'timeout', call: this.#call, kind: 'attempt' });
    return tooLate(this.waitedMs);
  }

  /** How long it was waited for when its time is over, in milliseconds. */
  protected get waitedMs(): number {
    return this.limitMs;
  }

  override onResponseError(controller: Controller, error: Error): void {
    // The deadline may end an attempt in the same moment in which its own time is over: then the upstream was too slow.
    const ranOut = isDeadline(error) && this.clock.now() - this.startedAt >= this.limitMs;
    super.onResponseError(controller, ranOut ? tooLate(this.limitMs) : error);
  }
}

function tooLate(limitMs: number): OutriggerError {
  return new OutriggerError('timeout', `no answer within ${limitMs} ms`);
}

function isDeadline(error: Error): boolean {
  return error instanceof OutriggerError && error.code === 'deadline';
}
