import { number } from '../words.js';
import { escaped } from './escape.js';
import { linearTicks, logTicks, type Ticks } from './ticks.js';
import type { Phase } from '../scenario.js';

/** Values of a figure, one a second; where one is missing the line breaks. */
export interface Series {
  /** The class that colours it, and its name in the legend. */
  readonly look: string;
  readonly name: string;
  readonly values: readonly (number | undefined)[];
  /** How it is drawn; an area stands on the one before it in the list. */
  readonly as: 'line' | 'area';
}

export interface PlotOptions {
  /** What a screen reader says. */
  readonly label: string;
  readonly series: readonly Series[];
  readonly phases: readonly Phase[];
  /** The axis goes so far: plots beside each other have the same. */
  readonly most: number;
  readonly scale: 'linear' | 'log';
  readonly format?: (value: number) => string;
  /** A line across, with a word. */
  readonly mark?: { readonly value: number; readonly name: string };
  /** Whether the phases are named above it. */
  readonly named?: boolean;
}

const WIDTH = 400;
const LEFT = 46;
const RIGHT = 8;
const BOTTOM = 18;
const TOP = 8;
const NAMES = 16;
const HEIGHT = 112;
/** Seconds between the marks of the time. */
const EVERY_SECONDS = [10, 30, 60, 300, 600, 1_200];
const MOST_MARKS = 7;

/** A plot as inline SVG; its colours come from the page, so that it is light or dark as the page is. */
export function plot(options: PlotOptions): string {
  const { phases, scale, most, series, label, named = false, mark, format = number } = options;
  const top = named ? TOP + NAMES : TOP;
  const height = top + HEIGHT + BOTTOM;
  const end = phases.at(-1)?.to ?? 1;
  const ticks = scale === 'log' ? logTicks(most) : linearTicks(most);
  const x = (second: number) => LEFT + (second / end) * (WIDTH - LEFT - RIGHT);
  const y = (value: number) => top + HEIGHT * (1 - ticks.at(value));
  const parts = [
    ...phases.map((phase) => band(phase, x, top, named)),
    grid(ticks, y, format),
    times(end, x, top + HEIGHT),
    ...drawn(series, ticks, x, y),
    mark === undefined ? '' : markLine(mark, y),
  ];
  return `<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escaped(label)}">${parts.join('')}</svg>`;
}

function band({ name, from, to }: Phase, x: (second: number) => number, top: number, named: boolean): string {
  const [left, right] = [x(from), x(to)];
  const text = named
    ? `<text class="phase" x="${round((left + right) / 2)}" y="${top - 6}" text-anchor="middle">${name}</text>`
    : '';
  return `<rect class="band ${name}" x="${round(left)}" y="${top}" width="${round(right - left)}" height="${HEIGHT}"/>${text}`;
}

function grid({ values }: Ticks, y: (value: number) => number, format: (value: number) => string): string {
  return values
    .map((value) => {
      const at = round(y(value));
      const text = `<text x="${LEFT - 6}" y="${at}" dy="0.32em" text-anchor="end">${escaped(format(value))}</text>`;
      return `<path class="grid" d="M${LEFT} ${at}H${WIDTH - RIGHT}"/>${text}`;
    })
    .join('');
}

function times(end: number, x: (second: number) => number, bottom: number): string {
  const every = EVERY_SECONDS.find((seconds) => end / seconds <= MOST_MARKS) ?? 1_800;
  const marks: string[] = [];
  for (let second = 0; second <= end; second += every) {
    const unit = second + every > end ? ' s' : '';
    const anchor = second === 0 ? 'start' : second === end ? 'end' : 'middle';
    marks.push(`<text x="${round(x(second))}" y="${bottom + 13}" text-anchor="${anchor}">${second}${unit}</text>`);
  }
  return marks.join('');
}

function drawn(
  series: readonly Series[],
  ticks: Ticks,
  x: (second: number) => number,
  y: (value: number) => number,
): string[] {
  let below: readonly number[] | undefined;
  return series.map(({ look, values, as }) => {
    if (as === 'line') return `<path class="line ${look}" d="${path(values, x, y)}"/>`;
    const base = below ?? values.map(() => ticks.values[0] ?? 0);
    const stacked = values.map((value, at) => (below?.[at] ?? 0) + (value ?? 0));
    below = stacked;
    const back = base.map((value, at) => `L${round(x(at + 0.5))} ${round(y(value))}`).reverse();
    return `<path class="area ${look}" d="${path(stacked, x, y)}${back.join('')}Z"/>`;
  });
}

function path(
  values: readonly (number | undefined)[],
  x: (second: number) => number,
  y: (value: number) => number,
): string {
  let pen = 'M';
  return values
    .map((value, second) => {
      if (value === undefined) {
        pen = 'M';
        return '';
      }
      const point = `${pen}${round(x(second + 0.5))} ${round(y(value))}`;
      pen = 'L';
      return point;
    })
    .join('');
}

function markLine({ value, name }: { readonly value: number; readonly name: string }, y: (value: number) => number) {
  const at = y(value);
  const text = `<text class="mark" x="${WIDTH - RIGHT - 3}" y="${round(at - 4)}" text-anchor="end">${escaped(name)}</text>`;
  return `<path class="mark" d="M${LEFT} ${round(at)}H${WIDTH - RIGHT}"/>${text}`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
