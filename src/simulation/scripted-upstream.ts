import type { CallOptions, Controller, Dispatch, Handler, ResponseHeaders } from '../policies/policy.js';
import type { Clock, Timer } from '../runtime/clock.js';

/** What a scripted upstream does with one attempt: a status, or how it fails. */
export type Answer =
  | number
  | 'reset'
  | 'refuse'
  | 'hang'
  /** Never connects: the attempt waits for a connection. */
  | 'no-connection'
  | {
      readonly status: number;
      /** Milliseconds until the head. */
      readonly after?: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
      /** Milliseconds between head and body. */
      readonly bodyAfter?: number;
      /** The connection breaks after the body's text, instead of ending. */
      readonly breaks?: boolean;
    };

/** An attempt that reached the upstream. */
export interface SeenAttempt {
  readonly at: number;
  readonly opts: CallOptions;
  /** Why it was cut off, if it was. */
  aborted: Error | undefined;
}

/**
 * An upstream that is nothing but a dispatch function on a clock, and calls handlers back as connections do: no controller
 * before there is a connection, the error of an abort at once, data held back while paused.
 *
 * @param answer what it does with an attempt
 * @param onSeen told of each attempt that reached it
 */
export function scriptedDispatch(
  clock: Clock,
  answer: (opts: CallOptions) => Answer,
  onSeen?: (attempt: SeenAttempt) => void,
): Dispatch {
  return (opts: CallOptions, handler) => {
    const seen: SeenAttempt = { at: clock.now(), opts, aborted: undefined };
    const given = answer(opts);
    if (given === 'refuse' || given === 'no-connection') {
      onSeen?.(seen);
      if (given === 'refuse') clock.setTimer(0, () => refuseConnection(handler));
      return true;
    }
    new ScriptedAttempt(clock, given, handler, seen, () => onSeen?.(seen)).start();
    return true;
  };
}

function refuseConnection(handler: Handler): void {
  const error = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:1'), { code: 'ECONNREFUSED' });
  handler.onResponseError?.(undefined as never, error);
}

class ScriptedAttempt implements Controller {
  readonly #clock: Clock;
  readonly #answer: Exclude<Answer, 'refuse' | 'no-connection'>;
  readonly #handler: Handler;
  readonly #seen: SeenAttempt;
  readonly #record: () => void;
  #timer: Timer | undefined;
  #held: (() => void) | undefined;
  #over = false;
  paused = false;
  reason: Error | null = null;
  rawHeaders: Buffer[] | null = null;
  rawTrailers = null;

  constructor(
    clock: Clock,
    answer: Exclude<Answer, 'refuse' | 'no-connection'>,
    handler: Handler,
    seen: SeenAttempt,
    record: () => void,
  ) {
    this.#clock = clock;
    this.#answer = answer;
    this.#handler = handler;
    this.#seen = seen;
    this.#record = record;
  }

  start(): void {
    try {
      this.#handler.onRequestStart?.(this, null);
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    this.#record();
    if (this.#over || this.#answer === 'hang') return;
    const answer = typeof this.#answer === 'number' ? { status: this.#answer } : this.#answer;
    if (answer === 'reset') {
      this.#later(0, () => this.#fail(Object.assign(new Error('other side closed'), { code: 'UND_ERR_SOCKET' })));
      return;
    }
    this.#later(answer.after ?? 0, () => {
      this.rawHeaders = Object.entries(answer.headers ?? {})
        .flat()
        .map((text) => Buffer.from(text));
      this.#handler.onResponseStart?.(this, answer.status, lowerCased(answer.headers ?? {}), '');
      if (!this.#over) this.#later(answer.bodyAfter ?? 0, () => this.#body(answer));
    });
  }

  get aborted(): boolean {
    return this.reason !== null;
  }

  abort(reason: Error): void {
    if (this.#over) return;
    this.reason = reason;
    this.#seen.aborted = reason;
    this.#fail(reason);
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
    const held = this.#held;
    this.#held = undefined;
    if (!this.#over) held?.();
  }

  #body(answer: Exclude<Answer, string | number>): void {
    this.#unlessPaused(() => {
      if (answer.body !== undefined && answer.body !== '')
        this.#handler.onResponseData?.(this, Buffer.from(answer.body));
      this.#unlessPaused(() => {
        if (this.#over) return;
        if (answer.breaks === true) {
          this.#fail(Object.assign(new Error('other side closed'), { code: 'UND_ERR_SOCKET' }));
          return;
        }
        this.#over = true;
        this.#handler.onResponseEnd?.(this, {});
      });
    });
  }

  #unlessPaused(then: () => void): void {
    if (this.#over) return;
    if (this.paused) this.#held = then;
    else then();
  }

  #later(ms: number, then: () => void): void {
    this.#timer = this.#clock.setTimer(ms, () => {
      if (!this.#over) then();
    });
  }

  #fail(error: Error): void {
    if (this.#over) return;
    this.#over = true;
    this.#timer?.cancel();
    this.#handler.onResponseError?.(this, error);
  }
}

function lowerCased(headers: Readonly<Record<string, string>>): ResponseHeaders {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}
