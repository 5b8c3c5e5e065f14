/** Reads as much of PromQL as it takes to hold queries against what /metrics has. Whether they are well-formed is promtool's. */

/** The values that each label of each metric has. A set that is empty: any value. */
export type Known = Map<string, Map<string, Set<string>>>;

/** Labels that a scrape adds: see deploy/prometheus/prometheus.yml and deploy/kubernetes. */
const TARGET_LABELS: ReadonlySet<string> = new Set(['job', 'instance', 'app', 'namespace']);
/** What Prometheus makes by itself. */
const OF_PROMETHEUS: readonly (readonly [string, readonly string[]])[] = [
  ['up', []],
  ['ALERTS', ['alertname', 'alertstate', 'severity']],
];
const WORDS: ReadonlySet<string> = new Set(['and', 'or', 'unless', 'bool', 'offset', 'inf', 'nan', 'e']);
const GROUPING = /\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)/g;

/** What an answer of /metrics has. */
export function knownIn(exposition: string): Known {
  const known: Known = new Map(
    OF_PROMETHEUS.map(([name, labels]) => [name, new Map(labels.map((l) => [l, new Set()]))]),
  );
  for (const [, name, labels = ''] of exposition.matchAll(/^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? \S+$/gm)) {
    const values = known.get(name!) ?? new Map<string, Set<string>>();
    known.set(name!, values);
    for (const [, label, value] of labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)) {
      values.set(label!, (values.get(label!) ?? new Set()).add(value!));
    }
  }
  return known;
}

/** Adds what a recording rule makes: with the labels that its first aggregation keeps. */
export function addRecorded(known: Known, record: string, expr: string): void {
  const [, labels = ''] = /\bby\s*\(([^)]*)\)/.exec(expr) ?? [];
  const kept = namesIn(labels).filter((label) => label !== 'le' || !expr.includes('histogram_quantile'));
  known.set(record, new Map(kept.map((label) => [label, new Set()])));
}

/** Metrics, labels and values of labels in a query that are not known. */
export function unknownIn(expr: string, known: Known): string[] {
  const unknown: string[] = [];
  const metrics = new Set<string>();
  const groupings: string[] = [];
  let rest = expr.replace(/#.*$/gm, '').replace(GROUPING, (_, labels: string) => {
    groupings.push(...namesIn(labels));
    return ' ';
  });
  rest = rest.replace(
    /([a-zA-Z_:][\w:]*)\s*\{((?:[^"}]|"(?:[^"\\]|\\.)*")*)\}/g,
    (_, metric: string, matchers: string) => {
      metrics.add(metric);
      unknown.push(...unknownMatchers(metric, matchers, known));
      return ' ';
    },
  );
  rest = rest.replace(/"(?:[^"\\]|\\.)*"|\[[^\]]*\]|\$\w+/g, ' ');
  for (const [, name, call] of rest.matchAll(/([a-zA-Z_:][\w:]*)(\s*\()?/g)) {
    if (call === undefined && !WORDS.has(name!.toLowerCase())) metrics.add(name!);
  }
  if (metrics.size === 0) unknown.push('no metric at all');
  const labels = new Set([...metrics].flatMap((metric) => [...(known.get(metric)?.keys() ?? [])]));
  for (const metric of metrics) if (!known.has(metric)) unknown.push(metric);
  for (const label of groupings) if (!labels.has(label) && !TARGET_LABELS.has(label)) unknown.push(`by (${label})`);
  return unknown;
}

/** The labels that the series of an answer have: those it is grouped by, or else those of its metrics. */
export function labelsOf(expr: string, known: Known): ReadonlySet<string> {
  const by = [...expr.matchAll(/\bby\s*\(([^)]*)\)/g)].flatMap(([, labels]) => namesIn(labels!));
  if (by.length > 0) return new Set(by);
  const names = [...expr.matchAll(/[a-zA-Z_:][\w:]*/g)].map(([name]) => name);
  return new Set([...names.flatMap((name) => [...(known.get(name)?.keys() ?? [])]), ...TARGET_LABELS]);
}

function unknownMatchers(metric: string, matchers: string, known: Known): string[] {
  const unknown: string[] = [];
  for (const [, label, operator, value] of matchers.matchAll(/(\w+)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"/g)) {
    if (TARGET_LABELS.has(label!)) continue;
    const values = known.get(metric)?.get(label!);
    if (values === undefined) unknown.push(`${metric}{${label!}}`);
    else if (values.size > 0 && !value!.includes('$')) {
      for (const one of operator!.endsWith('~') ? value!.split('|') : [value!]) {
        const matches = (other: string) =>
          operator!.endsWith('~') ? new RegExp(`^(?:${one})$`).test(other) : one === other;
        if (![...values].some(matches)) unknown.push(`${metric}{${label!}="${one}"}`);
      }
    }
  }
  return unknown;
}

function namesIn(labels: string): string[] {
  return labels.split(',').flatMap((label) => (label.trim() === '' ? [] : [label.trim()]));
}
