import { Latencies } from './latencies.js';

/** How many circuits of the fleet are in each state; the others are closed. */
export interface CircuitCensus {
  open: number;
  'half-open': number;
  ramping: number;
}

/** What a second of virtual time brought. Calls count in the second in which they began, whenever they ended. */
export class Second {
  calls = 0;
  /** Answered below 500 and not refused by the sidecar, fallbacks included. */
  successes = 0;
  /** Of them those that no fallback answered. */
  withoutFallback = 0;
  /** Attempts at the upstream for the calls of this second. */
  attempts = 0;
  /** Attempts that came in at the upstream in this second. */
  load = 0;
  /** The most of them that came in within a tenth of the second, as a load: attempts a second. */
  burst = 0;
  /** Calls that were answered well in this second, whenever they began. */
  goodput = 0;
  /** How long the calls took that have ended, well or not. */
  readonly latencies = new Latencies();
  /** On average over the second. */
  readonly circuits: CircuitCensus = { open: 0, 'half-open': 0, ramping: 0 };
}
