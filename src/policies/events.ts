import type { OutriggerError } from '../errors.js';
import type { Attempt, Call } from './policy.js';

/** How an attempt or a call ended: `success`, a failure's class, or the status where that is the class. */
export type ResultClass =
  | 'success'
  | 'connect-failure'
  | 'reset'
  | 'timeout'
  | 'bad-response'
  | 'deadline'
  | 'client-gone'
  | 'cancelled'
  | 'circuit-open'
  | 'overload'
  | 'rate-limited'
  | 'internal'
  | '429'
  | '500'
  | '502'
  | '503'
  | '504'
  | '5xx';

/** Why an attempt is made again. */
export type RetryReason = ResultClass | 'retriable-header';

/** Why a retry that was wanted was not made. */
export const SUPPRESSED_REASONS = [
  'method',
  'body-too-large',
  'replay-memory',
  'attempts',
  'budget',
  'deadline',
  'circuit-open',
  'overload',
  'rate-limited',
  'committed',
  'client-gone',
  'retry-after',
  'already-a-retry',
  'switched-off',
  'shadow',
] as const;
export type SuppressedReason = (typeof SUPPRESSED_REASONS)[number];

export type CircuitStateName = 'closed' | 'open' | 'half-open' | 'ramping' | 'forced-open' | 'forced-closed';

export type TimeoutKind = 'connect' | 'attempt' | 'deadline' | 'idle';

export type FallbackKind = 'stale' | 'upstream' | 'response';

export type HedgeResult = 'won' | 'lost' | 'failed';

export type FaultKind = 'delay' | 'status' | 'abort';

/** Which of the process's own bounds something was refused at. */
export type ShedReason = 'connections' | 'descriptors' | 'event-loop';

export type ShadowAction = 'would-retry' | 'would-open' | 'would-refuse';

/** What policies say they did. They emit; metrics, logs and traces listen. Nothing is decided by a listener. */
export type PolicyEvent =
  /** An attempt ended; `durationMs` runs from its dispatch to its response's head, or to its failure before that. */
  | {
      readonly type: 'attempt';
      readonly attempt: Attempt;
      readonly result: ResultClass;
      readonly status: number | undefined;
      readonly error: OutriggerError | undefined;
      readonly durationMs: number;
    }
  /** A retry was decided on; the back-off starts now. It is made only if nothing refuses it then: see the attempt. */
  | {
      readonly type: 'retry';
      readonly attempt: Attempt;
      readonly maxAttempts: number;
      readonly reason: RetryReason;
      readonly status: number | undefined;
      readonly error: OutriggerError | undefined;
      readonly delayMs: number;
    }
  /** A call that had been retried ended well. */
  | { readonly type: 'retry-success'; readonly call: Call }
  | { readonly type: 'retry-suppressed'; readonly call: Call; readonly reason: SuppressedReason }
  | { readonly type: 'timeout'; readonly call: Call; readonly kind: TimeoutKind }
  | {
      readonly type: 'circuit';
      readonly upstream: string;
      readonly key: string;
      readonly from: CircuitStateName;
      readonly to: CircuitStateName;
      readonly reason: string;
      /** How long it stays as it is now, at most. */
      readonly forMs: number | undefined;
    }
  | { readonly type: 'circuit-refusal'; readonly call: Call }
  | {
      readonly type: 'fallback';
      readonly call: Call;
      readonly kind: FallbackKind;
      readonly cause: ResultClass;
      readonly result: 'success' | 'failure';
    }
  /** A hedge ended: its answer was used, the first attempt's was, or it failed. */
  | { readonly type: 'hedge'; readonly call: Call; readonly result: HedgeResult }
  /** A rate limit refused a call, or an attempt where the upstream has one. */
  | { readonly type: 'rate-limited'; readonly call: Call }
  | { readonly type: 'fault'; readonly call: Call; readonly kind: FaultKind }
  /** An endpoint's active health check changed its mind. */
  | {
      readonly type: 'health';
      readonly upstream: string;
      readonly endpoint: string;
      readonly healthy: boolean;
      readonly reason: string;
    }
  /**
   * The addresses behind a name changed, or could not be looked up and those in force stay; both are told when they begin,
   * and `recovered` when lookups work again.
   */
  | {
      readonly type: 'discovery';
      readonly upstream: string;
      readonly hostname: string;
      readonly result: 'changed' | 'failed' | 'recovered';
      /** In force from now on; the name itself where the operating system chooses. */
      readonly addresses: readonly string[];
      readonly reason?: string;
    }
  /** A call or a connection of an app, or a connection to an upstream, was refused to keep the process within its bounds. */
  | { readonly type: 'shed'; readonly reason: ShedReason }
  /** The event loop stands behind, and new calls are refused from now on; or no more. */
  | { readonly type: 'shedding'; readonly active: boolean }
  | {
      readonly type: 'shadow';
      readonly route: string;
      readonly upstream: string;
      readonly policy: 'retry' | 'circuitBreaker' | 'concurrency' | 'rateLimit';
      readonly action: ShadowAction;
    };

/** The event of a type. */
export type EventOf<Type extends PolicyEvent['type']> = Extract<PolicyEvent, { type: Type }>;

/** How a call ended, for the app. */
export type CallOutcome = 'success' | 'failure' | 'fallback' | 'refused' | 'client-gone';

/** What the edge says when a call has ended. */
export interface CallEvent {
  readonly type: 'call';
  readonly call: Call;
  /** What the app was sent; 0 if nothing. */
  readonly status: number;
  readonly outcome: CallOutcome;
  readonly error: OutriggerError | undefined;
  readonly durationMs: number;
}
