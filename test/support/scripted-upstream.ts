import type { Dispatch } from '../../src/policies/policy.js';
import type { Clock } from '../../src/runtime/clock.js';
import { scriptedDispatch, type Answer, type SeenAttempt } from '../../src/simulation/scripted-upstream.js';

export type { Answer, SeenAttempt };

/** A scripted upstream that notes what it was asked. */
export class ScriptedUpstream {
  readonly seen: SeenAttempt[] = [];
  readonly dispatch: Dispatch;

  /** @param script answers by attempt, the last one for ever; or a function of the attempt (from 1) and the time */
  constructor(clock: Clock, script: readonly Answer[] | ((attempt: number, now: number) => Answer)) {
    const answer = (attempt: number): Answer =>
      typeof script === 'function'
        ? script(attempt, clock.now())
        : (script[Math.min(attempt, script.length) - 1] ?? { status: 200 });
    this.dispatch = scriptedDispatch(
      clock,
      () => answer(this.seen.length + 1),
      (seen) => this.seen.push(seen),
    );
  }
}
