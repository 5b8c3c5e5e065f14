import { Type, type Static } from '@sinclair/typebox';
import { withAttempt } from './call-context.js';
import { HedgeCall, type HedgePlan } from './hedge-call.js';
import type { CallOptions, Policy, PolicyDeps } from './policy.js';
import type { RetryBudgets } from './retry-budget.js';
import { HeadTimes } from './rules/head-times.js';
import { HedgeAllowance } from './rules/hedge-allowance.js';
import { durationOrPercentile, integer, methods, percentileShare } from './rules/option-types.js';
import { parseDuration } from './rules/units.js';

/** Makes a second attempt while a slow first one still runs, and takes the first good head. Inside retry, outside the endpoint choice: each hedge is an attempt of its own, at another endpoint if there is one. */
export const HedgeOptions = Type.Object(
  {
    delay: durationOrPercentile(
      'p95',
      'When the second attempt is made: a duration, or a percentile of the times seen.',
    ),
    max: integer(1, 'Extra attempts at most, beside each attempt that retry makes.', { minimum: 1, maximum: 10 }),
    methods: methods(['GET', 'HEAD'], 'Methods that may be sent twice at once.'),
  },
  { additionalProperties: false, description: 'Makes a second attempt while a slow first one still runs.' },
);
export type HedgeOptions = Static<typeof HedgeOptions>;

/** For a fixed delay, of which nobody said how many there would be: as for p95. */
const FIXED_SHARE = 0.1;

/** What a hedge policy shares with others. */
export interface HedgeScope {
  /** The upstream's budgets; without any, hedges are not rationed. */
  readonly budgets?: RetryBudgets | undefined;
  /** Whether each call is counted in the budget here, as there is no retry above that does it. */
  readonly deposits?: boolean;
  /** The operator's switch of a route; without one, hedges are on. */
  readonly enabled?: ((route: string) => boolean) | undefined;
  /** The times seen so far, where they outlive the policy; only for a delay that is a percentile. */
  readonly headTimes?: HeadTimes | undefined;
}

/** The times that a percentile delay is taken from; undefined for a fixed delay, which needs none. */
export function headTimesFor(options: HedgeOptions): HeadTimes | undefined {
  const share = percentileShare(options.delay);
  return share === undefined ? undefined : new HeadTimes(share);
}

export function hedge(options: HedgeOptions, deps: PolicyDeps, scope: HedgeScope = {}): Policy {
  const { clock } = deps;
  const { budgets, deposits = false, headTimes = headTimesFor(options) } = scope;
  const fixedMs = headTimes === undefined ? parseDuration(options.delay) : undefined;
  const hedged = new Set(options.methods);
  return (dispatch) => {
    const plan: HedgePlan = {
      max: options.max,
      delayMs: () => fixedMs ?? headTimes?.percentileMs,
      headTimes,
      budgets,
      allowance: budgets === undefined ? undefined : new HedgeAllowance(lostShare(options), options.max),
      enabled: scope.enabled,
      deps,
      dispatch,
    };
    return (given: CallOptions, handler) => {
      const opts = withAttempt(given, clock);
      const { attempt } = opts;
      if (deposits) budgets?.for(attempt.call).deposit(clock.now());
      // A connection that is to be upgraded is one attempt.
      if (!hedged.has(attempt.call.method) || typeof opts.upgrade === 'string') return dispatch(opts, handler);
      if (attempt.number === 1) plan.allowance?.deposit();
      new HedgeCall(plan, attempt, opts, handler).start();
      return true;
    };
  };
}

/** Hedges that may be lost per call: of a percentile twice those that it means, since times vary. */
function lostShare({ delay }: HedgeOptions): number {
  const share = percentileShare(delay);
  return share === undefined ? FIXED_SHARE : Math.min(1, 2 * (1 - share));
}
