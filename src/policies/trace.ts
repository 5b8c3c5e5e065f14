import type { Attempt } from './policy.js';

/** What a valid traceparent says. */
export interface TraceContext {
  /** 32 digits in lower-case hex, not all 0. */
  readonly traceId: string;
  /** The span that the request was sent by: 16 digits, not all 0. */
  readonly parentId: string;
  readonly sampled: boolean;
  /** The trace's id is random (level 2), so that those who see it can draw by it. */
  readonly random: boolean;
}

/** The trace that a call belongs to, where calls are traced. Whoever sends an attempt asks it what the attempt has to bear. */
export interface CallTrace {
  /** 32 digits in lower-case hex. */
  readonly traceId: string;
  /** Whether the trace is kept by who records its spans. */
  readonly sampled: boolean;
  /**
   * An attempt is sent now.
   *
   * @param path as it is sent, with its query
   * @returns the headers by which the upstream knows the attempt's own span, as [name, value, …]
   */
  attemptHeaders(attempt: Attempt, path: string): readonly string[];
}

/** What is known of a call when its trace is continued or begun. */
export interface TraceStart {
  /** The span that the app sent the call from, if it said so in a valid traceparent. */
  readonly parent: TraceContext | undefined;
  /** The tracestate that goes on. */
  readonly state: string | undefined;
  /** Whether the route lets a traceparent of ours go on. */
  readonly propagated: boolean;
  readonly method: string;
  /** The authority that the app asked for, host[:port]. */
  readonly host: string;
  /** The path without its query. */
  readonly path: string;
  /** The path that the route matches, if it asks for one. */
  readonly pathPattern: string | undefined;
  readonly httpVersion: string;
  /** The app's address; undefined on a Unix socket. */
  readonly client: string | undefined;
  /** Monotonic milliseconds. */
  readonly startedAt: number;
}

export type BeginTrace = (start: TraceStart) => CallTrace;
