/** From the calls of a run to the figures of the table; pure. */
import type { Phase } from './plan.js';
import type { CallRecord, LoadReport } from './records.js';

export interface PhaseFigures {
  readonly name: Phase['name'];
  readonly calls: number;
  /** The share of calls that were answered with a whole 200. */
  readonly success: number;
  /** The same among calls to a URL that had a good answer before; NaN without any. */
  readonly successOfKnown: number;
  /** Over all calls, whatever became of them. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Attempts that the upstream saw, per call. */
  readonly attemptsPerCall: number;
}

export interface Figures {
  readonly phases: readonly PhaseFigures[];
  /** From the upstream's return until each following second was good; Infinity if that was not within the phase. */
  readonly recoverySeconds: number;
}

/** A second is good if so many of its calls are. */
const GOOD_SHARE = 0.99;

/** How finely the beginning of a second is moved. */
const STEP_MS = 100;

export function figures(plan: readonly Phase[], { calls, attempts }: LoadReport): Figures {
  const of = (index: number): CallRecord[] => calls.filter(([phase]) => phase === index);
  const recovery = plan.findIndex(({ name }) => name === 'recovery');
  return {
    phases: plan.map((phase, index) => phaseFigures(phase, of(index), attempts[phase.name] ?? 0)),
    recoverySeconds: recovery === -1 ? Infinity : recoverySeconds(of(recovery), plan[recovery]!.seconds),
  };
}

function phaseFigures({ name }: Phase, calls: readonly CallRecord[], attempts: number): PhaseFigures {
  const took = calls.map(([, , tookMs]) => tookMs).sort((a, b) => a - b);
  return {
    name,
    calls: calls.length,
    success: shareGood(calls),
    successOfKnown: shareGood(calls.filter(([, , , , known]) => known === 1)),
    p50Ms: quantile(took, 0.5),
    p99Ms: quantile(took, 0.99),
    attemptsPerCall: attempts / calls.length,
  };
}

function isGood([, , , status]: CallRecord): boolean {
  return status === 200;
}

function shareGood(calls: readonly CallRecord[]): number {
  return calls.length === 0 ? NaN : calls.filter(isGood).length / calls.length;
}

/** The smallest value that this share of the values does not exceed. */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? NaN;
}

/**
 * How long after the beginning of the phase every second that follows is good, wherever one lets it begin. A call belongs
 * to the moment when it was due.
 */
export function recoverySeconds(calls: readonly CallRecord[], seconds: number): number {
  const lastStart = seconds * 1_000 - 1_000;
  let recoveredMs = Infinity;
  for (let start = lastStart; start >= 0; start -= STEP_MS) {
    const share = shareGood(calls.filter(([, dueMs]) => dueMs >= start && dueMs < start + 1_000));
    if (!(share >= GOOD_SHARE)) break;
    recoveredMs = start;
  }
  return recoveredMs / 1_000;
}
