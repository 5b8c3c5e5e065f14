import type { AttemptTimeoutOptions } from '../policies/attempt-timeout.js';
import type { DeadlineOptions } from '../policies/deadline.js';
import type { FallbackOptions } from '../policies/fallback.js';
import type { FaultInjectionOptions } from '../policies/fault-injection.js';
import type { HedgeOptions } from '../policies/hedge.js';
import type { RateLimitOptions } from '../policies/rate-limit.js';
import type { RetryOptions } from '../policies/retry.js';
import type { LoadBalancingOptions } from '../upstream/balancing.js';
import type { Address } from './addresses.js';
import type { SourceText } from './issues.js';
import type { MapNode } from './nodes.js';
import type { UpstreamOptions } from './schema.js';

/** What a connection to an upstream is secured with: the files' contents, PEM. */
export interface ResolvedTls {
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly serverName: string | undefined;
  readonly verify: boolean;
}

/** An upstream with everything merged and filled in. A policy that is off is false. */
export interface ResolvedUpstream {
  readonly name: string;
  /** Origins in normal form, scheme://host:port (a scheme's own port left out), in the file's order. */
  readonly endpoints: readonly string[];
  readonly loadBalancing: LoadBalancingOptions['loadBalancing'];
  readonly discovery: UpstreamOptions['discovery'];
  readonly connectTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  readonly internalHeaders: boolean;
  readonly tls: ResolvedTls;
  readonly circuitBreaker: UpstreamOptions['circuitBreaker'];
  readonly concurrency: UpstreamOptions['concurrency'];
  readonly retryBudget: UpstreamOptions['retryBudget'];
  readonly rateLimit: UpstreamOptions['rateLimit'];
  readonly healthCheck: UpstreamOptions['healthCheck'];
}

/** Which calls take a route; what is undefined matches any. */
export interface RouteMatch {
  /** Lower case; `*.suffix` or exact. */
  readonly host: string | undefined;
  /** Exact, or a prefix that ends in `/*`. */
  readonly path: string | undefined;
  readonly methods: readonly string[] | undefined;
  /** Values by name in lower case. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Header names are in lower case. */
export interface HeaderEdits {
  readonly set: Readonly<Record<string, string>>;
  readonly remove: readonly string[];
}

/** A route with everything merged and filled in. A policy that is off is false. */
export interface ResolvedRoute {
  readonly name: string;
  readonly match: RouteMatch;
  /** The upstream's name. */
  readonly upstream: string;
  readonly rewrite: { readonly stripPrefix: string | undefined; readonly addPrefix: string | undefined };
  readonly requestHeaders: HeaderEdits;
  readonly responseHeaders: HeaderEdits;
  readonly preserveHost: boolean;
  readonly idleTimeoutMs: number;
  readonly timeout: DeadlineOptions | false;
  readonly attemptTimeout: AttemptTimeoutOptions | false;
  readonly retry: RetryOptions | false;
  readonly hedge: HedgeOptions | false;
  readonly rateLimit: RateLimitOptions | false;
  readonly fallback: FallbackOptions | false;
  readonly faults: FaultInjectionOptions | false;
}

/** How calls are traced. */
export interface ResolvedTracing {
  /** The whole URL that spans are sent to; undefined: none are. */
  readonly otlp: string | undefined;
  /** From 0 to 1. */
  readonly sample: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly serviceName: string;
}

/** The policy file in force: validated, merged, with every default filled in. Immutable; a reload makes a new one. */
export interface Config {
  /** The file's path as it was given. */
  readonly file: string;
  readonly listen: readonly Address[];
  readonly admin: {
    readonly listen: Address;
    /** undefined: the API and the dashboard answer loopback only. */
    readonly token: string | undefined;
    readonly hosts: readonly string[];
  };
  readonly log: {
    readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';
    readonly access: 'all' | 'errors' | 'off';
    /** Header names in lower case. */
    readonly redact: readonly string[];
  };
  /** false: calls are not traced. */
  readonly tracing: ResolvedTracing | false;
  readonly drainTimeoutMs: number;
  readonly drainDelayMs: number;
  readonly reload: 'auto' | 'manual';
  readonly limits: {
    readonly maxHeaderSizeBytes: number;
    readonly headersTimeoutMs: number;
    readonly maxConnections: number;
    /** Infinity: off. */
    readonly maxEventLoopDelayMs: number;
    readonly replayMemoryBytes: number;
    readonly staleMemoryBytes: number;
  };
  readonly upstreams: ReadonlyMap<string, ResolvedUpstream>;
  /** In the file's order. */
  readonly routes: readonly ResolvedRoute[];
  /** The same as a tree in the file's shape that knows where each value comes from. */
  readonly effective: MapNode;
  readonly source: SourceText;
}
