/** From measurements to a Markdown table. */

/** One contender in one round. */
export interface Measurement {
  readonly contender: string;
  readonly round: number;
  readonly cpuPerCallUs: number;
  readonly callsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly errors: number;
  readonly peakMemoryMiB: number;
}

/** The middle value; the mean of the two middle ones of an even number. NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length % 2 === 1) return sorted[middle]!;
  return (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/**
 * How much CPU a contender takes of what another one does: the median of the ratios within each round, since what
 * disturbs a round disturbs both. Undefined if they share no round.
 */
export function cpuRatio(all: readonly Measurement[], contender: string, base: string): number | undefined {
  const ratios = all
    .filter((one) => one.contender === contender)
    .flatMap((one) => {
      const other = all.find((candidate) => candidate.contender === base && candidate.round === one.round);
      return other === undefined ? [] : [one.cpuPerCallUs / other.cpuPerCallUs];
    });
  return ratios.length === 0 ? undefined : median(ratios);
}

/** A row per contender, least CPU first, with its CPU as a ratio of that of each base that was measured. */
export function resultTable(all: readonly Measurement[], bases: readonly string[]): string {
  const measured = bases.filter((base) => all.some(({ contender }) => contender === base));
  const head = ['contender', 'CPU per call, µs', 'lowest–highest', ...measured.map((base) => `/ ${base}`)];
  head.push('calls/s', 'p50, ms', 'p99, ms', 'peak memory, MiB', 'errors');
  const rows = [...new Set(all.map(({ contender }) => contender))]
    .map((contender) => ({ contender, own: all.filter((one) => one.contender === contender) }))
    .map(({ contender, own }) => ({ contender, own, cpu: median(own.map((one) => one.cpuPerCallUs)) }))
    .sort((a, b) => a.cpu - b.cpu)
    .map(({ contender, own, cpu }) => {
      const of = (pick: (one: Measurement) => number): number => median(own.map(pick));
      const cpus = own.map((one) => one.cpuPerCallUs);
      return [
        contender,
        cpu.toFixed(1),
        `${Math.min(...cpus).toFixed(1)}–${Math.max(...cpus).toFixed(1)}`,
        ...measured.map((base) => cpuRatio(all, contender, base)?.toFixed(2) ?? '-'),
        of((one) => one.callsPerSecond).toFixed(0),
        of((one) => one.p50Ms).toFixed(2),
        of((one) => one.p99Ms).toFixed(2),
        Math.max(...own.map((one) => one.peakMemoryMiB)).toFixed(0),
        own.reduce((sum, one) => sum + one.errors, 0).toFixed(0),
      ];
    });
  return markdown(head, rows);
}

/** A table with its numbers to the right. */
export function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const rule = head.map((_, index) => (index === 0 ? '---' : '---:'));
  return [line(head), line(rule), ...rows.map(line)].join('\n');
}
