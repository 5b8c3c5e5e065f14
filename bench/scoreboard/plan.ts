/** What the upstream does, for how long, and how many calls are made meanwhile. */

/** What the upstream does with a call. */
export type Mode = 'brownout' | 'outage' | 'fine' | 'hang';

export interface Phase {
  readonly name: 'warm-up' | 'brownout' | 'brownout goes on' | 'outage' | 'recovery' | 'hang';
  readonly mode: Mode;
  readonly seconds: number;
  readonly callsPerSecond: number;
}

/** The shares of a brownout, drawn for each attempt with a seeded random; the rest is answered with 200. */
export const BROWNOUT = { unavailable: 0.2, reset: 0.05, never: 0.02 } as const;

/** How long one attempt may take, for all contenders; each has it in its configuration. */
export const ATTEMPT_TIMEOUT_MS = 1_000;

/** When the load gives a call up: far beyond three attempts, so that it is the contender that decides. */
export const GIVE_UP_MS = 10_000;

/** So many different URLs are asked for, in turn: each was answered well in the warm-up. */
export const URLS = 50;

/** The header that tells the upstream which phase an attempt's call belongs to. */
export const PHASE_HEADER = 'x-bench-phase';

const WHOLE: readonly Phase[] = [
  { name: 'warm-up', mode: 'fine', seconds: 2, callsPerSecond: 200 },
  { name: 'brownout', mode: 'brownout', seconds: 10, callsPerSecond: 200 },
  // Not counted: the calls of the brownout end in it, and not in the outage.
  { name: 'brownout goes on', mode: 'brownout', seconds: 2, callsPerSecond: 200 },
  { name: 'outage', mode: 'outage', seconds: 10, callsPerSecond: 200 },
  { name: 'recovery', mode: 'fine', seconds: 8, callsPerSecond: 200 },
  { name: 'hang', mode: 'hang', seconds: 6, callsPerSecond: 50 },
];

/** The phases in their order. `quick`: enough to see that all works, and too short to judge by. */
export function phases(quick: boolean): readonly Phase[] {
  return quick ? WHOLE.map((phase) => ({ ...phase, seconds: Math.min(phase.seconds, 3) })) : WHOLE;
}

/** How long a contender takes, in seconds, the last calls' end included. */
export function longestSeconds(plan: readonly Phase[]): number {
  return plan.reduce((sum, phase) => sum + phase.seconds, 0) + GIVE_UP_MS / 1_000;
}
