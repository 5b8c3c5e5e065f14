import type { Controller, Dispatch } from '../../src/policies/policy.js';

/** Sends interim answers before each answer, all at once; the answers by attempt, the last for ever. */
export function interimThen(interim: readonly number[], answers: readonly number[]): Dispatch {
  let attempt = 0;
  return (_opts, handler) => {
    const controller = new Steered();
    const status = answers[Math.min(attempt++, answers.length - 1)]!;
    handler.onRequestStart?.(controller, null);
    for (const one of interim) handler.onResponseStart?.(controller, one, { link: '</style.css>' });
    handler.onResponseStart?.(controller, status, {});
    handler.onResponseEnd?.(controller, {});
    return true;
  };
}

/** A controller that notes how it is steered. */
export class Steered implements Controller {
  /** As undici: an abort is told to the handler at once. */
  onAbort: ((reason: Error) => void) | undefined;
  reason: Error | null = null;
  paused = false;
  readonly rawHeaders = null;
  readonly rawTrailers = null;

  get aborted(): boolean {
    return this.reason !== null;
  }

  abort(reason: Error): void {
    this.reason = reason;
    this.onAbort?.(reason);
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }
}
