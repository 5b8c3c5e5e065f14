import type { ResolvedUpstream } from '../config/config.js';
import { parseRatio } from '../policies/rules/units.js';
import type { CallAtWorst } from './calls-at-worst.js';
import type { FallbackShare } from './shares.js';

/** What calls like this one can add to an upstream's load. */
export interface Load {
  readonly upstream: string;
  /** Attempts of one call, at most. */
  readonly attemptsPerCall: number;
  /** Which calls: all; or those that failed elsewhere, or failed there before an upstream can have seen anything. */
  readonly calls: 'all' | 'failed' | 'unsent';
  /**
   * Attempts beside the first that a service sees of a call, per call and over many calls. A connection that fails is none.
   * Undefined where nothing but `attemptsPerCall` bounds them.
   */
  readonly budget: BudgetedLoad | undefined;
}

export interface BudgetedLoad {
  /** While they fail too: a share of the calls. */
  readonly whileFailing: number;
  /** All of them. */
  readonly total: number;
  /** As many a second are allowed however few calls there are. */
  readonly minPerSecond: number;
}

/** The load on the route's upstream, and on those that its fallback asks, which no retry budget bounds. */
export function loadAtWorst(
  upstream: ResolvedUpstream,
  { attempts }: CallAtWorst,
  elsewhere: readonly FallbackShare[],
): readonly Load[] {
  const budget = budgeted(upstream, attempts - 1);
  const loads = new Map<string, Load>();
  for (const { upstream: name, attempts: count, onlyUnsent } of elsewhere) {
    const before = loads.get(name);
    const calls = onlyUnsent && before?.calls !== 'failed' ? 'unsent' : 'failed';
    const attemptsPerCall = count + (before?.attemptsPerCall ?? 0);
    loads.set(name, { upstream: name, attemptsPerCall, calls, budget: undefined });
  }
  return [{ upstream: upstream.name, attemptsPerCall: attempts, calls: 'all', budget }, ...loads.values()];
}

function budgeted({ retryBudget }: ResolvedUpstream, extra: number): BudgetedLoad | undefined {
  if (retryBudget === false || extra === 0) return undefined;
  const total = Math.min(extra, parseRatio(retryBudget.totalRatio));
  return {
    whileFailing: Math.min(total, parseRatio(retryBudget.failedRatio)),
    total,
    minPerSecond: retryBudget.minPerSecond,
  };
}
