import type { Clock, Timer } from '../../runtime/clock.js';
import type { Random } from '../../runtime/random.js';
import type { Envelope } from './otlp.js';

/** What became of a request to the collector. */
export type Delivery =
  /** `rejected`: spans of it that the collector did not want after all. */
  | { readonly result: 'taken'; readonly rejected: number; readonly reason?: string | undefined }
  /** It can be sent again. `afterMs`: what the collector asks for. */
  | { readonly result: 'later'; readonly reason: string; readonly afterMs: number | undefined }
  /** Nothing will change if it is sent again. */
  | { readonly result: 'refused'; readonly reason: string };

/** Sends a request's body; calls back exactly once. */
export type Deliver = (body: string, done: (delivery: Delivery) => void) => void;

/** Spans by what became of them. */
export interface SpanCounts {
  exported: number;
  /** There was no place for them: the collector was slower than the calls. */
  'queue-full': number;
  /** The collector did not want them. */
  rejected: number;
  /** It did not take them however often it was asked. */
  failed: number;
}

export interface ExporterOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly envelope: Envelope;
  readonly deliver: Deliver;
  /** Is told when spans begin to be lost, with why; and, without, when they are taken again. */
  readonly onTrouble: (reason: string | undefined) => void;
}

/** Spans that wait at most; OpenTelemetry's own default. */
export const MOST_WAITING = 2_048;
/** Spans in one request. */
export const BATCH = 256;
/** How long a span waits for others, in milliseconds. */
export const DELAY_MS = 5_000;
/** How often a request is sent. */
const MOST_TRIES = 5;
const FIRST_BACKOFF_MS = 1_000;
const MAX_BACKOFF_MS = 30_000;

/**
 * Gathers spans and sends them a few hundred at a time, one request at once. It never holds a call up: what does not fit is
 * dropped, and counted. A request that failed is sent again with a back-off (OTLP/HTTP, "Retryable Response Codes").
 */
export class SpanExporter {
  readonly counts: SpanCounts = { exported: 0, 'queue-full': 0, rejected: 0, failed: 0 };
  readonly #options: ExporterOptions;
  /** Spans in JSON. */
  #waiting: string[] = [];
  /** What is being sent, or waits to be sent again. */
  #batch: readonly string[] = [];
  #tries = 0;
  #sending = false;
  #timer: Timer | undefined;
  #troubled = false;
  #whenFlushed: (() => void) | undefined;

  constructor(options: ExporterOptions) {
    this.#options = options;
  }

  add(span: string): void {
    if (this.#waiting.length >= MOST_WAITING) {
      this.counts['queue-full']++;
      return;
    }
    this.#waiting.push(span);
    if (this.#batch.length > 0) return;
    if (this.#waiting.length >= BATCH) this.#next();
    else this.#timer ??= this.#options.clock.setTimer(DELAY_MS, this.#next, true);
  }

  /** Sends what there is, without the usual waits; ends when all is sent or lost, at most after so long, in milliseconds. */
  flush(withinMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#options.clock.setTimer(withinMs, () => this.#giveUp());
      this.#whenFlushed = () => {
        this.#whenFlushed = undefined;
        timer.cancel();
        resolve();
      };
      if (!this.#sending) this.#next();
    });
  }

  readonly #next = (): void => {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#batch.length === 0) {
      this.#batch = this.#waiting.splice(0, BATCH);
      this.#tries = 0;
    }
    if (this.#batch.length === 0) {
      this.#whenFlushed?.();
      return;
    }
    const { envelope, deliver } = this.#options;
    this.#sending = true;
    this.#tries++;
    deliver(`${envelope.before}${this.#batch.join(',')}${envelope.after}`, (delivery) => {
      this.#sending = false;
      this.#delivered(delivery);
    });
  };

  #delivered(delivery: Delivery): void {
    const spans = this.#batch.length;
    // Given up meanwhile.
    if (spans === 0) return;
    if (delivery.result === 'later' && this.#tries < MOST_TRIES && this.#whenFlushed === undefined) {
      this.#trouble(delivery.reason);
      this.#timer = this.#options.clock.setTimer(this.#backoffMs(delivery.afterMs), this.#next, true);
      return;
    }
    this.#batch = [];
    if (delivery.result === 'taken') {
      const rejected = Math.min(delivery.rejected, spans);
      this.counts.exported += spans - rejected;
      this.counts.rejected += rejected;
      this.#trouble(rejected > 0 ? (delivery.reason ?? 'spans were rejected') : undefined);
    } else {
      this.counts[delivery.result === 'later' ? 'failed' : 'rejected'] += spans;
      this.#trouble(delivery.reason);
    }
    if (this.#whenFlushed !== undefined || this.#waiting.length >= BATCH) this.#next();
    else if (this.#waiting.length > 0) this.#timer = this.#options.clock.setTimer(DELAY_MS, this.#next, true);
  }

  /** A fleet must not come back together. */
  #backoffMs(askedMs = 0): number {
    const backoff = Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** (this.#tries - 1));
    return Math.max(Math.min(askedMs, MAX_BACKOFF_MS), backoff / 2 + (backoff / 2) * this.#options.random());
  }

  #trouble(reason: string | undefined): void {
    const troubled = reason !== undefined;
    if (troubled === this.#troubled) return;
    this.#troubled = troubled;
    this.#options.onTrouble(reason);
  }

  /** The process ends, and nobody has taken them. */
  #giveUp(): void {
    this.counts.failed += this.#batch.length + this.#waiting.length;
    this.#batch = [];
    this.#waiting = [];
    this.#whenFlushed?.();
  }
}
