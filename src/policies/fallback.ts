import { Type, type Static } from '@sinclair/typebox';
import { withCall } from './call-context.js';
import { FallbackCall, type FallbackPlan } from './fallback-call.js';
import { staticResponse, StaticResponseOptions } from './fallback-response.js';
import { StaleAnswerer, StaleOptions } from './fallback-stale.js';
import type { FallbackAnswerer } from './fallback-step.js';
import { upstreamStep } from './fallback-upstream.js';
import type { CallOptions, Dispatch, Policy, PolicyDeps } from './policy.js';
import { IDEMPOTENT_METHODS } from './retry.js';
import { ClassSet } from './rules/class-set.js';
import { choice, classes, positiveDuration } from './rules/option-types.js';
import { parseDuration } from './rules/units.js';
import { staleInvalidation } from './stale-invalidation.js';
import { StaleStores, type StaleStore } from './stale-store.js';

const StaleStep = Type.Object({ stale: StaleOptions }, { additionalProperties: false });

const UpstreamStep = Type.Object(
  {
    upstream: Type.String({ description: 'The name of another upstream.', unit: 'text', minLength: 1 }),
    when: choice(
      ['unsent', 'replayable', 'always'],
      'replayable',
      'Which calls go there: those never sent anywhere; also those whose method is in retry.methods; or all.',
    ),
  },
  { additionalProperties: false, description: 'Sends the same request to another upstream, with its own protection.' },
);

const ResponseStep = Type.Object({ response: StaticResponseOptions }, { additionalProperties: false });

/** One way to answer; which one is told by its key. */
export const FallbackStep = Type.Union([StaleStep, UpstreamStep, ResponseStep], {
  byKey: ['stale', 'upstream', 'response'],
});
export type FallbackStep = Static<typeof FallbackStep>;

/** Answers a call that failed below it with something better than an error. Outside the deadline and retry: it answers whatever failed there, after retries. */
export const FallbackOptions = Type.Object(
  {
    on: classes(
      ['connect-failure', 'reset', 'timeout', 'deadline', 'bad-response', 'circuit-open', 'overload', 'rate-limited'],
      ['connect-failure', 'reset', 'timeout', 'deadline', 'bad-response', 'circuit-open', 'overload', '5xx'],
      'For which classes and statuses.',
    ),
    timeout: positiveDuration(
      '2s',
      "For a step that has to ask; beyond the route's timeout, but never beyond the app's own deadline.",
    ),
    steps: Type.Array(FallbackStep, { description: 'Tried in order; the first that can answer does.', minItems: 1 }),
  },
  { additionalProperties: false, description: 'Answers a failed call with something better than an error.' },
);
export type FallbackOptions = Static<typeof FallbackOptions>;

/** What the steps share with others. */
export interface FallbackScope {
  /** Where answers are kept, and the route's name there; without it, the policy keeps up to 64 MiB of its own. */
  readonly stale?: { readonly stores: StaleStores; readonly route: string } | undefined;
  /** The way to another upstream: one attempt with its own protection. A step that needs one can't do without. */
  readonly upstream?: ((name: string) => Dispatch) | undefined;
  /** `retry.methods`; its default if left out. */
  readonly replayable?: readonly string[] | undefined;
}

export function fallback(options: FallbackOptions, deps: PolicyDeps, scope: FallbackScope = {}): Policy {
  const on = new ClassSet(options.on);
  const keeper = keepsAnswers(options) ? answerKeeper(options, scope) : undefined;
  const answerers = options.steps.map((step): FallbackAnswerer => {
    if ('response' in step) return staticResponse(step.response);
    if ('stale' in step) return new StaleAnswerer(step.stale, keeper!.store, deps.clock);
    if (scope.upstream === undefined) throw new RangeError(`there is no way to the upstream '${step.upstream}'`);
    return upstreamStep({
      upstream: step.upstream,
      when: step.when,
      timeoutMs: parseDuration(options.timeout),
      replayable: new Set(scope.replayable ?? IDEMPOTENT_METHODS),
      on,
      dispatch: scope.upstream(step.upstream),
      deps,
    });
  });
  const observers = answerers.filter((answerer) => answerer instanceof StaleAnswerer);
  const asks = answerers.some(({ kind }) => kind === 'upstream');
  const plan: FallbackPlan = { on, answerers, observers, asks, deps };
  const steps: Policy = (dispatch) => (given: CallOptions, handler) => {
    const opts = withCall(given, deps.clock);
    return dispatch(opts, new FallbackCall(plan, opts.call, opts, handler));
  };
  if (keeper === undefined) return steps;
  const invalidation = staleInvalidation(keeper.stores, deps);
  return (dispatch) => invalidation(steps(dispatch));
}

/** Whether a step needs the answers that passed. */
export function keepsAnswers(options: FallbackOptions): boolean {
  return options.steps.some((step) => 'stale' in step);
}

function answerKeeper(options: FallbackOptions, scope: FallbackScope): { stores: StaleStores; store: StaleStore } {
  const stores = scope.stale?.stores ?? new StaleStores({ maxBytes: 64 * 1024 * 1024 });
  const maxEntries = Math.max(...options.steps.map((step) => ('stale' in step ? step.stale.maxEntries : 0)));
  return { stores, store: stores.for(scope.stale?.route ?? '-', { maxEntries }) };
}
