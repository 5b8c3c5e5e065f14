import type { Attempt } from '../../policies/policy.js';
import type { CallTrace, TraceStart } from '../../policies/trace.js';
import type { Clock } from '../../runtime/clock.js';
import type { Random } from '../../runtime/random.js';
import { newSpanId } from './ids.js';

const NOTHING: readonly string[] = [];

/** What every trace does, kept or not: each attempt is asked by a span of its own. */
abstract class PropagatedTrace implements CallTrace {
  abstract readonly sampled: boolean;
  readonly traceId: string;
  readonly start: TraceStart;

  constructor(traceId: string, start: TraceStart) {
    this.traceId = traceId;
    this.start = start;
  }

  abstract attemptHeaders(attempt: Attempt, path: string): readonly string[];

  /** Ids that begin here are random (level 2). */
  get #flags(): string {
    const random = this.start.parent?.random ?? true;
    return `0${(this.sampled ? 1 : 0) + (random ? 2 : 0)}`;
  }

  /** A third party is not told of a trace that the app did not tell it of. */
  protected headersOf({ endpoint }: Attempt, spanId: string): readonly string[] {
    const { propagated, parent, state } = this.start;
    if (!propagated || (parent === undefined && endpoint?.internalHeaders !== true)) return NOTHING;
    const traceparent = `00-${this.traceId}-${spanId}-${this.#flags}`;
    return state === undefined ? ['traceparent', traceparent] : ['traceparent', traceparent, 'tracestate', state];
  }
}

/** The trace of a call of which nothing is kept here: it is not sampled, or there is no collector. */
export class UnrecordedTrace extends PropagatedTrace {
  readonly sampled: boolean;
  readonly #random: Random;

  constructor(traceId: string, start: TraceStart, sampled: boolean, random: Random) {
    super(traceId, start);
    this.sampled = sampled;
    this.#random = random;
  }

  attemptHeaders(attempt: Attempt): readonly string[] {
    return this.headersOf(attempt, newSpanId(this.#random));
  }
}

/** The span of an attempt that was sent. */
export interface AttemptSpan {
  readonly attempt: Attempt;
  readonly spanId: string;
  /** Monotonic milliseconds. */
  readonly startedAt: number;
  /** As it was sent, with its query. */
  readonly path: string;
  /** Attempts of the same call before it. */
  readonly before: number;
}

/** Something that happened in the time of a span. */
export interface SpanNote {
  readonly name: string;
  /** Monotonic milliseconds. */
  readonly at: number;
  readonly attributes: Readonly<Record<string, string | number | boolean | undefined>>;
}

/** Notes kept of one call; beyond, they are only counted. */
const MOST_NOTES = 64;

/** Most calls share them: nothing else happens to them, and one attempt at a time runs. */
const NO_NOTES: readonly SpanNote[] = [];
const NO_SPANS: readonly AttemptSpan[] = [];

/** The trace of a call that is sampled, and what is known of its spans until they end. */
export class RecordedTrace extends PropagatedTrace {
  readonly sampled = true;
  /** The call's own span. */
  readonly spanId: string;
  notes: readonly SpanNote[] = NO_NOTES;
  notesLeftOut = 0;
  readonly #random: Random;
  readonly #clock: Clock;
  /** Milliseconds since the Unix epoch at the clock's zero: one for all of the call's times, which then fit together. */
  readonly #epochMs: number;
  /** Of attempts that have not ended: one, or with hedges a few. */
  #running: readonly AttemptSpan[] = NO_SPANS;
  #sent = 0;

  constructor(traceId: string, start: TraceStart, random: Random, clock: Clock) {
    super(traceId, start);
    this.#random = random;
    this.#clock = clock;
    this.#epochMs = clock.wallNow() - clock.now();
    this.spanId = newSpanId(random);
  }

  attemptHeaders(attempt: Attempt, path: string): readonly string[] {
    const spanId = newSpanId(this.#random);
    const span = { attempt, spanId, startedAt: this.#clock.now(), path, before: this.#sent++ };
    this.#running = this.#running.length === 0 ? [span] : [...this.#running, span];
    return this.headersOf(attempt, spanId);
  }

  /** The span of an attempt, which is then forgotten; undefined for one that was never sent. */
  ended(attempt: Attempt): AttemptSpan | undefined {
    const span = this.#running.find((running) => running.attempt === attempt);
    if (span !== undefined) {
      this.#running = this.#running.length === 1 ? NO_SPANS : this.#running.filter((running) => running !== span);
    }
    return span;
  }

  note(name: string, attributes: SpanNote['attributes']): void {
    if (this.notes.length < MOST_NOTES) this.notes = [...this.notes, { name, at: this.#clock.now(), attributes }];
    else this.notesLeftOut++;
  }

  /** Nanoseconds since the Unix epoch, as OTLP writes them. */
  nanos(at: number): string {
    const micros = Math.round((this.#epochMs + at) * 1_000);
    const seconds = Math.floor(micros / 1e6);
    // In two parts that V8 takes for integers: as one it would be several times as long about the digits.
    return `${seconds}${String(micros - seconds * 1e6).padStart(6, '0')}000`;
  }
}
