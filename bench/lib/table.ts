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
  readonly peakMemoryMb: number;
}

type Pick = (one: Measurement) => number;

/** A column of figures. */
export interface Column {
  readonly title: string;
  /** Whom it compares with, if it does: without a measurement of that one there is no column. */
  readonly base?: string;
  /** @param own one contender's measurements, among all */
  cell(own: readonly Measurement[], all: readonly Measurement[]): string;
}

/** What somebody wants a figure to be. */
export interface Aim {
  readonly what: string;
  readonly contender: string;
  readonly bound: { readonly most: number } | { readonly least: number };
  readonly digits: number;
  /** Undefined: it was not measured. */
  value(all: readonly Measurement[]): number | undefined;
}

/** The middle value; the mean of the two middle ones of an even number. NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length % 2 === 1) return sorted[middle]!;
  return (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/**
 * How a contender compares with another one: the median of the comparisons within each round, since what disturbs a round
 * disturbs both. Undefined if they share no round.
 */
export function compared(
  all: readonly Measurement[],
  contender: string,
  base: string,
  compare: (one: Measurement, other: Measurement) => number,
): number | undefined {
  const results = all
    .filter((one) => one.contender === contender)
    .flatMap((one) => {
      const other = all.find((candidate) => candidate.contender === base && candidate.round === one.round);
      return other === undefined ? [] : [compare(one, other)];
    });
  return results.length === 0 ? undefined : median(results);
}

/** The median over the rounds. */
export function middle(title: string, pick: Pick, digits: number): Column {
  return { title, cell: (own) => median(own.map(pick)).toFixed(digits) };
}

/** The lowest and the highest of the rounds: how much the figure beside it is worth. */
export function range(pick: Pick, digits: number): Column {
  return {
    title: 'lowest–highest',
    cell: (own) => {
      const values = own.map(pick);
      return `${Math.min(...values).toFixed(digits)}–${Math.max(...values).toFixed(digits)}`;
    },
  };
}

/** A comparison with one of the contenders, see `compared`. */
export function against(
  title: string,
  base: string,
  compare: (one: Measurement, other: Measurement) => number,
  digits: number,
): Column {
  const cell: Column['cell'] = (own, all) =>
    compared(all, own[0]?.contender ?? '', base, compare)?.toFixed(digits) ?? '-';
  return { title, base, cell };
}

/** A row per contender, those with the least of `by` first. */
export function resultTable(all: readonly Measurement[], columns: readonly Column[], by: Pick): string {
  const shown = columns.filter(({ base }) => base === undefined || all.some(({ contender }) => contender === base));
  const rows = [...new Set(all.map(({ contender }) => contender))]
    .map((contender) => all.filter((one) => one.contender === contender))
    .sort((a, b) => median(a.map(by)) - median(b.map(by)))
    .map((own) => [own[0]!.contender, ...shown.map((column) => column.cell(own, all))]);
  return markdown(['contender', ...shown.map(({ title }) => title)], rows);
}

/** A row per aim that was measured: what is wanted, what was found, and whether that will do. Empty if none was. */
export function aimTable(all: readonly Measurement[], aims: readonly Aim[]): string {
  const rows = aims.flatMap((aim) => {
    const { what, contender, bound, digits } = aim;
    const found = aim.value(all);
    if (found === undefined) return [];
    const met = 'most' in bound ? found <= bound.most : found >= bound.least;
    const wanted = 'most' in bound ? `≤ ${bound.most}` : `≥ ${bound.least}`;
    return [[`${contender}: ${what}`, wanted, found.toFixed(digits), met ? 'met' : 'missed']];
  });
  return rows.length === 0 ? '' : markdown(['aim', 'wanted', 'measured', ''], rows);
}

/** A table with its numbers to the right. */
export function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const rule = head.map((_, index) => (index === 0 ? '---' : '---:'));
  return [line(head), line(rule), ...rows.map(line)].join('\n');
}
