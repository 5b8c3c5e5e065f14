import uPlot from 'uplot';
import type { HistoryShape } from './api.js';
import { make, setAttribute, setText } from './dom.js';
import { clockTime, duration, percent, rate } from './format.js';
import { now } from './time.js';

/** Seconds that plots show, whatever is known of them. */
const SPAN_S = 15 * 60;
const HEIGHT = 150;

type Values = readonly (number | null)[];

interface Kind {
  readonly name: string;
  readonly colour: string;
  readonly values: (history: HistoryShape) => Values;
  readonly show: (value: number | null | undefined) => string;
  /** The ends of the axis, given the smallest and largest value. */
  readonly range: (least: number, most: number) => [number, number];
}

const fromZero =
  (atLeast: number): Kind['range'] =>
  (_least, most) => [0, Math.max(atLeast, most * 1.1)];

const KINDS: readonly Kind[] = [
  {
    name: 'Calls per second',
    colour: '--plot-1',
    values: (history) => history.requestsPerSecond,
    show: rate,
    range: fromZero(1),
  },
  {
    name: 'Success',
    colour: '--plot-2',
    values: (history) => history.failureRatio.map((share) => (share === null ? null : 1 - share)),
    show: percent,
    // Far enough down for what there is, and never so near that one failure looks like an outage.
    range: (least) => [Math.max(0, Math.floor(Math.min(least, 0.95) * 20 - 0.5) / 20), 1],
  },
  {
    name: 'Retries per call',
    colour: '--plot-3',
    values: (history) => history.retryRatio,
    show: rate,
    range: fromZero(0.2),
  },
  { name: 'p99', colour: '--plot-4', values: (history) => history.p99Ms, show: duration, range: fromZero(10) },
];

/** Never shown. The value of a property is still `light-dark(…)`, which a canvas does not take; a colour is resolved. */
const sample = document.createElement('span');
sample.hidden = true;

/** A colour of style.css as the theme has it: `rgb(…)`. */
function colour(name: string): string {
  if (!sample.isConnected) document.body.append(sample);
  sample.style.color = `var(${name})`;
  return getComputedStyle(sample).color;
}

function translucent(rgb: string): string {
  return rgb.replace(/^rgb\((.*)\)$/, 'rgba($1, 0.12)');
}

/** One plot, with the value under the pointer, or else the last one, beside its name. */
class Plot {
  readonly element: HTMLElement;
  readonly #kind: Kind;
  readonly #value = make('span', { class: 'value' });
  readonly #canvas = make('div', { class: 'canvas', role: 'img' });
  readonly #plot: uPlot;

  constructor(kind: Kind) {
    this.#kind = kind;
    this.element = make('figure', {}, make('figcaption', {}, make('span', {}, kind.name), this.#value), this.#canvas);
    this.#plot = new uPlot(this.#options(), [[], []], this.#canvas);
    new ResizeObserver(() => {
      const width = this.#canvas.clientWidth;
      if (width > 0 && width !== this.#plot.width) this.#plot.setSize({ width, height: HEIGHT });
    }).observe(this.#canvas);
  }

  show(history: HistoryShape): void {
    this.#plot.setData([history.times.map((ms) => ms / 1_000), [...this.#kind.values(history)]]);
    this.#say();
  }

  redraw(): void {
    this.#plot.redraw();
  }

  #say(): void {
    const { show, name } = this.#kind;
    const [times, values = []] = this.#plot.data;
    const { idx } = this.#plot.cursor;
    const at = typeof idx === 'number' ? idx : undefined;
    const last = show(values.at(-1));
    setText(this.#value, at === undefined ? last : `${show(values[at])} at ${clockTime((times[at] ?? 0) * 1_000)}`);
    const known = values.filter((value) => typeof value === 'number');
    const between = known.length === 0 ? 'no calls' : `${show(Math.min(...known))} to ${show(Math.max(...known))}`;
    setAttribute(this.#canvas, 'aria-label', `${name} over the last 15 minutes: ${between}, now ${last}`);
  }

  #options(): uPlot.Options {
    const { show, range, colour: own } = this.#kind;
    const axis: uPlot.Axis = {
      stroke: () => colour('--muted'),
      grid: { stroke: () => colour('--line'), width: 1 },
      ticks: { show: false },
      font: '11px system-ui, sans-serif',
    };
    return {
      width: 300,
      height: HEIGHT,
      padding: [10, 18, 0, 0],
      legend: { show: false },
      cursor: { sync: { key: 'outrigger' }, drag: { x: false, y: false }, y: false, points: { size: 7 } },
      scales: {
        x: {
          time: true,
          range: (_plot, _from, last) => {
            const to = numberOr(last, now() / 1_000);
            return [to - SPAN_S, to];
          },
        },
        y: { range: (_plot, least, most) => range(numberOr(least, 1), numberOr(most, 0)) },
      },
      axes: [
        { ...axis, space: 64, size: 28, values: (_plot, ticks) => ticks.map((s) => clockTime(s * 1_000).slice(0, 5)) },
        { ...axis, space: 26, size: 60, values: (_plot, ticks) => ticks.map((value) => show(value)) },
      ],
      series: [
        {},
        {
          stroke: () => colour(own),
          fill: () => translucent(colour(own)),
          width: 1.75,
          points: { size: 4, filter: (plot) => alone(plot.data[1] ?? []) },
        },
      ],
      hooks: { setCursor: [() => this.#say()] },
    };
  }
}

/** uPlot says null where there is nothing, whatever its types say. */
function numberOr(value: number | null, instead: number): number {
  return value ?? instead;
}

/** What no line leads to: without a dot it would not be seen. */
function alone(values: ArrayLike<number | null | undefined>): number[] {
  const isThere = (at: number) => typeof values[at] === 'number';
  return Array.from(values, (_, at) => at).filter((at) => isThere(at) && !isThere(at - 1) && !isThere(at + 1));
}

/** The last quarter of an hour, of a route or of all. */
export class Plots {
  readonly #plots: readonly Plot[] = KINDS.map((kind) => new Plot(kind));

  constructor(parent: HTMLElement) {
    parent.append(...this.#plots.map(({ element }) => element));
  }

  show(history: HistoryShape): void {
    for (const plot of this.#plots) plot.show(history);
  }

  /** Colours are other ones now. */
  redraw(): void {
    for (const plot of this.#plots) plot.redraw();
  }
}
