import { CallElsewhere } from './call-elsewhere.js';
import { appTimeoutMs, createAttempt } from './call-context.js';
import { withinDeadline } from './deadline.js';
import type { FailedCall, FallbackAnswerer, StepOutcome } from './fallback-step.js';
import { HeldAnswer } from './held-answer.js';
import { isInterim, LocalController } from './pass-through.js';
import type { Call, CallOptions, Controller, Dispatch, Handler, PolicyDeps, ResponseHeaders } from './policy.js';
import type { ClassSet } from './rules/class-set.js';
import { statusClass } from './rules/classify.js';
import { headerTexts } from './rules/raw-headers.js';

/** What a step that asks another upstream is made of. */
export interface UpstreamStepPlan {
  readonly upstream: string;
  readonly when: 'unsent' | 'replayable' | 'always';
  /** Milliseconds, until the head of the answer. */
  readonly timeoutMs: number;
  /** Methods that may be sent twice. An idempotency key is no licence: the other upstream has other keys. */
  readonly replayable: ReadonlySet<string>;
  /** What is no better than the answer there was. */
  readonly on: ClassSet;
  /** One attempt at the other upstream, with its own protection. */
  readonly dispatch: Dispatch;
  readonly deps: PolicyDeps;
}

/** The step that sends the same request to another upstream, once. */
export function upstreamStep(plan: UpstreamStepPlan): FallbackAnswerer {
  return {
    kind: 'upstream',
    start(failed, outcome) {
      const limitMs = timeLeft(failed, plan);
      if (!maySend(failed.call, plan) || limitMs < 1) {
        outcome.fails();
        return;
      }
      const call = new CallElsewhere(failed.call, plan.upstream);
      const opts = { ...failed.opts, call, attempt: createAttempt(call, 1, false) } as CallOptions;
      const handler = new ElsewhereHandler(plan, outcome);
      plan.dispatch(opts, withinDeadline(limitMs, call, handler, plan.deps));
    },
  };
}

/** Whether the request may go to another upstream, and still can. */
function maySend(call: Call, { when, replayable }: UpstreamStepPlan): boolean {
  const allowed = when === 'always' || !call.sent || (when === 'replayable' && replayable.has(call.method));
  // A body that streams is gone once it was sent.
  const { state } = call.body;
  return allowed && (state === 'none' || state === 'kept' || (state === 'streaming' && !call.sent));
}

/** The step's time goes beyond the route's deadline, but never beyond the app's own. */
function timeLeft({ call, appGivesUpAt }: FailedCall, { timeoutMs, deps }: UpstreamStepPlan): number {
  const appMs = call.body.complete ? appGivesUpAt - deps.clock.now() : appTimeoutMs(call);
  return Math.min(timeoutMs, appMs);
}

/** An interim answer that waits for the final one: it must not come from a step that then fails. */
interface Interim {
  readonly controller: Controller;
  readonly status: number;
  readonly headers: ResponseHeaders;
  readonly text: string | undefined;
}

/** Hears the other upstream, and hands its answer on if it is a good one. */
class ElsewhereHandler implements Handler {
  readonly #plan: UpstreamStepPlan;
  readonly #outcome: StepOutcome;
  #next: Handler | undefined;
  #unwanted: HeldAnswer | undefined;
  #interims: readonly Interim[] = [];

  constructor(plan: UpstreamStepPlan, outcome: StepOutcome) {
    this.#plan = plan;
    this.#outcome = outcome;
  }

  onRequestStart(controller: Controller): void {
    this.#outcome.asks(controller);
  }

  onRequestUpgrade(...parameters: Parameters<NonNullable<Handler['onRequestUpgrade']>>): void {
    this.#outcome.answers().onRequestUpgrade?.(...parameters);
  }

  onResponseStart(controller: Controller, status: number, headers: ResponseHeaders, text?: string): void {
    if (isInterim(status)) {
      const local = new LocalController(headerTexts(controller.rawHeaders ?? headers));
      this.#interims = [...this.#interims, { controller: local, status, headers, text }];
      return;
    }
    const { on, deps } = this.#plan;
    if (on.has({ result: statusClass(status), status })) {
      this.#unwanted = new HeldAnswer(controller, status, headers, text, 'drop');
      this.#unwanted.letGo(deps.clock);
      this.#outcome.fails();
      return;
    }
    const next = this.#outcome.answers();
    this.#next = next;
    for (const { controller: local, ...interim } of this.#interims) {
      next.onResponseStart?.(local, interim.status, interim.headers, interim.text);
    }
    next.onResponseStart?.(controller, status, headers, text);
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    this.#unwanted?.data(chunk);
    this.#next?.onResponseData?.(controller, chunk);
  }

  onResponseEnd(controller: Controller, trailers: ResponseHeaders): void {
    this.#unwanted?.ended();
    this.#next?.onResponseEnd?.(controller, trailers);
  }

  onResponseError(controller: Controller, error: Error): void {
    this.#unwanted?.broken(error);
    if (this.#next !== undefined) this.#next.onResponseError?.(controller, error);
    else if (this.#unwanted === undefined) this.#outcome.fails();
  }
}
