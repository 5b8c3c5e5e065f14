import { isDeepStrictEqual } from 'node:util';
import type { Config } from '../config/config.js';
import type { SpanCounts } from '../observability/tracing/exporter.js';
import type { Tracing, TracingDeps } from '../observability/tracing/tracing.js';
import type { CallEvent, PolicyEvent } from '../policies/events.js';

/** What a collector gets to take the last spans, in milliseconds. */
const LAST_SPANS_MS = 2_000;

/** The tracing in force, if any. Its code is loaded only where calls are traced. */
export class LiveTracing {
  readonly #version: string;
  readonly #deps: TracingDeps;
  #options: Config['tracing'] = false;
  #tracing: Tracing | undefined;
  /** What became of spans under configurations before: counters never go down. */
  readonly #before: Readonly<SpanCounts>[] = [];

  constructor(version: string, deps: TracingDeps) {
    this.#version = version;
    this.#deps = deps;
  }

  /** What `use` puts in force: what there is, where the options are the same. */
  async prepare(options: Config['tracing']): Promise<Tracing | undefined> {
    if (isDeepStrictEqual(options, this.#options)) return this.#tracing;
    if (options === false) return undefined;
    const loaded = await import('../observability/tracing/tracing.js');
    return new loaded.Tracing({ ...options, version: this.#version }, this.#deps);
  }

  /** What was prepared is in force. Spans of calls that are under way go where it says; those that wait are sent. */
  use(options: Config['tracing'], tracing: Tracing | undefined): void {
    const before = this.#tracing;
    this.#options = options;
    this.#tracing = tracing;
    if (before === undefined || before === tracing) return;
    if (before.counts !== undefined) this.#before.push(before.counts);
    void before.end(LAST_SPANS_MS);
  }

  record(event: PolicyEvent | CallEvent): void {
    this.#tracing?.record(event);
  }

  /** Spans by what became of them; undefined where none were ever sent. */
  get counts(): Readonly<SpanCounts> | undefined {
    const now = this.#tracing?.counts;
    const all = now === undefined ? this.#before : [...this.#before, now];
    if (all.length === 0) return undefined;
    const sum: SpanCounts = { exported: 0, 'queue-full': 0, rejected: 0, failed: 0 };
    for (const counts of all) {
      for (const key of ['exported', 'queue-full', 'rejected', 'failed'] as const) sum[key] += counts[key];
    }
    return sum;
  }

  /** Sends what there is. */
  async flush(): Promise<void> {
    await this.#tracing?.flush(LAST_SPANS_MS);
  }
}
