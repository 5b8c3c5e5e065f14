/**
 * Counters and histograms as plain numbers. Whoever counts keeps the series it counts in and adds to a field; labels
 * are looked at when a series is made, never when something is counted, and not again when it is scraped.
 */
import { labelText, numberText, sampleHead, type MetricFamily, type MetricType } from './exposition.js';

/** What only goes up. */
export class Counter {
  value = 0;
}

/** The trace that shows how something came to be that was counted. */
export interface Exemplar {
  readonly traceId: string;
  /** When, in milliseconds since the Unix epoch. */
  readonly at: number;
}

/** Durations in seconds, counted in buckets. */
export class Histogram {
  readonly #bounds: readonly number[];
  readonly #counts: number[];
  #sum = 0;
  /** The last of each bucket. */
  #exemplars: ({ readonly value: number; readonly exemplar: Exemplar } | undefined)[] | undefined;

  /** `bounds`: upper ends of the buckets, ascending, each included in its bucket. */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = new Array<number>(bounds.length + 1).fill(0);
  }

  observe(value: number, exemplar?: Exemplar): void {
    let bucket = 0;
    while (bucket < this.#bounds.length && value > this.#bounds[bucket]!) bucket++;
    this.#counts[bucket]!++;
    this.#sum += value;
    if (exemplar !== undefined) (this.#exemplars ??= [])[bucket] = { value, exemplar };
  }

  /** Counts of each bucket alone, not cumulated; the last is for what exceeds all bounds. */
  get counts(): readonly number[] {
    return this.#counts;
  }

  /** Its lines, with what they have before their numbers: each bucket, the sum, the count. */
  text(buckets: string, bounds: readonly string[], sumHead: string, countHead: string, exemplars: boolean): string {
    let text = '';
    let total = 0;
    for (let bucket = 0; bucket < this.#counts.length; bucket++) {
      total += this.#counts[bucket]!;
      const kept = exemplars ? this.#exemplars?.[bucket] : undefined;
      const shown = kept === undefined ? '' : exemplarText(kept.value, kept.exemplar);
      text += `${buckets}${bounds[bucket]!}${total}${shown}\n`;
    }
    return `${text}${sumHead}${numberText(this.#sum)}\n${countHead}${total}\n`;
  }
}

/** OpenMetrics has a place for it, and Prometheus' own format has none. */
function exemplarText(value: number, { traceId, at }: Exemplar): string {
  return ` # {trace_id="${traceId}"} ${numberText(value)} ${(at / 1_000).toFixed(3)}`;
}

/** OpenMetrics wants bounds as floats, so that 1 and 1.0 are not two series. */
function boundText(bound: number, openMetrics: boolean): string {
  return openMetrics && Number.isInteger(bound) ? `${bound}.0` : numberText(bound);
}

interface Series<S> {
  readonly values: readonly string[];
  readonly instrument: S;
}

/** All series of one name, by what stands before their numbers. */
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
    const head = this.headOf(labelText(this.labelNames, values));
    let series = this.#series.get(head);
    if (series === undefined) {
      series = { values, instrument: this.create() };
      this.#series.set(head, series);
    }
    return series.instrument;
  }

  /** Forgets the series for which `keep` is false. */
  retain(keep: (values: readonly string[]) => boolean): void {
    for (const [key, series] of this.#series) if (!keep(series.values)) this.#series.delete(key);
  }

  *lines(openMetrics: boolean): Generator<string> {
    for (const [head, { instrument }] of this.#series) yield this.text(head, instrument, openMetrics);
  }

  protected abstract headOf(labels: string): string;
  protected abstract create(): S;
  protected abstract text(head: string, instrument: S, openMetrics: boolean): string;
}

export class CounterFamily extends Family<Counter> {
  readonly type = 'counter';

  protected headOf(labels: string): string {
    return flat(sampleHead(this.name, labels));
  }

  protected create(): Counter {
    return new Counter();
  }

  protected text(head: string, counter: Counter): string {
    return `${head}${numberText(counter.value)}\n`;
  }
}

export class HistogramFamily extends Family<Histogram> {
  readonly type = 'histogram';
  readonly #boundTexts: { readonly prometheus: readonly string[]; readonly openMetrics: readonly string[] };

  constructor(
    name: string,
    help: string,
    labelNames: readonly string[],
    readonly bounds: readonly number[],
  ) {
    super(name, help, labelNames);
    const texts = (openMetrics: boolean) => [...bounds, Infinity].map((bound) => `${boundText(bound, openMetrics)}"} `);
    this.#boundTexts = { prometheus: texts(false), openMetrics: texts(true) };
  }

  protected headOf(labels: string): string {
    return labels;
  }

  protected create(): Histogram {
    return new Histogram(this.bounds);
  }

  protected text(labels: string, histogram: Histogram, openMetrics: boolean): string {
    const { name } = this;
    const buckets = flat(`${name}_bucket{${labels === '' ? '' : `${labels},`}le="`);
    const bounds = openMetrics ? this.#boundTexts.openMetrics : this.#boundTexts.prometheus;
    const [sumHead, countHead] = [sampleHead(`${name}_sum`, labels), sampleHead(`${name}_count`, labels)];
    return histogram.text(buckets, bounds, sumHead, countHead, openMetrics);
  }
}

/**
 * The same text in one piece. V8 keeps what was put together as a tree of its parts, and walks it whenever it is written;
 * reading a character puts it together.
 */
function flat(text: string): string {
  text.charCodeAt(0);
  return text;
}

/** One sample of a gauge: its label values and its value. */
export type GaugeSample = readonly [labelValues: readonly string[], value: number];

/** A value that is read when it is scraped. */
export class GaugeFamily implements MetricFamily {
  readonly type: MetricType = 'gauge';

  constructor(
    readonly name: string,
    readonly help: string,
    readonly labelNames: readonly string[],
    readonly read: () => Iterable<GaugeSample>,
  ) {}

  *lines(): Generator<string> {
    for (const [values, value] of this.read()) {
      yield `${sampleHead(this.name, labelText(this.labelNames, values))}${numberText(value)}\n`;
    }
  }
}

/** What only goes up and is counted elsewhere; read when it is scraped. */
export class ForeignCounterFamily extends GaugeFamily {
  override readonly type = 'counter';
}
