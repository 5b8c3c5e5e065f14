import { pathText } from '../config/nodes.js';
import type { ValueInForce } from '../config/provenance.js';
import type { ExplainedPart } from './explain.js';
import { type Paint, table, wrap } from './layout.js';

/** What is longer is a body, and is shown by its beginning. */
const LONGEST_VALUE = 80;

/** The values of a route or an upstream: those that the file gives one by one with their places, then all that is built in. */
export function valuesText(
  { kind, name, values }: ExplainedPart,
  file: string,
  { paint, width }: { readonly paint: Paint; readonly width: number },
  above: readonly ExplainedPart[] = [],
): string[] {
  // Its own before those of `defaults`.
  const given = [
    ...values.filter(({ from }) => from === 'route' || from === 'upstream'),
    ...values.filter(({ from }) => from.startsWith('defaults.')),
  ];
  const rows = given.map(({ path, value, from, place, variables }) => [
    pathText(path),
    valueText(value) + (variables.length === 0 ? '' : ` (from ${variables.map((each) => `\${${each}}`).join(', ')})`),
    `${file}:${place?.line ?? 1}`,
    from,
  ]);
  const title = `${kind[0]?.toUpperCase()}${kind.slice(1)} ${name}`;
  return [
    paint('heading', title),
    ...table(rows, 2, Infinity),
    ...builtInLines(values, above, width).map((line) => paint('quiet', line)),
  ];
}

const LEAD = '  built-in  ';

/** All that is built in; what is the same as of another upstream is not said again. */
function builtInLines(values: readonly ValueInForce[], above: readonly ExplainedPart[], width: number): string[] {
  const paragraphs = builtInText(values);
  const same = above.find((part) => builtInText(part.values).join() === paragraphs.join());
  if (same !== undefined && paragraphs.length > 0) return [`${LEAD}as of ${same.kind} ${same.name}`];
  return paragraphs.flatMap((paragraph, index) =>
    wrap(paragraph, width - LEAD.length - 2).map(
      (line, row) => (index === 0 && row === 0 ? LEAD : ' '.repeat(LEAD.length + (row === 0 ? 0 : 2))) + line,
    ),
  );
}

/** `idleTimeout 60s, …` in one paragraph, and one for each policy. */
function builtInText(values: readonly ValueInForce[]): string[] {
  const singles: string[] = [];
  const groups = new Map<string, string[]>();
  for (const { path, value, from } of values) {
    if (from !== 'built-in') continue;
    const [head, ...rest] = path;
    if (rest.length === 0) singles.push(`${pathText(path)} ${valueText(value)}`);
    else {
      const items = groups.get(String(head)) ?? [];
      items.push(`${pathText(rest)} ${valueText(value)}`);
      groups.set(String(head), items);
    }
  }
  return [
    ...(singles.length === 0 ? [] : [singles.join(', ')]),
    ...[...groups].map(([head, items]) => `${head}: ${items.join(', ')}`),
  ];
}

/** As it would be written in the file, on one line. */
function valueText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(valueText).join(', ')}]`;
  if (typeof value === 'string') {
    const text = /^[\w./:*%$+{}-]+$/.test(value) ? value : JSON.stringify(value);
    return text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE)}…` : text;
  }
  return JSON.stringify(value);
}
