import { Type, type Static } from '@sinclair/typebox';
import type { Call } from './policy.js';
import { RetryBudget, type BudgetRules } from './rules/budget.js';
import { KeyedStates } from './rules/keyed-states.js';
import { compileKey, type KeyTemplate } from './rules/keys.js';
import { keyTemplate, positiveDuration, ratio } from './rules/option-types.js';
import { parseDuration, parseRatio } from './rules/units.js';

/** Bounds the retries of all calls to an upstream together, so that retries never make an outage worse. Asked by retry and hedge before each extra attempt; it stands per upstream, since the load is the upstream's. */
export const RetryBudgetOptions = Type.Object(
  {
    failedRatio: ratio(
      '20%',
      'Retries of calls that failed all the same, or are not over yet, per call over the window.',
    ),
    totalRatio: ratio('100%', 'All retries, per call over the window.'),
    minPerSecond: Type.Number({
      description:
        'Retries a second that are always allowed, so that a quiet sidecar can retry; kept low, since a fleet multiplies it.',
      default: 1,
      minimum: 0,
    }),
    window: positiveDuration('10s', 'The time over which calls and retries are counted.'),
    key: keyTemplate('{upstream}', 'What has a budget of its own.'),
  },
  { additionalProperties: false, description: 'Bounds the retries of all calls to the upstream together.' },
);
export type RetryBudgetOptions = Static<typeof RetryBudgetOptions>;

/** Budgets kept at most, where requests decide on the key. */
const MAX_KEYS = 1000;

/** The retry budgets of one upstream, by key. */
export class RetryBudgets {
  readonly upstream: string;
  readonly #template: KeyTemplate;
  readonly #budgets: KeyedStates<RetryBudget>;

  constructor(options: RetryBudgetOptions, upstream: string) {
    this.upstream = upstream;
    this.#template = compileKey(options.key);
    const rules: BudgetRules = {
      failedRatio: parseRatio(options.failedRatio),
      totalRatio: parseRatio(options.totalRatio),
      minPerSecond: options.minPerSecond,
      windowMs: parseDuration(options.window),
    };
    this.#budgets = new KeyedStates(MAX_KEYS, () => new RetryBudget(rules));
    if (!this.#template.perRequest && options.key === '{upstream}') this.#budgets.get(upstream);
  }

  for(call: Call): RetryBudget {
    const { upstream } = this;
    return this.#budgets.get(
      this.#template.of({ endpoint: '-', upstream, route: call.route, header: (name) => call.header(name) }),
    );
  }

  /** How many retries the most strained of the budgets still has room for; none below zero. */
  remaining(now: number): number {
    let least = Infinity;
    for (const [, budget] of this.#budgets.entries()) least = Math.min(least, budget.remaining(now));
    return Number.isFinite(least) ? Math.max(0, Math.floor(least)) : 0;
  }
}
