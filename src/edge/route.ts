import type { Dispatch } from '../policies/policy.js';
import type { RouteMatch } from '../routing/match.js';

/** Changes to a message's headers. Names are compared without case. */
export interface HeaderEdits {
  /** Values by name; what was there is replaced. */
  readonly set: Readonly<Record<string, string>>;
  readonly remove: readonly string[];
}

/** How a path is changed on its way; the query stays as it is. */
export interface Rewrite {
  /** Taken off the front of the path, at a segment's border. */
  readonly stripPrefix?: string;
  /** Then put in front of it. */
  readonly addPrefix?: string;
}

/** A route as the edge needs it: which calls take it, what is changed on them, and where they go. */
export interface EdgeRoute {
  readonly name: string;
  readonly match: RouteMatch;
  readonly upstream: string;
  readonly rewrite: Rewrite;
  readonly requestHeaders: HeaderEdits;
  readonly responseHeaders: HeaderEdits;
  /** Whether the app's Host header goes on. */
  readonly preserveHost: boolean;
  /** Longest pause in a streamed body, either way. */
  readonly idleTimeoutMs: number;
  /** Bytes of a request body that are kept for retries; 0 when the route never makes any. */
  readonly maxBodySize: number;
  /** The pipeline. */
  readonly dispatch: Dispatch;
}
