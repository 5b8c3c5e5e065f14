/** What the counting process and the one that makes the calls say to each other, and what comes of it. */

/** What is counted: never both at once, since hooks allocate and the profiler writes. */
export type Counting = 'allocations' | 'events';

export type Ask = { readonly start: Counting } | 'stop';

/** Whose code allocated: Outrigger's own, its packages', or Node's. */
export type Owner = 'own' | 'packages' | 'node';

/** Bytes that a function allocated, with what it had built-ins allocate. */
export interface Site {
  readonly owner: Owner;
  /** `function file:line`, as compiled. */
  readonly at: string;
  readonly bytes: number;
}

/** What happened between a start and a stop. `reads` and `writes` are system calls; 0 where there is no /proc. */
export interface Events {
  readonly promises: number;
  readonly timers: number;
  readonly immediates: number;
  readonly ticks: number;
  readonly reads: number;
  readonly writes: number;
}

export type Answer =
  | { readonly port: number }
  | { readonly started: true }
  | { readonly sites: readonly Site[] }
  | { readonly events: Events };

/** Bytes of an array of 32 on a 64-bit machine: what a wasteful proxy allocates more per call, at least. */
export const WASTED_BYTES = 32 * 8;
