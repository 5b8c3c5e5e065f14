import type { ResolvedRoute } from '../config/config.js';

type Steps = Exclude<ResolvedRoute['fallback'], false>['steps'];

/** What a step may take that asks another upstream, in milliseconds. */
export interface StepBounds {
  readonly longestMs: number;
  /** While nothing of it is sent. */
  readonly longestUnsentMs: number;
}

export interface StepsAtWorst {
  readonly longestMs: number;
  readonly attempts: number;
}

/** A call that its upstream failed, as the steps see it. */
export interface FailedCall {
  /** Whether an upstream may have seen it. */
  readonly sent: boolean;
  /** Whether its method is in retry.methods. */
  readonly replayable: boolean;
  /** Whether its body can be sent again. */
  readonly repeatable: boolean;
}

/** The fallback's steps at their worst: none of them can answer before the last that may. */
export function stepsAtWorst(steps: Steps, boundsOf: (upstream: string) => StepBounds, call: FailedCall): StepsAtWorst {
  const [step, ...rest] = steps;
  // A fixed answer ends it, and none is better than a stale one that has no answer.
  if (step === undefined || 'response' in step) return { longestMs: 0, attempts: 0 };
  const after = (failed: FailedCall) => stepsAtWorst(rest, boundsOf, failed);
  if ('stale' in step || !mayAsk(step.when, call)) return after(call);
  const { longestMs, longestUnsentMs } = boundsOf(step.upstream);
  const sent = after({ ...call, sent: true });
  const asked: StepsAtWorst = { longestMs: longestMs + sent.longestMs, attempts: 1 + sent.attempts };
  if (call.sent) return asked;
  const unsent = after(call);
  return {
    longestMs: Math.max(asked.longestMs, longestUnsentMs + unsent.longestMs),
    attempts: Math.max(asked.attempts, 1 + unsent.attempts),
  };
}

/** The upstreams that a call may go to when its own has failed. */
export function askedElsewhere(steps: Steps, call: FailedCall): readonly string[] {
  const end = steps.findIndex((step) => 'response' in step);
  const reached = end === -1 ? steps : steps.slice(0, end);
  return reached.flatMap((step) => ('upstream' in step && mayAsk(step.when, call) ? [step.upstream] : []));
}

function mayAsk(when: 'unsent' | 'replayable' | 'always', { sent, replayable, repeatable }: FailedCall): boolean {
  return (when === 'always' || !sent || (when === 'replayable' && replayable)) && (!sent || repeatable);
}
