/**
 * Prometheus' text format 0.0.4 and OpenMetrics 1.0, written by hand: prom-client's registry renames the counters it
 * writes as OpenMetrics for good, and hashes the labels of every series at each scrape.
 */

export type MetricType = 'counter' | 'gauge' | 'histogram';

/** Takes one sample. `suffix` is added to the family's name; `labels` is as `labelText` writes it. */
export type SampleSink = (suffix: string, labels: string, value: number) => void;

/** All series of one name. A counter's name ends in `_total`. */
export interface MetricFamily {
  readonly name: string;
  readonly help: string;
  readonly type: MetricType;
  write(sink: SampleSink, openMetrics: boolean): void;
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

/** A number as both formats write it. */
export function numberText(value: number): string {
  if (value === Infinity) return '+Inf';
  if (value === -Infinity) return '-Inf';
  return String(value);
}

/** The text of all families that have a series. Families without one are left out, their heads too. */
export function exposition(families: Iterable<MetricFamily>, openMetrics: boolean): string {
  const lines: string[] = [];
  for (const family of families) writeFamily(lines, family, openMetrics);
  if (openMetrics) lines.push('# EOF');
  lines.push('');
  return lines.join('\n');
}

function writeFamily(lines: string[], family: MetricFamily, openMetrics: boolean): void {
  // OpenMetrics names a counter's family without the suffix that its samples bear.
  const name = openMetrics && family.type === 'counter' ? family.name.replace(/_total$/, '') : family.name;
  const head = lines.length;
  lines.push(`# HELP ${name} ${family.help}`, `# TYPE ${name} ${family.type}`);
  family.write((suffix, labels, value) => {
    const braces = labels === '' ? '' : `{${labels}}`;
    lines.push(`${family.name}${suffix}${braces} ${numberText(value)}`);
  }, openMetrics);
  if (lines.length === head + 2) lines.length = head;
}
