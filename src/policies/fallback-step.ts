import type { OutriggerError } from '../errors.js';
import type { FallbackKind, ResultClass } from './events.js';
import type { Call, CallOptions, Controller, Handler, ResponseHeaders } from './policy.js';

/** A call that failed, as a step sees it. */
export interface FailedCall {
  readonly call: Call;
  readonly opts: CallOptions;
  readonly cause: ResultClass;
  /** The status of the answer that is not wanted, if there was one. */
  readonly status: number | undefined;
  readonly error: OutriggerError | undefined;
  /** When the app itself gives up, in monotonic milliseconds; Infinity if it does not say, or still sends its request. */
  readonly appGivesUpAt: number;
}

/** Where a step tells how it goes: that it answers, or that it fails; once. */
export interface StepOutcome {
  /** For a step that has to ask: what steers it, until it has answered or failed. */
  asks(controller: Controller): void;
  /** The step can answer; it goes on to feed the handler that it gets. */
  answers(): Handler;
  fails(): void;
}

/** One way to answer a failed call. */
export interface FallbackAnswerer {
  readonly kind: FallbackKind;
  /** `outcome` may be told later by a step that asks. */
  start(failed: FailedCall, outcome: StepOutcome): void;
}

/** Sees good answers as they pass. */
export interface AnswerObserver {
  /** Stands for this moment, the same to all observers; taken when the call begins. */
  readonly moment: number;
  /** The head of a good answer to what was asked at a moment; returns what is told of its body, if that is wanted. */
  answered(
    askedAt: number,
    call: Call,
    opts: CallOptions,
    controller: Controller,
    status: number,
    headers: ResponseHeaders,
    statusText: string | undefined,
  ): BodyObserver | undefined;
}

/** Sees the body of a good answer. */
export interface BodyObserver {
  data(chunk: Buffer): void;
  ended(): void;
  broken(): void;
}
