import type { VariantResult } from '../result.js';
import type { Scenario } from '../scenario.js';
import type { Second } from '../second.js';
import { ms, number, percent } from '../words.js';
import { plot, type PlotOptions, type Series } from './plot.js';

/** A figure of all variants, drawn beside each other on one scale. */
export interface Row {
  readonly title: string;
  readonly about: string;
  readonly legend: readonly Pick<Series, 'look' | 'name'>[];
  /** One for each variant; undefined where there is nothing to draw. */
  readonly plots: readonly (string | undefined)[];
}

interface RowOptions extends Pick<Row, 'title' | 'about'> {
  readonly series: (variant: VariantResult) => readonly Series[];
  readonly scale?: PlotOptions['scale'];
  readonly format?: PlotOptions['format'];
  readonly mark?: PlotOptions['mark'];
  /** Where the axis ends at least. */
  readonly least?: number;
  readonly named?: boolean;
}

/** The figures of a simulation, most telling first. */
export function rows(variants: readonly VariantResult[], scenario: Scenario): readonly Row[] {
  return [
    row(variants, {
      title: 'Calls a second',
      about: 'What the apps asked for, and how many calls were answered well.',
      named: true,
      series: ({ seconds }) => [
        { look: 'good', name: 'answered well', as: 'area', values: seconds.map(({ goodput }) => goodput) },
        { look: 'offered', name: 'asked for', as: 'line', values: seconds.map(({ calls }) => calls) },
      ],
    }),
    row(variants, {
      title: 'Load on the upstream',
      about: 'Attempts a second that came in, against what it can serve while it is well.',
      mark: { value: scenario.capacity, name: `capacity ${number(scenario.capacity)}` },
      least: scenario.capacity * 1.15,
      series: ({ seconds }) => [
        { look: 'load', name: 'attempts', as: 'area', values: seconds.map(({ load }) => load) },
      ],
    }),
    row(variants, {
      title: 'Attempts per call',
      about: 'How often the upstream was asked for the calls of a second. Below 1, circuits hold calls off.',
      least: 1.2,
      series: ({ seconds }) => [
        {
          look: 'load',
          name: 'attempts per call',
          as: 'line',
          values: seconds.map(({ calls, attempts }) => (calls === 0 ? undefined : attempts / calls)),
        },
      ],
    }),
    row(variants, {
      title: 'Circuits of the fleet',
      about: 'The share that is not closed.',
      least: 1,
      format: percent,
      series: ({ seconds, circuits }) => (circuits === 0 ? [] : circuitSeries(seconds, circuits)),
    }),
    row(variants, {
      title: 'Latency',
      about: 'How long the apps waited for calls that began in a second, whatever they got; on a logarithmic scale.',
      scale: 'log',
      format: ms,
      series: ({ seconds }) => [
        { look: 'p99', name: 'p99', as: 'line', values: seconds.map(({ latencies }) => latencies.quantile(0.99)) },
        { look: 'p50', name: 'p50', as: 'line', values: seconds.map(({ latencies }) => latencies.quantile(0.5)) },
      ],
    }),
  ];
}

function circuitSeries(seconds: readonly Second[], total: number): readonly Series[] {
  const share = (state: 'open' | 'half-open' | 'ramping', look: string): Series => ({
    look,
    name: state,
    as: 'area',
    values: seconds.map(({ circuits }) => circuits[state] / total),
  });
  return [share('open', 'open'), share('half-open', 'halfopen'), share('ramping', 'ramping')];
}

function row(variants: readonly VariantResult[], options: RowOptions): Row {
  const { title, about, scale = 'linear', least = 0, format, mark, named } = options;
  const all = variants.map((variant) => options.series(variant));
  const values = all.flat().flatMap((series) => series.values.map((value) => value ?? 0));
  // Spread as arguments, an hour of three variants would be too many.
  const most = values.reduce((highest, value) => Math.max(highest, value), least);
  return {
    title,
    about,
    legend: all.find((series) => series.length > 0) ?? [],
    plots: variants.map(({ name, phases }, at) => {
      const series = all[at] ?? [];
      if (series.length === 0) return undefined;
      return plot({
        label: `${title}, ${name}`,
        series,
        phases,
        most,
        scale,
        ...(format === undefined ? {} : { format }),
        ...(mark === undefined ? {} : { mark }),
        ...(named === undefined ? {} : { named }),
      });
    }),
  };
}
