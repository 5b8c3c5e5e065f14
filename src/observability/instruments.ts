/**
 * Counters and histograms as plain numbers. Whoever counts keeps the series it counts in and adds to a field; labels
 * are looked at when a series is made and when it is scraped, never when something is counted.
 */
import { labelText, numberText, type MetricFamily, type MetricType, type SampleSink } from './exposition.js';

/** What only goes up. */
export class Counter {
  value = 0;
}

/** Durations in seconds, counted in buckets. */
export class Histogram {
  readonly #bounds: readonly number[];
  /** Counts of each bucket alone, not cumulated; the last is for what exceeds all bounds. */
  readonly #counts: number[];
  #sum = 0;

  /** `bounds`: upper ends of the buckets, ascending, each included in its bucket. */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = new Array<number>(bounds.length + 1).fill(0);
  }

  observe(value: number): void {
    let bucket = 0;
    while (bucket < this.#bounds.length && value > this.#bounds[bucket]!) bucket++;
    this.#counts[bucket]!++;
    this.#sum += value;
  }

  write(sink: SampleSink, labels: string, openMetrics: boolean): void {
    const start = labels === '' ? '' : `${labels},`;
    let total = 0;
    this.#bounds.forEach((bound, bucket) => {
      total += this.#counts[bucket]!;
      sink('_bucket', `${start}le="${boundText(bound, openMetrics)}"`, total);
    });
    total += this.#counts[this.#bounds.length]!;
    sink('_bucket', `${start}le="+Inf"`, total);
    sink('_sum', labels, this.#sum);
    sink('_count', labels, total);
  }
}

/** OpenMetrics wants bounds as floats, so that 1 and 1.0 are not two series. */
function boundText(bound: number, openMetrics: boolean): string {
  return openMetrics && Number.isInteger(bound) ? `${bound}.0` : numberText(bound);
}

interface Series<S> {
  readonly values: readonly string[];
  readonly labels: string;
  readonly instrument: S;
}

/** All series of one name, by their labels. */
abstract class Family<S> implements MetricFamily {
  abstract readonly type: MetricType;
  readonly #series = new Map<string, Series<S>>();

  constructor(
    readonly name: string,
    readonly help: string,
    readonly labelNames: readonly string[],
  ) {}

  /** The series with these label values, in the order of `labelNames`; made at 0 if there is none. */
  at(...values: string[]): S {
    const labels = labelText(this.labelNames, values);
    let series = this.#series.get(labels);
    if (series === undefined) {
      series = { values, labels, instrument: this.create() };
      this.#series.set(labels, series);
    }
    return series.instrument;
  }

  /** Forgets the series for which `keep` is false. */
  retain(keep: (values: readonly string[]) => boolean): void {
    for (const [key, series] of this.#series) if (!keep(series.values)) this.#series.delete(key);
  }

  write(sink: SampleSink, openMetrics: boolean): void {
    for (const { instrument, labels } of this.#series.values()) this.writeOne(sink, instrument, labels, openMetrics);
  }

  protected abstract create(): S;
  protected abstract writeOne(sink: SampleSink, instrument: S, labels: string, openMetrics: boolean): void;
}

export class CounterFamily extends Family<Counter> {
  readonly type = 'counter';

  protected create(): Counter {
    return new Counter();
  }

  protected writeOne(sink: SampleSink, counter: Counter, labels: string): void {
    sink('', labels, counter.value);
  }
}

export class HistogramFamily extends Family<Histogram> {
  readonly type = 'histogram';

  constructor(
    name: string,
    help: string,
    labelNames: readonly string[],
    readonly bounds: readonly number[],
  ) {
    super(name, help, labelNames);
  }

  protected create(): Histogram {
    return new Histogram(this.bounds);
  }

  protected writeOne(sink: SampleSink, histogram: Histogram, labels: string, openMetrics: boolean): void {
    histogram.write(sink, labels, openMetrics);
  }
}

/** Says one sample of a gauge: its label values and its value. */
export type GaugeSink = (labelValues: readonly string[], value: number) => void;

/** A value that is read when it is scraped. */
export class GaugeFamily implements MetricFamily {
  readonly type: MetricType = 'gauge';

  constructor(
    readonly name: string,
    readonly help: string,
    readonly labelNames: readonly string[],
    readonly read: (sink: GaugeSink) => void,
  ) {}

  write(sink: SampleSink): void {
    this.read((values, value) => {
      sink('', labelText(this.labelNames, values), value);
    });
  }
}

/** What only goes up and is counted elsewhere; read when it is scraped. */
export class ForeignCounterFamily extends GaugeFamily {
  override readonly type = 'counter';
}
