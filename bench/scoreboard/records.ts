/** What the processes of the scoreboard tell each other, as JSON. */

/** One call, as the load saw it: short, as there are thousands. */
export type CallRecord = readonly [
  /** The index of its phase in the plan. */
  phase: number,
  /** When it was due, in milliseconds from the beginning of its phase. */
  dueMs: number,
  /** From then until its answer was whole or it had failed, in milliseconds. */
  tookMs: number,
  /** The status of a whole answer; 0 for none. */
  status: number,
  /** 1 if its URL had a good answer before it was due. */
  known: 0 | 1,
];

/** Attempts that the upstream has counted, by the phase that their calls belong to. */
export type AttemptCounts = Readonly<Record<string, number>>;

export interface LoadReport {
  readonly calls: readonly CallRecord[];
  readonly attempts: AttemptCounts;
  /** The longest that a call was sent after it was due, in milliseconds: a large one means that the load was too slow. */
  readonly latestMs: number;
}
