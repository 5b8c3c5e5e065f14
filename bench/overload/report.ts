/** How one call of the load ended: the status of its whole answer, 0 if there was none. */
export interface Outcome {
  readonly status: number;
  /** Since it was due, in milliseconds. */
  readonly tookMs: number;
}

/** What became of the calls of a load. */
export interface OverloadReport {
  readonly calls: number;
  /** Answered with 200 in time. */
  readonly good: number;
  readonly goodPerSecond: number;
  /** Answered with 200 too late. */
  readonly late: number;
  /** Answered with 503. */
  readonly refused: number;
  /** Given up, or cut off. */
  readonly failed: number;
  /** Of all that were answered with 200, in milliseconds. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of the refused ones. */
  readonly refusedP99Ms: number;
  /** How late the load sent its latest call, in milliseconds: if that is much, it was too slow itself. */
  readonly latestMs: number;
}

export function overloadReport(
  outcomes: readonly Outcome[],
  seconds: number,
  inTimeMs: number,
  latestMs: number,
): OverloadReport {
  const times = (status: number) =>
    outcomes
      .filter((outcome) => outcome.status === status)
      .map(({ tookMs }) => tookMs)
      .sort((a, b) => a - b);
  const answered = times(200);
  const good = answered.filter((ms) => ms <= inTimeMs);
  const refused = times(503);
  return {
    calls: outcomes.length,
    good: good.length,
    goodPerSecond: good.length / seconds,
    late: answered.length - good.length,
    refused: refused.length,
    failed: outcomes.length - answered.length - refused.length,
    p50Ms: quantile(answered, 0.5),
    p99Ms: quantile(answered, 0.99),
    refusedP99Ms: quantile(refused, 0.99),
    latestMs,
  };
}

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}
