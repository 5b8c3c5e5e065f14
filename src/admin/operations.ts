import type { ChangeName, ChangeResult, RefusedChange } from '../observability/operator-change.js';
import type {
  CircuitShape,
  HistoryShape,
  LogShape,
  ReloadShape,
  RetriesShape,
  RouteShape,
  UpstreamShape,
} from './shapes.js';

export interface CircuitForce {
  readonly state: 'forced-open' | 'forced-closed';
  /** Milliseconds; Infinity: until reset. */
  readonly ttlMs: number;
  /** Undefined: all of the upstream. */
  readonly key: string | undefined;
}

export interface RetriesSwitch {
  readonly enabled: boolean;
  /** Milliseconds; Infinity: until switched on. */
  readonly ttlMs: number;
  /** Undefined: all. */
  readonly route: string | undefined;
}

export interface LevelSetting {
  readonly level: LogShape['level'];
  /** Milliseconds; Infinity: until changed again. */
  readonly ttlMs: number;
}

/**
 * What the API shows and does. `by` is the peer's address. Throws a RefusedError for names and keys that do not exist,
 * and for what can not be done now.
 */
export interface Operations {
  routes(): readonly RouteShape[];
  /** The last quarter of an hour of a route; undefined: of all calls. */
  history(route: string | undefined): HistoryShape;
  upstreams(): readonly UpstreamShape[];
  circuits(): readonly CircuitShape[];
  /** The policy file in force, without secrets. */
  config(): unknown;
  forceCircuits(upstream: string, force: CircuitForce, by: string): readonly CircuitShape[];
  resetCircuits(upstream: string, key: string | undefined, by: string): readonly CircuitShape[];
  switchRetries(change: RetriesSwitch, by: string): readonly RetriesShape[];
  setLogLevel(setting: LevelSetting, by: string): LogShape;
  /** Begins to drain; the process ends when that is over. */
  quit(by: string): void;
  /** Takes the policy file anew. */
  reload(by: string): Promise<ReloadShape>;
}

/** Whom the API tells of requests to change something, whatever became of them. */
export interface ChangeWitness {
  counted(change: ChangeName, result: ChangeResult): void;
  refused(refusal: RefusedChange): void;
}
