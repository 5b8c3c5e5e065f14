import { OutriggerError } from '../errors.js';
import { createAttempt, retriesBefore } from './call-context.js';
import { contain } from './containment.js';
import type { HedgeResult } from './events.js';
import { HeldAnswer } from './held-answer.js';
import { HedgedAttempt } from './hedged-attempt.js';
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
import type { RetryBudgets } from './retry-budget.js';
import { classifyFailure, errorClass, isLocalRefusal, statusClass } from './rules/classify.js';
import type { HeadTimes } from './rules/head-times.js';
import type { HedgeAllowance } from './rules/hedge-allowance.js';

/** What all calls of one hedge policy have in common. */
export interface HedgePlan {
  readonly max: number;
  /** When a hedge is due; undefined while that is not known. */
  readonly delayMs: () => number | undefined;
  readonly headTimes: HeadTimes | undefined;
  readonly budgets: RetryBudgets | undefined;
  /** Undefined where hedges are not rationed. */
  readonly allowance: HedgeAllowance | undefined;
  readonly enabled: ((route: string) => boolean) | undefined;
  readonly deps: PolicyDeps;
  readonly dispatch: Dispatch;
}

/**
 * One attempt and its hedges, side by side. To the layers above they are one attempt with one outcome: the first good
 * head, that is one below 500 other than 429, wherever it comes from. A bad one waits for the others. When all were bad
 * the last answer goes up, since it need not be held; an answer goes before an error, which tells less; and an error
 * after sending before a connect-failure, which would say that nothing was sent.
 */
export class HedgeCall implements Controller {
  readonly #plan: HedgePlan;
  readonly #call: Call;
  readonly #opts: CallOptions;
  readonly #next: Handler;
  readonly #attempts: HedgedAttempt[] = [];
  #winner: HedgedAttempt | undefined;
  #error: OutriggerError | undefined;
  #timer: Timer | undefined;
  #reason: Error | null = null;
  #over = false;
  #paused = false;
  rawHeaders: Controller['rawHeaders'] = null;

  constructor(plan: HedgePlan, first: Attempt, opts: CallOptions, next: Handler) {
    this.#plan = plan;
    this.#call = first.call;
    this.#opts = opts;
    this.#next = next;
    this.#attempts.push(new HedgedAttempt(this, first, plan.deps.clock.now(), undefined));
  }

  get above(): Handler {
    return this.#next;
  }

  start(): void {
    this.#next.onRequestStart?.(this, null);
    if (this.#reason !== null) {
      this.#fail(this.#reason);
      return;
    }
    this.#plan.dispatch(this.#opts, this.#attempts[0]!);
    this.#wait();
  }

  // The layers above steer all attempts at once.

  get aborted(): boolean {
    return this.#reason !== null;
  }

  get reason(): Error | null {
    return this.#reason;
  }

  get paused(): boolean {
    return this.#winner?.controller?.paused ?? false;
  }

  get rawTrailers(): Controller['rawTrailers'] {
    return this.#winner?.controller?.rawTrailers;
  }

  pause(): void {
    this.#paused = true;
    this.#winner?.controller?.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#winner?.controller?.resume();
  }

  abort(reason: Error): void {
    if (this.aborted || this.#over) return;
    this.#reason = reason;
    this.#timer?.cancel();
    if (this.#winner !== undefined) {
      this.#winner.controller?.abort(reason);
      return;
    }
    for (const attempt of this.#attempts) {
      attempt.held?.drop();
      if (attempt.running) attempt.controller?.abort(reason);
    }
  }

  // An attempt says how it goes. Once one has won, the others have nothing to say.

  hasWon(attempt: HedgedAttempt): boolean {
    return attempt === this.#winner;
  }

  interim(from: HedgedAttempt, status: number, headers: ResponseHeaders, text?: string): void {
    // Those of a hedge would be a repetition.
    if (!from.attempt.hedge) this.#next.onResponseStart?.(this, status, headers, text);
  }

  answered(from: HedgedAttempt, controller: Controller, status: number, headers: ResponseHeaders, text?: string): void {
    const good = statusClass(status) === 'success';
    from.running = false;
    if (!good) this.#told(from, 'failed');
    if (!good && this.#isRacing) {
      from.held = new HeldAnswer(controller, status, headers, text, 'pause');
      return;
    }
    this.#decide(from);
    // To cut a loser off was what broke the call.
    if (this.aborted) return;
    if (good) {
      this.#told(from, 'won');
      from.place?.giveBack(this.#plan.deps.clock.now());
      if (from.attempt.hedge) this.#plan.allowance?.giveBack();
      this.#measure(from);
    }
    this.rawHeaders = controller.rawHeaders;
    this.#next.onResponseStart?.(this, status, headers, text);
  }

  data(chunk: Buffer): void {
    this.#next.onResponseData?.(this, chunk);
  }

  ended(trailers: ResponseHeaders): void {
    this.#over = true;
    this.#next.onResponseEnd?.(this, trailers);
  }

  failed(from: HedgedAttempt, raw: Error): void {
    if (this.#winner === from) {
      this.#fail(raw);
      return;
    }
    from.running = false;
    const error = classifyFailure(raw, 'sent');
    const result = errorClass(error);
    if (from.attempt.hedge && isLocalRefusal(result)) {
      from.place?.notMade(this.#plan.deps.clock.now());
      this.#plan.allowance?.giveBack();
    } else {
      this.#told(from, 'failed');
      if (result === 'timeout') this.#measure(from);
      if (this.#error === undefined || !isUnsent(error)) this.#error = error;
    }
    if (!this.#isRacing) this.#giveUp();
  }

  get #isRacing(): boolean {
    return this.#attempts.some((attempt) => attempt.running);
  }

  /** Waits for the moment of the next hedge. */
  #wait(): void {
    const { max, delayMs, deps } = this.#plan;
    if (this.#attempts.length > max || !this.#isRacing || this.aborted) return;
    const ms = delayMs();
    if (ms !== undefined) this.#timer = deps.clock.setTimer(ms, () => contain(this.#next, () => this.#hedge()));
  }

  #hedge(): void {
    const { allowance, budgets, deps, dispatch } = this.#plan;
    const now = deps.clock.now();
    if (!this.#mayHedge(now) || allowance?.isSpent === true) return;
    const place = budgets?.for(this.#call).take(now);
    if (budgets !== undefined && place === undefined) return;
    allowance?.take();
    const attempt = createAttempt(this.#call, this.#attempts[0]!.attempt.number, true);
    const hedged = new HedgedAttempt(this, attempt, now, place);
    this.#attempts.push(hedged);
    const opts: CallOptions = { ...this.#opts, attempt };
    dispatch(opts, hedged);
    this.#wait();
  }

  #mayHedge(now: number): boolean {
    const { body, deadlineAt, route } = this.#call;
    if (this.#plan.enabled?.(route) === false || deadlineAt - now < 1) return false;
    // Layers that hedge multiply, as those that retry do.
    return (body.state === 'none' || body.state === 'kept') && retriesBefore(this.#call) === 0;
  }

  /** This one's answer goes up; the others are cut off. */
  #decide(winner: HedgedAttempt): void {
    this.#winner = winner;
    this.#timer?.cancel();
    for (const other of this.#attempts) {
      if (other === winner) continue;
      other.held?.letGo(this.#plan.deps.clock);
      if (!other.running) continue;
      other.running = false;
      this.#told(other, 'lost');
      // It had run for longer than the moment of the hedge, which is what the percentile must know.
      this.#measure(other);
      other.controller?.abort(new OutriggerError('cancelled', 'another attempt answered first'));
    }
  }

  /** All were bad. */
  #giveUp(): void {
    this.#timer?.cancel();
    const last = this.#attempts.findLast((attempt) => attempt.held !== undefined);
    const held = last?.held;
    if (last === undefined || held === undefined || this.aborted) {
      this.#fail(this.#reason ?? this.#error ?? new OutriggerError('internal', 'no attempt was made'));
      return;
    }
    this.#decide(last);
    last.held = undefined;
    this.rawHeaders = held.rawHeaders;
    if (held.giveTo(this.#next, this)) this.#over = true;
    else if (!this.#paused) last.controller?.resume();
  }

  #fail(error: Error): void {
    if (this.#over) return;
    this.#over = true;
    this.#next.onResponseError?.(this, error);
  }

  #told({ attempt }: HedgedAttempt, result: HedgeResult): void {
    if (attempt.hedge) this.#plan.deps.emit({ type: 'hedge', call: this.#call, result });
  }

  /** Notes how long the first attempt took, or had run when it was cut off; hedges would be counted twice. */
  #measure(from: HedgedAttempt): void {
    const { headTimes, deps } = this.#plan;
    if (!from.attempt.hedge) headTimes?.add(deps.clock.now() - from.startedAt);
  }
}

function isUnsent(error: OutriggerError): boolean {
  return error.code === 'connect-failure' || isLocalRefusal(errorClass(error));
}
