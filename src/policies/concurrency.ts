import { Type, type Static } from '@sinclair/typebox';
import { OutriggerError } from '../errors.js';
import { withAttempt } from './call-context.js';
import { contain } from './containment.js';
import { isInterim, refuse, UntilOver } from './pass-through.js';
import type {
  Attempt,
  CallOptions,
  Clock,
  Controller,
  Dispatch,
  Handler,
  Policy,
  PolicyDeps,
  ResponseHeaders,
  Timer,
} from './policy.js';
import { classifyFailure, errorClass, statusClass } from './rules/classify.js';
import { Gradient2 } from './rules/gradient2.js';
import { KeyedStates } from './rules/keyed-states.js';
import { compileKey, type KeyTemplate } from './rules/keys.js';
import { fixedLimit, Limiter, type LimitRule, type Waiter } from './rules/limiter.js';
import { duration, integer, keyTemplate, mode } from './rules/option-types.js';
import { parseDuration } from './rules/units.js';

/** Bounds the attempts in flight, so that a slow upstream can not take all of the sidecar's and its own resources. Inside retry and outside the endpoint choice: a place is taken before an endpoint is chosen. */
export const ConcurrencyOptions = Type.Object(
  {
    limit: Type.Union([Type.Integer({ minimum: 1 }), Type.Literal('adaptive')], {
      description: 'Attempts in flight at most: a number, or `adaptive` to find it by the latency seen.',
      default: 1024,
      allowed: ['a whole number from 1', 'adaptive'],
    }),
    key: keyTemplate('{upstream}', 'What has places of its own, so that one tenant can not take all.'),
    queue: integer(0, 'How many may wait for a place, first in, first out.', { minimum: 0 }),
    queueTimeout: duration('100ms', 'How long one may wait for a place.'),
    mode: mode(),
  },
  { additionalProperties: false, description: 'Bounds the attempts in flight.' },
);
export type ConcurrencyOptions = Static<typeof ConcurrencyOptions>;

/** Keys of a limiter come from requests; an idle one holds nothing worth keeping. */
const MAX_KEYS = 1000;

/** How full an upstream is, summed over its keys. */
export interface ConcurrencyView {
  readonly upstream: string;
  readonly limit: number;
  readonly inFlight: number;
  readonly queued: number;
}

/** The limiters of one upstream, by key. */
export class Limiters {
  readonly upstream: string;
  readonly #template: KeyTemplate;
  readonly #limiters: KeyedStates<Limiter>;

  constructor(options: ConcurrencyOptions, upstream: string) {
    this.upstream = upstream;
    this.#template = compileKey(options.key);
    this.#limiters = new KeyedStates(
      MAX_KEYS,
      () => new Limiter(limitRule(options), options.queue),
      (limiter) => limiter.inFlight === 0 && limiter.queued === 0,
    );
    if (!this.#template.perRequest && options.key === '{upstream}') this.#limiters.get(upstream);
  }

  for(attempt: Attempt): Limiter {
    const { call } = attempt;
    const { upstream } = this;
    return this.#limiters.get(
      this.#template.of({ endpoint: '-', upstream, route: call.route, header: (name) => call.header(name) }),
    );
  }

  view(): ConcurrencyView {
    const view = { upstream: this.upstream, limit: 0, inFlight: 0, queued: 0 };
    for (const [, limiter] of this.#limiters.entries()) {
      view.limit += limiter.limit;
      view.inFlight += limiter.inFlight;
      view.queued += limiter.queued;
    }
    return view;
  }
}

function limitRule(options: ConcurrencyOptions): LimitRule {
  return options.limit === 'adaptive' ? new Gradient2() : fixedLimit(options.limit);
}

export function concurrency(
  options: ConcurrencyOptions,
  deps: PolicyDeps,
  limiters = new Limiters(options, '-'),
): Policy {
  const queueMs = parseDuration(options.queueTimeout);
  const shadow = options.mode === 'shadow';
  const { clock, emit } = deps;
  return (dispatch) => (given: CallOptions, handler) => {
    const opts = withAttempt(given, clock);
    const { attempt } = opts;
    const limiter = limiters.for(attempt);
    if (limiter.tryTake()) return dispatch(opts, new PlaceHandler(handler, limiter, clock));
    if (shadow) {
      const { route } = attempt.call;
      const { upstream } = limiters;
      // Those who would only have waited are not counted: whether in vain can't be known.
      if (limiter.isFull) emit({ type: 'shadow', route, upstream, policy: 'concurrency', action: 'would-refuse' });
      limiter.takeAnyway();
      return dispatch(opts, new PlaceHandler(handler, limiter, clock));
    }
    const waiting = new WaitingAttempt(dispatch, opts, handler, limiter, clock);
    // A hedge does not wait: what is not needed must not stand before what is.
    if (attempt.hedge || !limiter.enqueue(waiting)) return refuse(handler, overloadError());
    waiting.start(queueMs);
    return true;
  };
}

function overloadError(): OutriggerError {
  return new OutriggerError('overload', 'too many attempts are in flight', { retryAfterMs: 1_000 });
}

/** An attempt in the queue. Until it is admitted, it is its own controller: aborted, it leaves the queue. */
class WaitingAttempt implements Waiter, Controller {
  readonly #dispatch: Dispatch;
  readonly #opts: CallOptions;
  readonly #handler: Handler;
  readonly #limiter: Limiter;
  readonly #clock: Clock;
  #timer: Timer | undefined;
  #reason: Error | null = null;
  #admitted = false;
  readonly paused = false;
  readonly rawHeaders = null;
  readonly rawTrailers = null;

  constructor(dispatch: Dispatch, opts: CallOptions, handler: Handler, limiter: Limiter, clock: Clock) {
    this.#dispatch = dispatch;
    this.#opts = opts;
    this.#handler = handler;
    this.#limiter = limiter;
    this.#clock = clock;
  }

  start(queueMs: number): void {
    this.#timer = this.#clock.setTimer(queueMs, () => contain(this.#handler, () => this.abort(overloadError())));
    try {
      this.#handler.onRequestStart?.(this, null);
    } catch (cause) {
      // Nobody is left who could take an answer.
      this.#leave();
      throw cause;
    }
  }

  admitted(): void {
    this.#admitted = true;
    this.#timer?.cancel();
    this.#dispatch(this.#opts, new PlaceHandler(this.#handler, this.#limiter, this.#clock));
  }

  get aborted(): boolean {
    return this.#reason !== null;
  }

  get reason(): Error | null {
    return this.#reason;
  }

  abort(reason: Error): void {
    if (this.aborted || this.#admitted) return;
    this.#reason = reason;
    this.#leave();
    this.#handler.onResponseError?.(this, reason);
  }

  #leave(): void {
    this.#timer?.cancel();
    this.#limiter.leave(this);
  }

  pause(): void {
    // Nothing flows yet.
  }

  resume(): void {
    // Nothing flows yet.
  }
}

/** Holds a place until the answer's body has ended, and tells an adaptive limit what was seen. */
class PlaceHandler extends UntilOver {
  readonly #limiter: Limiter;
  readonly #clock: Clock;
  readonly #startedAt: number;
  readonly #inFlight: number;

  constructor(next: Handler, limiter: Limiter, clock: Clock) {
    super(next);
    this.#limiter = limiter;
    this.#clock = clock;
    this.#startedAt = clock.now();
    this.#inFlight = limiter.inFlight;
  }

  override onResponseStart(controller: Controller, status: number, headers: ResponseHeaders, text?: string): void {
    if (!isInterim(status)) {
      const result = statusClass(status);
      this.#sample(result === '429' || result === '503');
    }
    super.onResponseStart(controller, status, headers, text);
  }

  override onResponseError(controller: Controller, error: Error): void {
    if (errorClass(classifyFailure(error, 'sent')) === 'timeout') this.#sample(true);
    super.onResponseError(controller, error);
  }

  protected override over(): void {
    this.#limiter.release();
  }

  #sample(dropped: boolean): void {
    const now = this.#clock.now();
    this.#limiter.sample(now, now - this.#startedAt, this.#inFlight, dropped);
  }
}
