/** How an upstream fails in an outage. */
export const FAULTS = ['503', 'refuse', 'hang', 'slow', 'restart'] as const;
export type Fault = (typeof FAULTS)[number];

/** What is done to a fleet. */
export interface Scenario {
  /** Sidecars, each with the policies of the route and a state of its own. */
  readonly fleet: number;
  /** Calls a second of each. */
  readonly rate: number;
  /** Calls a second that the upstream can serve in all. */
  readonly capacity: number;
  /** What a call takes at the upstream on average while it is well, in milliseconds. */
  readonly latencyMs: number;
  readonly fault: Fault;
  /** Whole seconds. */
  readonly outageSeconds: number;
  /** The share of attempts that fail before the outage, from 0 to 1; 0: there is no brownout. */
  readonly brownout: number;
  readonly seed: number;
  /** Whole seconds before the outage, or the brownout, in which all is well; 30. */
  readonly baselineSeconds?: number;
  /** Whole seconds after the outage; 60. */
  readonly recoverySeconds?: number;
}

export type PhaseName = 'baseline' | 'brownout' | 'outage' | 'recovery';

/** A part of the run, in whole seconds from its begin. */
export interface Phase {
  readonly name: PhaseName;
  readonly from: number;
  readonly to: number;
}

const BASELINE_SECONDS = 30;
const BROWNOUT_SECONDS = 30;
const RECOVERY_SECONDS = 60;

/** The phases of a scenario, one after the other. */
export function phasesOf({
  brownout,
  outageSeconds,
  baselineSeconds = BASELINE_SECONDS,
  recoverySeconds = RECOVERY_SECONDS,
}: Scenario): readonly Phase[] {
  const lengths: readonly (readonly [PhaseName, number])[] = [
    ['baseline', baselineSeconds],
    ['brownout', brownout > 0 ? BROWNOUT_SECONDS : 0],
    ['outage', outageSeconds],
    ['recovery', recoverySeconds],
  ];
  let from = 0;
  const phases: Phase[] = [];
  for (const [name, seconds] of lengths) {
    if (seconds > 0) phases.push({ name, from, to: from + seconds });
    from += seconds;
  }
  return phases;
}
