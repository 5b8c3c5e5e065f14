import type { SuppressedReason } from '../policies/events.js';
import type { Call, RequestBody } from '../policies/policy.js';

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
  readonly traceId: string | undefined;
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
  readonly traceId: string | undefined;
  readonly body: RequestBody;
  readonly forwarded: readonly string[];
  readonly tried: object[] = [];
  readonly suppressed: SuppressedReason[] = [];
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
    this.traceId = start.traceId;
    this.body = start.body;
    this.forwarded = start.forwarded;
    this.#header = start.header;
  }

  header(name: string): string | undefined {
    return this.#header(name);
  }
}
