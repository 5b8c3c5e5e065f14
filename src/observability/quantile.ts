/**
 * A quantile of durations that were counted in buckets, as Prometheus's histogram_quantile estimates it: within its bucket
 * they are taken to lie evenly. What exceeds all bounds counts as the highest one.
 *
 * @param counts of each bucket alone; one more than there are bounds
 * @param bounds upper ends of the buckets, ascending
 * @param first where the counts begin
 * @returns undefined if nothing was counted
 */
export function quantile(
  q: number,
  counts: ArrayLike<number>,
  bounds: readonly number[],
  first = 0,
): number | undefined {
  let total = 0;
  for (let bucket = 0; bucket <= bounds.length; bucket++) total += counts[first + bucket]!;
  if (total === 0) return undefined;
  const rank = q * total;
  let below = 0;
  for (let bucket = 0; bucket < bounds.length; bucket++) {
    const count = counts[first + bucket]!;
    if (count > 0 && below + count >= rank) {
      const from = bucket === 0 ? 0 : bounds[bucket - 1]!;
      return from + (bounds[bucket]! - from) * Math.max(0, (rank - below) / count);
    }
    below += count;
  }
  return bounds.at(-1);
}
