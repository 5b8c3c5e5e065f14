import type { FallbackKind } from '../policies/events.js';

/** What is configured, as far as metrics have to know which series to show at 0 before anything has happened. */
export interface Topology {
  readonly routes: readonly RouteTopology[];
  readonly upstreams: readonly UpstreamTopology[];
}

/** A policy that is left out is not configured, and has no series. */
export interface RouteTopology {
  readonly name: string;
  readonly upstream: string;
  /** The route's `match.methods`, if it has any. */
  readonly methods?: readonly string[];
  /** `retry.on`. */
  readonly retry?: { readonly on: readonly string[]; readonly shadow?: boolean };
  /** The kinds of `fallback.steps`, `fallback.on`, and the other upstreams that are asked. */
  readonly fallback?: {
    readonly kinds: readonly FallbackKind[];
    readonly on: readonly string[];
    readonly upstreams?: readonly string[];
  };
  readonly hedge?: boolean;
  /** Also when the upstream has one, since attempts are then counted by route. */
  readonly rateLimit?: { readonly shadow?: boolean };
  readonly faults?: boolean;
}

export interface UpstreamTopology {
  readonly name: string;
  /** Labels of the endpoints known at the start; others come with traffic. */
  readonly endpoints: readonly string[];
  readonly circuitBreaker?: { readonly shadow?: boolean };
  readonly concurrency?: { readonly shadow?: boolean };
}
