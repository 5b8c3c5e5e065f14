/**
 * Prometheus' text format 0.0.4 and OpenMetrics 1.0, written by hand: prom-client's registry renames the counters it
 * writes as OpenMetrics for good, and hashes the labels of every series at each scrape.
 */

export type MetricType = 'counter' | 'gauge' | 'histogram';

/** All series of one name. A counter's name ends in `_total`. */
export interface MetricFamily {
  readonly name: string;
  readonly help: string;
  readonly type: MetricType;
  /** The samples as text: one series at a time, each in whole lines. */
  lines(openMetrics: boolean): Iterable<string>;
}

export const PROMETHEUS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';
export const OPENMETRICS_CONTENT_TYPE = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

function escaped(text: string): string {
  return /[\\"\n]/.test(text) ? text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n') : text;
}

/** `a="1",b="2"`: what stands between the braces. */
export function labelText(names: readonly string[], values: readonly string[]): string {
  return names.map((name, index) => `${name}="${escaped(values[index] ?? '')}"`).join(',');
}

/** What a sample's line has before its number. */
export function sampleHead(name: string, labels: string): string {
  return labels === '' ? `${name} ` : `${name}{${labels}} `;
}

/** A number as both formats write it. */
export function numberText(value: number): string {
  if (value === Infinity) return '+Inf';
  if (value === -Infinity) return '-Inf';
  return String(value);
}

/** Characters; making so many takes well under a millisecond once the code is warm. */
const SLICE = 48 * 1_024;

/**
 * The text of all families that have a series, in slices, so that other work can be done between them: each series is
 * read when its line is written. Families without a series are left out, their heads too.
 */
export function* exposition(families: Iterable<MetricFamily>, openMetrics: boolean): Generator<string> {
  let slice = '';
  for (const family of families) {
    let head = familyHead(family, openMetrics);
    for (const lines of family.lines(openMetrics)) {
      slice += head + lines;
      head = '';
      if (slice.length < SLICE) continue;
      yield slice;
      slice = '';
    }
  }
  yield openMetrics ? `${slice}# EOF\n` : slice;
}

function familyHead({ name, help, type }: MetricFamily, openMetrics: boolean): string {
  // OpenMetrics names a counter's family without the suffix that its samples bear.
  const family = openMetrics && type === 'counter' ? name.replace(/_total$/, '') : name;
  return `# HELP ${family} ${help}\n# TYPE ${family} ${type}\n`;
}
