import type { Duplex } from 'node:stream';
import { appTimeoutMs } from './call-context.js';
import { endBroken } from './containment.js';
import type { AnswerObserver, BodyObserver, FailedCall, FallbackAnswerer, StepOutcome } from './fallback-step.js';
import { HeldAnswer } from './held-answer.js';
import { isInterim, PassThrough } from './pass-through.js';
import type { Call, CallOptions, Controller, Handler, PolicyDeps, ResponseHeaders } from './policy.js';
import type { ClassSet } from './rules/class-set.js';
import { classifyFailure, errorClass, statusClass } from './rules/classify.js';

export interface FallbackPlan {
  readonly on: ClassSet;
  readonly answerers: readonly FallbackAnswerer[];
  readonly observers: readonly AnswerObserver[];
  /** Whether a step asks somebody, which takes time. */
  readonly asks: boolean;
  readonly deps: PolicyDeps;
}

/** A call with a safety net: passes what is good, and tries the steps in order for what is not. */
export class FallbackCall extends PassThrough implements Controller {
  readonly #plan: FallbackPlan;
  readonly #call: Call;
  readonly #opts: CallOptions;
  #held: HeldAnswer | undefined;
  /** `passing`: the app gets what came from below, good or for want of better; `answered`: a step's answer. */
  #state: 'asking' | 'passing' | 'falling-back' | 'answered' = 'asking';
  /** What the layers above steer: the call itself, then the step that asks. */
  #steered: Controller | undefined;
  #reason: Error | null = null;
  #appGivesUpAt = Infinity;
  /** When the call began, to its observers. */
  readonly #askedAt: number;
  #bodies: readonly BodyObserver[] = [];

  constructor(plan: FallbackPlan, call: Call, opts: CallOptions, next: Handler) {
    super(next);
    this.#plan = plan;
    this.#call = call;
    this.#opts = opts;
    this.#askedAt = plan.observers[0]?.moment ?? 0;
    const appMs = plan.asks ? appTimeoutMs(call) : Infinity;
    if (appMs === Infinity) return;
    call.body.onComplete(() => {
      this.#appGivesUpAt = plan.deps.clock.now() + appMs;
    });
  }

  // The layers above steer the call, whoever answers it.

  get aborted(): boolean {
    return this.#reason !== null;
  }

  get reason(): Error | null {
    return this.#reason;
  }

  get paused(): boolean {
    return this.#steered?.paused ?? false;
  }

  get rawHeaders(): Controller['rawHeaders'] {
    return this.#steered?.rawHeaders;
  }

  get rawTrailers(): Controller['rawTrailers'] {
    return this.#steered?.rawTrailers;
  }

  pause(): void {
    this.#steered?.pause();
  }

  resume(): void {
    this.#steered?.resume();
  }

  abort(reason: Error): void {
    if (this.aborted) return;
    this.#reason = reason;
    if (this.#state === 'falling-back') this.#held?.drop();
    this.#steered?.abort(reason);
  }

  // The layers below tell how the call goes.

  override onRequestStart(controller: Controller, context: unknown): void {
    this.#steered = controller;
    super.onRequestStart(this, context);
  }

  override onRequestUpgrade(controller: Controller, status: number, headers: ResponseHeaders, socket: Duplex): void {
    this.#state = 'passing';
    super.onRequestUpgrade(controller, status, headers, socket);
  }

  override onResponseStart(controller: Controller, status: number, headers: ResponseHeaders, text?: string): void {
    const result = statusClass(status);
    if (isInterim(status)) {
      super.onResponseStart(controller, status, headers, text);
    } else if (!this.#plan.on.has({ result, status })) {
      this.#state = 'passing';
      this.#observe(controller, status, headers, text);
      super.onResponseStart(controller, status, headers, text);
    } else {
      const held = new HeldAnswer(controller, status, headers, text, 'pause');
      this.#held = held;
      this.#fallBack({ cause: result, status, error: undefined }, () => {
        this.#steered = controller;
        if (!held.giveTo(this.next, controller)) controller.resume();
      });
    }
  }

  override onResponseData(controller: Controller, chunk: Buffer): void {
    if (this.#isHeld) {
      this.#held?.data(chunk);
      return;
    }
    for (const body of this.#bodies) body.data(chunk);
    super.onResponseData(controller, chunk);
  }

  override onResponseEnd(controller: Controller, trailers: ResponseHeaders): void {
    if (this.#isHeld) {
      this.#held?.ended();
      return;
    }
    for (const body of this.#bodies) body.ended();
    super.onResponseEnd(controller, trailers);
  }

  override onResponseError(controller: Controller, raw: Error): void {
    if (this.#isHeld) {
      this.#held?.broken(raw);
      return;
    }
    for (const body of this.#bodies) body.broken();
    const error = classifyFailure(raw, 'sent');
    const cause = errorClass(error);
    if (this.#state !== 'asking' || this.aborted || !this.#plan.on.hasClass(cause)) {
      super.onResponseError(controller, raw);
    } else {
      this.#fallBack({ cause, status: undefined, error }, () => super.onResponseError(controller, raw));
    }
  }

  /** The original answer is here and not passed on. */
  get #isHeld(): boolean {
    return this.#held !== undefined && this.#state !== 'passing';
  }

  #observe(controller: Controller, status: number, headers: ResponseHeaders, text: string | undefined): void {
    for (const observer of this.#plan.observers) {
      const body = observer.answered(this.#askedAt, this.#call, this.#opts, controller, status, headers, text);
      if (body !== undefined) this.#bodies = [...this.#bodies, body];
    }
  }

  #fallBack(failure: Pick<FailedCall, 'cause' | 'status' | 'error'>, giveOriginal: () => void): void {
    this.#state = 'falling-back';
    const appGivesUpAt = this.#appGivesUpAt;
    this.#tryStep(0, { call: this.#call, opts: this.#opts, appGivesUpAt, ...failure }, giveOriginal);
  }

  #tryStep(index: number, failed: FailedCall, giveOriginal: () => void): void {
    const step = this.#plan.answerers[index];
    if (step === undefined) {
      this.#state = 'passing';
      giveOriginal();
      return;
    }
    const { kind } = step;
    const { emit } = this.#plan.deps;
    const event = { type: 'fallback', call: this.#call, kind, cause: failed.cause } as const;
    const outcome: StepOutcome = {
      asks: (controller) => {
        this.#steered = controller;
      },
      answers: () => {
        this.#state = 'answered';
        this.#call.fallback = kind;
        emit({ ...event, result: 'success' });
        this.#held?.letGo(this.#plan.deps.clock);
        return this.next;
      },
      fails: () => {
        if (this.#reason !== null) {
          // Nobody waits for an answer any more; that is no failure of the step.
          this.#state = 'passing';
          this.next.onResponseError?.(this, this.#reason);
          return;
        }
        emit({ ...event, result: 'failure' });
        this.#tryStep(index + 1, failed, giveOriginal);
      },
    };
    try {
      step.start(failed, outcome);
    } catch (cause) {
      // The answer that was held is not given: nobody knows what the step has done already.
      this.#held?.drop();
      this.#state = 'passing';
      endBroken(this.next, cause);
    }
  }
}
