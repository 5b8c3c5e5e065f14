import type { CallEvent, PolicyEvent } from '../../policies/events.js';
import type { CallTrace, TraceStart } from '../../policies/trace.js';
import type { Clock } from '../../runtime/clock.js';
import type { Random } from '../../runtime/random.js';
import type { Logger } from '../logging.js';
import { RecordedTrace, UnrecordedTrace } from './call-trace.js';
import { linkTo } from './deliver.js';
import { type Deliver, SpanExporter, type SpanCounts } from './exporter.js';
import { isDrawn, newTraceId, thresholdOf } from './ids.js';
import { envelope, spanJson, type Span } from './otlp.js';
import { attemptSpan, callSpan, noteOf } from './spans.js';

export interface TracingOptions {
  /** Where spans are sent; undefined: traces are continued and begun, and nothing is kept of them. */
  readonly otlp: string | undefined;
  /** The share, from 0 to 1, of the traces that begin here; of others, whoever began them has decided. */
  readonly sample: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly serviceName: string;
  /** Outrigger's own version. */
  readonly version: string;
}

export interface TracingDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** How spans are sent; left out: over HTTP. */
  readonly deliver?: Deliver;
}

/**
 * Continues or begins the trace of each call (W3C Trace Context), and makes spans of what policies and the edge say they did.
 * Sampling is OpenTelemetry's parentbased_traceidratio: who began the trace decides for all of it.
 */
export class Tracing {
  readonly #threshold: string;
  readonly #deps: TracingDeps;
  readonly #exporter: SpanExporter | undefined;
  readonly #close: () => void = () => {};

  constructor(options: TracingOptions, deps: TracingDeps) {
    this.#threshold = thresholdOf(options.sample);
    this.#deps = deps;
    const { otlp, headers, serviceName, version } = options;
    if (otlp === undefined) return;
    const { clock, random, logger } = deps;
    const { deliver, close } =
      deps.deliver === undefined ? linkTo(otlp, headers, clock) : { deliver: deps.deliver, close: this.#close };
    this.#close = close;
    this.#exporter = new SpanExporter({
      clock,
      random,
      deliver,
      envelope: envelope({ 'service.name': serviceName, 'service.version': version }, version),
      onTrouble: (reason) => {
        if (reason === undefined) logger.info('spans are taken again');
        else logger.warn({ detail: reason }, 'spans are not taken');
      },
    });
  }

  readonly begin = (start: TraceStart): CallTrace => {
    const { clock, random } = this.#deps;
    const traceId = start.parent?.traceId ?? newTraceId(random);
    const sampled = start.parent?.sampled ?? isDrawn(traceId, this.#threshold);
    return sampled && this.#exporter !== undefined
      ? new RecordedTrace(traceId, start, random, clock)
      : new UnrecordedTrace(traceId, start, sampled, random);
  };

  /** Takes what policies and the edge say they did. */
  record(event: PolicyEvent | CallEvent): void {
    const trace = traceOf(event);
    if (!(trace instanceof RecordedTrace)) return;
    const now = this.#deps.clock.now();
    if (event.type === 'call') {
      this.#add(callSpan(trace, event, now));
    } else if (event.type === 'attempt') {
      const span = trace.ended(event.attempt);
      if (span !== undefined) this.#add(attemptSpan(trace, span, event, now));
    } else {
      const note = noteOf(event);
      if (note !== undefined) trace.note(note.name, note.attributes);
    }
  }

  /** Spans by what became of them; undefined where none are sent. */
  get counts(): Readonly<SpanCounts> | undefined {
    return this.#exporter?.counts;
  }

  /** Sends what there is; ends at most after so long, in milliseconds. */
  async flush(withinMs: number): Promise<void> {
    await this.#exporter?.flush(withinMs);
  }

  /** As `flush`; no span will come after it, and the connection to the collector is closed. */
  async end(withinMs: number): Promise<void> {
    await this.flush(withinMs);
    this.#close();
  }

  #add(span: Span): void {
    this.#exporter?.add(spanJson(span));
  }
}

function traceOf(event: PolicyEvent | CallEvent): CallTrace | undefined {
  if ('attempt' in event) return event.attempt.call.trace;
  return 'call' in event ? event.call.trace : undefined;
}
