import type { OutriggerError } from '../errors.js';
import type { FallbackKind, ResultClass } from './events.js';
import { HeldAnswer } from './held-answer.js';
import { isInterim, PassThrough } from './pass-through.js';
import type { Call, CallOptions, Controller, Handler, PolicyDeps, ResponseHeaders } from './policy.js';
import type { ClassSet } from './rules/class-set.js';
import { classifyFailure, errorClass, statusClass } from './rules/classify.js';

/** A call that failed, as a step sees it. */
export interface FailedCall {
  readonly call: Call;
  readonly opts: CallOptions;
  readonly cause: ResultClass;
  /** The status of the answer that is not wanted, if there was one. */
  readonly status: number | undefined;
  readonly error: OutriggerError | undefined;
}

/** Where a step tells how it goes: exactly one of the two, once. */
export interface StepOutcome {
  /** The step can answer; it goes on to feed the handler that it gets. */
  answers(): Handler;
  fails(): void;
}

/** One way to answer a failed call. */
export interface FallbackAnswerer {
  readonly kind: FallbackKind;
  /** A step that has to ask takes its time: `outcome` may be told later, and the app may cancel through `controller`. */
  start(failed: FailedCall, outcome: StepOutcome): void;
}

export interface FallbackPlan {
  readonly on: ClassSet;
  readonly answerers: readonly FallbackAnswerer[];
  readonly emit: PolicyDeps['emit'];
}

/** A call with a safety net: passes what is good, and tries the steps in order for what is not. */
export class FallbackCall extends PassThrough {
  readonly #plan: FallbackPlan;
  readonly #call: Call;
  readonly #opts: CallOptions;
  #held: HeldAnswer | undefined;
  #state: 'asking' | 'falling-back' | 'answered' | 'original' = 'asking';

  constructor(plan: FallbackPlan, call: Call, opts: CallOptions, next: Handler) {
    super(next);
    this.#plan = plan;
    this.#call = call;
    this.#opts = opts;
  }

  override onResponseStart(controller: Controller, status: number, headers: ResponseHeaders, text?: string): void {
    const result = statusClass(status);
    if (isInterim(status) || !this.#plan.on.has({ result, status })) {
      super.onResponseStart(controller, status, headers, text);
      return;
    }
    const held = new HeldAnswer(controller, status, headers, text, 'pause');
    this.#held = held;
    this.#fallBack({ cause: result, status, error: undefined }, () => {
      if (!held.giveTo(this.next, controller)) controller.resume();
    });
  }

  override onResponseData(controller: Controller, chunk: Buffer): void {
    if (this.#isHeld) this.#held?.data(chunk);
    else super.onResponseData(controller, chunk);
  }

  override onResponseEnd(controller: Controller, trailers: ResponseHeaders): void {
    if (this.#isHeld) this.#held?.ended();
    else super.onResponseEnd(controller, trailers);
  }

  override onResponseError(controller: Controller, raw: Error): void {
    if (this.#isHeld) {
      this.#held?.broken(raw);
      return;
    }
    const error = classifyFailure(raw, 'sent');
    const cause = errorClass(error);
    if (this.#state !== 'asking' || !this.#plan.on.hasClass(cause)) super.onResponseError(controller, raw);
    else this.#fallBack({ cause, status: undefined, error }, () => super.onResponseError(controller, raw));
  }

  /** The original answer is here and not passed on. */
  get #isHeld(): boolean {
    return this.#held !== undefined && this.#state !== 'original';
  }

  #fallBack(failure: Pick<FailedCall, 'cause' | 'status' | 'error'>, giveOriginal: () => void): void {
    this.#state = 'falling-back';
    this.#tryStep(0, { call: this.#call, opts: this.#opts, ...failure }, giveOriginal);
  }

  #tryStep(index: number, failed: FailedCall, giveOriginal: () => void): void {
    const step = this.#plan.answerers[index];
    if (step === undefined) {
      this.#state = 'original';
      giveOriginal();
      return;
    }
    const { kind } = step;
    const event = { type: 'fallback', call: this.#call, kind, cause: failed.cause } as const;
    step.start(failed, {
      answers: () => {
        this.#state = 'answered';
        this.#call.fallback = kind;
        this.#plan.emit({ ...event, result: 'success' });
        this.#held?.drop();
        return this.next;
      },
      fails: () => {
        this.#plan.emit({ ...event, result: 'failure' });
        this.#tryStep(index + 1, failed, giveOriginal);
      },
    });
  }
}
