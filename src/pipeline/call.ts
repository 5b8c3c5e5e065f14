import { NONE_YET } from '../policies/call-context.js';
import type { Call, RequestBody } from '../policies/policy.js';
import type { CallTrace } from '../policies/trace.js';
import { parseTraceparent } from './trace-context.js';

/** What the edge knows of a call when it begins. */
export interface CallStart {
  readonly route: string;
  readonly upstream: string;
  readonly method: string;
  /** The authority that the app asked for. */
  readonly host: string;
  /** Without its query. */
  readonly path: string;
  /** Monotonic milliseconds. */
  readonly startedAt: number;
  readonly trace: CallTrace | undefined;
  readonly body: RequestBody;
  readonly forwarded: readonly string[];
  /** A header that the app sent; the name in lower case. */
  readonly header: (name: string) => string | undefined;
}

/** The context of one call. Calls without an edge are made from undici's options by policies/call-context.ts. */
export function createCall(start: CallStart): Call {
  return new EdgeCall(start);
}

class EdgeCall implements Call {
  readonly route: string;
  readonly upstream: string;
  readonly method: string;
  readonly host: string;
  readonly path: string;
  readonly startedAt: number;
  readonly trace: CallTrace | undefined;
  readonly body: RequestBody;
  readonly forwarded: readonly string[];
  tried: Call['tried'] = NONE_YET;
  suppressed: Call['suppressed'] = NONE_YET;
  deadlineAt = Infinity;
  attempts = 0;
  sent = false;
  retries = 0;
  fallback: Call['fallback'] = undefined;
  readonly #header: (name: string) => string | undefined;

  constructor(start: CallStart) {
    this.route = start.route;
    this.upstream = start.upstream;
    this.method = start.method;
    this.host = start.host;
    this.path = start.path;
    this.startedAt = start.startedAt;
    this.trace = start.trace;
    this.body = start.body;
    this.forwarded = start.forwarded;
    this.#header = start.header;
  }

  /** Looked for only when somebody asks: few calls have anything written about them. */
  get traceId(): string | undefined {
    return this.trace?.traceId ?? parseTraceparent(this.#header('traceparent'))?.traceId;
  }

  get root(): Call {
    return this;
  }

  header(name: string): string | undefined {
    return this.#header(name);
  }
}
