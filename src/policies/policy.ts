import type { Dispatcher } from 'undici';
import type { Clock, Timer } from '../runtime/clock.js';
import type { Random } from '../runtime/random.js';
import type { PolicyEvent, RetryReason, SuppressedReason } from './events.js';
import type { CallTrace } from './trace.js';

export type { Clock, Timer, Random };

/** What every policy is given: time, chance, and a place to say what it did. */
export interface PolicyDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly emit: (event: PolicyEvent) => void;
}

/** A policy is an undici interceptor: it takes a dispatch function and returns one that behaves better. */
export type Policy = Dispatcher.DispatcherComposeInterceptor;
export type Dispatch = Dispatcher.Dispatch;
export type Handler = Dispatcher.DispatchHandler;
export type Controller = Dispatcher.DispatchController;
export type ResponseHeaders = Parameters<NonNullable<Handler['onResponseStart']>>[2];

/** The request's body, as far as policies have to know it. Made at the edge. */
export interface RequestBody {
  /** `none`: no body; `kept`: wholly in memory; `streaming`: on its way, and gone once sent; `consumed`: sent, gone. */
  readonly state: 'none' | 'kept' | 'streaming' | 'consumed';
  /** Why a body is not kept. */
  readonly notKept: 'body-too-large' | 'replay-memory' | 'committed' | undefined;
  /** Whether the app has sent all of it. */
  readonly complete: boolean;
  /** Calls back once when the app has sent all of it; at once if it has. Returns a function that forgets the callback. */
  onComplete(callback: () => void): () => void;
  /** What an attempt hands to the pool, in one of the forms that undici takes. */
  forAttempt(): Dispatcher.DispatchOptions['body'];
  /** No attempt will follow: the memory can go. */
  release(): void;
}

/** One call of the app and what the layers must tell each other about it. Made at the edge, never global. */
export interface Call {
  readonly route: string;
  readonly upstream: string;
  readonly method: string;
  /** The authority that the app asked for, host[:port]; an absolute-form target's replaces the Host header. */
  readonly host: string;
  /** The path without its query: queries carry secrets and stay out of logs. */
  readonly path: string;
  /** Monotonic milliseconds. */
  readonly startedAt: number;
  /** The trace that it belongs to, as far as anybody has said: 32 digits in lower-case hex. */
  readonly traceId: string | undefined;
  /** Where calls are traced. */
  readonly trace: CallTrace | undefined;
  /** The call of the app: this one, but where a fallback asks another upstream in its name. */
  readonly root: Call;
  readonly body: RequestBody;
  /**
   * Headers for our own services and not for third parties (Via, X-Forwarded-*), as [name, value, …]: the app's own with
   * ours added. They stand beside `opts.headers` because only the upstream that is asked in the end decides on them.
   */
  readonly forwarded: readonly string[];
  /** A header that the app sent; the name in lower case. */
  header(name: string): string | undefined;
  /** When the whole call is over, in monotonic milliseconds; Infinity while no deadline runs. */
  deadlineAt: number;
  /** Attempts made so far, hedges included; local refusals are none. */
  attempts: number;
  /** Whether an upstream may have seen any of it: an attempt went beyond connecting. */
  sent: boolean;
  /** Retries made so far, hedges not included. */
  retries: number;
  /** Endpoints that attempts of this call went to, oldest first. Replaced, not added to: of most calls it holds one. */
  tried: readonly object[];
  /** Why retries that were wanted were not made. */
  suppressed: readonly SuppressedReason[];
  /** Which fallback step answered, if one did. */
  fallback: 'stale' | 'upstream' | 'response' | undefined;
}

/** One attempt of a call. */
export interface Attempt {
  readonly call: Call;
  /** From 1; the number of retries before it, plus one. */
  readonly number: number;
  readonly hedge: boolean;
  /** Why it is made again; undefined for the first of a call, and for hedges. */
  readonly retryReason: RetryReason | undefined;
  /** Where it goes; set by the endpoint choice. */
  endpoint: AttemptEndpoint | undefined;
  /** A circuit's leave for this attempt; set by whoever asked the circuit first. */
  permit: Permit | undefined;
  /**
   * Asked by the endpoint choice before the attempt goes to an endpoint that its call has tried: whether it may. Set by
   * retry where going to another one needs no place in the budget, but this does.
   */
  mayRepeat: (() => boolean) | undefined;
  /** What it waits for before it is sent on; whoever ends it cancels this. */
  waiting: Timer | undefined;
  /** How long it may take until its head, in milliseconds, when it was dispatched; set by the attempt timeout. */
  timeLeftMs: number;
}

/** What an attempt's layers know of the endpoint. `dispatcher` is its connection pool. */
export interface AttemptEndpoint {
  /** The origin, scheme://host:port, with #address where a name has several. */
  readonly label: string;
  readonly origin: string;
  readonly dispatcher: { dispatch: Dispatch };
  /** Whether it is one of our own services: only those get Via, X-Forwarded-*, x-retry-attempt, x-request-timeout-ms. */
  readonly internalHeaders: boolean;
}

/** A circuit's leave for one attempt. Its end is told once; `now` is in monotonic milliseconds. */
export interface Permit {
  /** Whether the circuit lets nobody else through until it knows how this attempt ends: it is half-open. */
  readonly awaited: boolean;
  success(now: number): void;
  /** Also after `success`: the body broke, so it was none. */
  failure(now: number, retryAfterMs?: number): void;
  /** Neither way: the client went, or it was refused further down. */
  ignore(now: number): void;
}

/** undici's dispatch options with the call and the attempt beside them. */
export interface CallOptions extends Dispatcher.DispatchOptions {
  call?: Call;
  attempt?: Attempt;
}
