import { OutriggerError } from '../errors.js';
import { createAttempt, retriesBefore } from './call-context.js';
import { contain } from './containment.js';
import type { ResultClass, RetryReason, SuppressedReason } from './events.js';
import { HeldAnswer } from './held-answer.js';
import { Steering } from './pass-through.js';
import type {
  Attempt,
  Call,
  CallOptions,
  Controller,
  Dispatch,
  Handler,
  PolicyDeps,
  ResponseHeaders,
  Timer,
} from './policy.js';
import { RetriedAttempt } from './retried-attempt.js';
import type { RetryBudgets } from './retry-budget.js';
import { needsPlace, RetryPlaces } from './retry-places.js';
import type { ClassSet } from './rules/class-set.js';
import { classifyFailure, errorClass, isLocalRefusal, statusClass } from './rules/classify.js';
import { parseRetryAfter } from './rules/retry-after.js';
import { decideRetry, type RetryRules } from './rules/retry-decision.js';

/** What a retry policy shares with others. */
export interface RetryScope {
  /** The upstream's budgets; without any, retries are not rationed. */
  readonly budgets?: RetryBudgets | undefined;
  /** The operator's switch of a route; without one, retries are on. */
  readonly enabled?: ((route: string) => boolean) | undefined;
  /** Whether there is an endpoint that a call has not tried; without it, there is none. */
  readonly untried?: ((call: Call) => boolean) | undefined;
}

/** What all calls of one retry policy have in common. */
export interface RetryPlan extends RetryScope {
  readonly rules: RetryRules;
  readonly on: ClassSet;
  readonly shadow: boolean;
  readonly deps: PolicyDeps;
  readonly dispatch: Dispatch;
}

/** How an attempt failed. */
interface Failure {
  readonly result: ResultClass;
  readonly status: number | undefined;
  readonly error: OutriggerError | undefined;
  readonly retryAfterMs: number | undefined;
  /** The answer asked for a retry by a header. */
  readonly byHeader: boolean;
}

/** One call and its attempts, one after the other. To the layers above it is the controller of them all. */
export class RetryCall extends Steering {
  readonly #plan: RetryPlan;
  readonly #call: Call;
  readonly #opts: CallOptions;
  readonly #next: Handler;
  #current: RetriedAttempt | undefined;
  /** The attempt whose answer is held: what the app gets if no other is made. */
  #held: RetriedAttempt | undefined;
  #paused = false;
  #lastError: OutriggerError | undefined;
  #places: RetryPlaces | undefined;
  #timer: Timer | undefined;
  #backoffMs: number | undefined;
  #settled = false;
  #rawHeaders: Controller['rawHeaders'] = null;

  constructor(plan: RetryPlan, call: Call, opts: CallOptions, next: Handler) {
    super();
    this.#plan = plan;
    this.#call = call;
    this.#opts = opts;
    this.#next = next;
  }

  get above(): Handler {
    return this.#next;
  }

  start(): void {
    this.#next.onRequestStart?.(this, null);
    if (!this.aborted) this.#attempt(1);
    else this.#fail(this.reason ?? new OutriggerError('cancelled', 'the call was cancelled'));
  }

  // The layers above steer the call.

  /** Those of the answer that goes up, which may be one that was held. */
  override get rawHeaders(): Controller['rawHeaders'] {
    return this.#rawHeaders;
  }

  abort(reason: Error): void {
    if (this.aborted) return;
    this.reason = reason;
    this.#held?.held?.drop();
    if (this.#timer === undefined) {
      this.inner?.abort(reason);
      return;
    }
    this.#timer.cancel();
    this.#places?.notMade();
    const { result } = failureOf(reason);
    if (result === 'client-gone' || result === 'deadline') this.#suppress(result);
    this.#fail(reason);
  }

  override pause(): void {
    this.#paused = true;
    super.pause();
  }

  override resume(): void {
    this.#paused = false;
    super.resume();
  }

  // An attempt says how it goes. One that is no longer the current one has nothing to say.

  started(from: RetriedAttempt, controller: Controller): void {
    if (from === this.#current) this.inner = controller;
  }

  interim(from: RetriedAttempt, status: number, headers: ResponseHeaders, text?: string): void {
    if (from === this.#current) this.#next.onResponseStart?.(this, status, headers, text);
  }

  answered(
    from: RetriedAttempt,
    controller: Controller,
    status: number,
    headers: ResponseHeaders,
    text?: string,
  ): void {
    const { on, deps } = this.#plan;
    const result = statusClass(status);
    const listed = on.has({ result, status });
    const byHeader = !listed && status >= 400 && on.headers.some((name) => headers[name] !== undefined);
    if (listed || byHeader) {
      const asks = status === 429 || status === 503;
      const retryAfterMs = asks ? parseRetryAfter(headers, deps.clock.wallNow()) : undefined;
      const failure: Failure = { result, status, error: undefined, retryAfterMs, byHeader };
      if (this.#retry(from.attempt, failure)) {
        // Paused beyond 64 KiB, and closed once the next attempt is made: if that is refused, it is what the app gets.
        from.held = new HeldAnswer(controller, status, headers, text, 'pause');
        this.#held = from;
        return;
      }
    } else if (result === 'success') {
      this.#places?.giveBack();
      if (this.#call.retries > 0) deps.emit({ type: 'retry-success', call: this.#call });
    }
    this.#rawHeaders = controller.rawHeaders;
    this.#next.onResponseStart?.(this, status, headers, text);
  }

  data(chunk: Buffer): void {
    this.#next.onResponseData?.(this, chunk);
  }

  ended(trailers: ResponseHeaders): void {
    this.#settled = true;
    this.#next.onResponseEnd?.(this, trailers);
  }

  failed(from: RetriedAttempt, error: Error): void {
    if (from !== this.#current || this.#settled) return;
    const failure = failureOf(error);
    if (from.committed || this.aborted) this.#fail(error);
    else if (isLocalRefusal(failure.result)) this.#refused(from.attempt, failure.result, error);
    else if (!this.#isListed(failure.result) || !this.#retry(from.attempt, failure)) this.#fail(error);
  }

  #attempt(number: number, reason?: RetryReason): void {
    this.#timer = undefined;
    const attempt = createAttempt(this.#call, number, false, reason);
    if (number > 1) {
      this.#call.retries++;
      this.#places?.make(attempt);
    }
    this.#dispatch(attempt);
  }

  #dispatch(attempt: Attempt): void {
    this.inner = undefined;
    this.#current = new RetriedAttempt(this, attempt);
    // Each attempt has options of its own, since a late one may still hold those of an earlier.
    const opts: CallOptions = attempt.number === 1 ? this.#opts : { ...this.#opts };
    opts.attempt = attempt;
    const last = this.#held;
    this.#plan.dispatch(opts, this.#current);
    // Not refused, it may still wait for a place, and an answer that is not whole has one.
    last?.held?.drop();
  }

  /** A response whose head is malformed is to a retry what a reset is: nothing of it was passed on. */
  #isListed(result: ResultClass): boolean {
    const { on } = this.#plan;
    return on.hasClass(result) || (result === 'bad-response' && on.hasClass('reset'));
  }

  /** Plans the next attempt, if there may be one. */
  #retry(attempt: Attempt, failure: Failure): boolean {
    const { rules, deps, budgets, enabled, untried, shadow } = this.#plan;
    if (this.aborted) return false;
    if (enabled?.(this.#call.route) === false) return this.#suppress('switched-off');
    const now = deps.clock.now();
    const { number } = attempt;
    const failed = { number, previousDelayMs: this.#backoffMs, ...failure };
    const verdict = decideRetry(rules, this.#call, failed, retriesBefore(this.#call) > 0, now, deps.random);
    if (!verdict.retry) return this.#suppress(verdict.reason);
    const budget = budgets?.for(this.#call);
    const needed = budget !== undefined && needsPlace(budget, this.#call, untried, now);
    if (shadow) {
      // No place is taken: the budget is for retries that are made.
      if (needed && budget.remaining(now) < 1) return this.#suppress('budget');
      const { route, upstream } = this.#call;
      deps.emit({ type: 'shadow', route, upstream, policy: 'retry', action: 'would-retry' });
      return this.#suppress('shadow');
    }
    if (budget !== undefined) {
      this.#places ??= new RetryPlaces(budget, this.#call, deps.clock);
      if (!this.#places.plan(needed)) return this.#suppress('budget');
    }

    this.#held = undefined;
    this.#lastError = failure.error;
    this.#backoffMs = verdict.backoffMs;
    const { delayMs } = verdict;
    const reason = failure.byHeader ? 'retriable-header' : failure.result;
    const { status, error } = failure;
    deps.emit({ type: 'retry', attempt, maxAttempts: rules.maxAttempts, reason, status, error, delayMs });
    this.#timer = deps.clock.setTimer(delayMs, () => contain(this.#next, () => this.#attempt(number + 1, reason)));
    return true;
  }

  /** An attempt was refused here: the last real outcome is what the app gets, if there was one. */
  #refused(attempt: Attempt, result: ResultClass, error: Error): void {
    const last = this.#held;
    const held = last?.held;
    if (result === 'overload' && held?.usable === true && !held.whole) {
      // What is still coming holds a place, which may be the one that lacked.
      held.drop();
      // It may be that which breaks the call.
      if (!this.aborted) this.#dispatch(attempt);
      return;
    }
    this.#places?.notMade(attempt);
    if (this.#call.retries > 0 && isLocalRefusal(result)) this.#suppress(result);
    if (last === undefined || held?.usable !== true) {
      this.#fail(this.#lastError ?? error);
      return;
    }
    // What is still to come of it follows as that of any answer.
    this.#held = undefined;
    last.held = undefined;
    this.#current = last;
    this.inner = last.controller;
    this.#rawHeaders = held.rawHeaders;
    this.#settled = held.whole;
    if (!held.giveTo(this.#next, this) && !this.#paused) this.inner?.resume();
  }

  #suppress(reason: SuppressedReason): false {
    this.#call.suppressed = [...this.#call.suppressed, reason];
    this.#plan.deps.emit({ type: 'retry-suppressed', call: this.#call, reason });
    return false;
  }

  #fail(error: Error): void {
    this.#settled = true;
    this.#places?.inVain();
    this.#next.onResponseError?.(this, error);
  }
}

function failureOf(raw: Error): Failure {
  const error = classifyFailure(raw, 'sent');
  return { result: errorClass(error), status: undefined, error, retryAfterMs: undefined, byHeader: false };
}
