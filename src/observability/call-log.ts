import type { CallEvent, EventOf, ResultClass } from '../policies/events.js';
import type { Call } from '../policies/policy.js';
import type { LineWriter } from './line-writer.js';

/** Which finished calls get a line: all, all but successes, or none. */
export type AccessLog = 'all' | 'errors' | 'off';

/** What the line of a call tells of an attempt. */
interface Try {
  readonly endpoint: string;
  readonly result: ResultClass;
  /** Until its head, or its failure before that. */
  readonly durationMs: number;
  /** It ran beside an earlier one: their durations overlap. */
  readonly hedge?: true;
}

/** Attempts that a line tells of. */
const MOST_TRIES = 20;

/** Writes a line for each call that has ended, as `log.access` says, with the attempts that were made for it. */
export class CallLog {
  readonly #lines: LineWriter;
  #access: AccessLog;
  /** By the call of the app. Calls may end before their last attempt, so that nothing tells when to forget. */
  readonly #tries = new WeakMap<Call, Try[]>();

  constructor(lines: LineWriter, access: AccessLog) {
    this.#lines = lines;
    this.#access = access;
  }

  /** Takes another `log.access`. */
  setAccess(access: AccessLog): void {
    this.#access = access;
  }

  /** Keeps what an attempt was like for the line of its call, where there will be one: a call that ends well may need none. */
  attempt(event: EventOf<'attempt'>): void {
    const { call, endpoint, hedge } = event.attempt;
    if (endpoint === undefined || this.#access === 'off') return;
    const { result } = event;
    let tries = this.#tries.get(call.root);
    if (tries === undefined) {
      // A call that a fallback upstream answers has a line also where nothing was sent to its own.
      const own = call.root === call;
      if (this.#access === 'errors' && own && result === 'success' && (event.status ?? 0) < 400) return;
      tries = [];
      this.#tries.set(call.root, tries);
    }
    if (tries.length >= MOST_TRIES) return;
    const durationMs = rounded(event.durationMs);
    tries.push({ endpoint: endpoint.label, result, durationMs, ...(hedge ? { hedge } : {}) });
  }

  /** Our own faults have a line whatever `log.access` says. */
  ended(event: CallEvent): void {
    const ours = event.error?.code === 'internal';
    if (!ours && (this.#access === 'off' || (this.#access === 'errors' && event.outcome === 'success'))) return;
    this.#write(event, ours);
  }

  #write({ call, status, outcome, error, durationMs }: CallEvent, ours: boolean): void {
    const level = ours ? 'error' : outcome === 'failure' || outcome === 'refused' ? 'warn' : 'info';
    const { route, upstream } = call;
    const kind = {
      route,
      upstream,
      status,
      outcome,
      error: error?.code,
      ...(ours && error !== undefined ? { bug: bugOf(error) } : {}),
    };
    this.#lines.write(
      level,
      'call',
      kind,
      () => ({
        method: call.method,
        path: call.path,
        attempts: call.attempts,
        durationMs: rounded(durationMs),
        tries: this.#tries.get(call.root),
        fallback: call.fallback ?? null,
        retriesSuppressed: call.suppressed,
        traceId: call.traceId ?? null,
        detail: error?.message,
        // Only our own faults come with a stack; the upstream's would flood the log.
        err: level === 'error' ? error : undefined,
      }),
      this.#access === 'all' ? Infinity : undefined,
    );
  }
}

/** Tenths of a millisecond. */
function rounded(ms: number): number {
  return Math.round(ms * 10) / 10;
}

/** What tells one of our own faults from another. */
function bugOf({ message, cause }: Error): string {
  return cause instanceof Error ? cause.message : message;
}
