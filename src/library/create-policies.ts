import type { Dispatcher } from 'undici';
import type { SchemaNode } from '../config/schema-node.js';
import { stack } from '../pipeline/compose.js';
import { AttemptTimeoutOptions, longestAttemptMs } from '../policies/attempt-timeout.js';
import { CircuitBreakerOptions } from '../policies/circuit-breaker.js';
import { Circuits } from '../policies/circuits.js';
import { ConcurrencyOptions } from '../policies/concurrency.js';
import { DeadlineOptions } from '../policies/deadline.js';
import { FallbackOptions, type FallbackScope } from '../policies/fallback.js';
import { FaultInjectionOptions, type Fault } from '../policies/fault-injection.js';
import { HedgeOptions } from '../policies/hedge.js';
import type { Policy } from '../policies/policy.js';
import { RateLimitOptions, UpstreamRateLimitOptions } from '../policies/rate-limit.js';
import { RetryBudgetOptions } from '../policies/retry-budget.js';
import { RetryOptions } from '../policies/retry.js';
import { withDefaults, type Some } from '../policies/rules/with-defaults.js';
import { checkOptions } from './check-options.js';
import { systemDeps, type SomeDeps } from './deps.js';
import { inProcess, InProcessSchema, type InProcessOptions } from './in-process.js';
import {
  attemptRateLimit,
  attemptTimeout,
  circuitBreaker,
  concurrency,
  deadline,
  fallback,
  faultInjection,
  hedge,
  rateLimit,
  retry,
  retryBudget,
  transport,
} from './policies.js';

/**
 * What to do with the calls to one upstream, in the words of the policy file. What is left out has the policy file's
 * default: hedge, limits, fallback and faults are off, all else is on. `false` turns a policy off.
 */
export interface PoliciesOptions extends InProcessOptions {
  /** How many calls are taken in which time; the rest is refused. Off by default. */
  readonly rateLimit?: Some<RateLimitOptions> | false;
  /** What answers when nothing else could. Off by default. */
  readonly fallback?: Some<FallbackOptions> | false;
  /** The whole call, with its attempts, back-offs and queueing, until the head of the answer; a duration. Default 30s. */
  readonly timeout?: string | false;
  /** What is tried again, how often, and after which wait. On by default: three attempts in all. */
  readonly retry?: Some<RetryOptions> | false;
  /** How much retries and hedges may add to the upstream's load. On by default. */
  readonly retryBudget?: Some<RetryBudgetOptions> | false;
  /** A second attempt while a slow first one still runs. Off by default. */
  readonly hedge?: Some<HedgeOptions> | false;
  /** How many attempts may be in flight at once. On by default: 1024. */
  readonly concurrency?: Some<ConcurrencyOptions> | false;
  /** When attempts at an origin that keeps failing are refused. On by default, with a circuit for each origin. */
  readonly circuitBreaker?: Some<CircuitBreakerOptions> | false;
  /** How many attempts are sent in which time, as a third party counts them. Off by default. */
  readonly attemptRateLimit?: Some<UpstreamRateLimitOptions> | false;
  /** One attempt: a duration, or a map for one that follows how long answers take. Default 9s. */
  readonly attemptTimeout?: Some<AttemptTimeoutOptions['attemptTimeout']> | false;
  /** What is injected in place of the upstream's answer, drawn in this order. Off by default. */
  readonly faults?: readonly Fault[] | false;
  /** What events call the upstream. Default `-`. */
  readonly name?: string;
  /** The way to the upstreams that fallback steps name. */
  readonly elsewhere?: FallbackScope['upstream'];
}

const orFalse = (schema: SchemaNode): SchemaNode => ({ anyOf: [schema, { const: false, type: 'boolean' }] });

/** What `createPolicies` takes; nothing in it is required. */
const SCHEMA: SchemaNode = {
  type: 'object',
  properties: {
    rateLimit: orFalse(RateLimitOptions),
    fallback: orFalse(FallbackOptions),
    timeout: orFalse(DeadlineOptions.properties.timeout),
    retry: orFalse(RetryOptions),
    retryBudget: orFalse(RetryBudgetOptions),
    hedge: orFalse(HedgeOptions),
    concurrency: orFalse(ConcurrencyOptions),
    circuitBreaker: orFalse(CircuitBreakerOptions),
    attemptRateLimit: orFalse(UpstreamRateLimitOptions),
    attemptTimeout: orFalse(AttemptTimeoutOptions.properties.attemptTimeout),
    faults: orFalse(FaultInjectionOptions.properties.faults),
    ...InProcessSchema.properties,
    name: { type: 'string', unit: 'text' },
    // A function, which no schema knows.
    elsewhere: { type: 'null', allowed: ['a function'] },
  },
};

/** One policy and its name; off where there is none. */
export interface NamedPolicy {
  readonly name: string;
  readonly policy: Policy | undefined;
}

/** The sidecar's column for use inside a process, outermost first: without the endpoint choice, since the caller has chosen. */
export function namedPolicies(options: PoliciesOptions, some: SomeDeps): readonly NamedPolicy[] {
  const deps = systemDeps(some);
  const budgets = options.retryBudget === false ? undefined : retryBudget(options.retryBudget, options.name);
  const replayable = options.retry === false ? undefined : options.retry?.methods;
  const shadow = options.retry !== false && options.retry?.mode === 'shadow';
  const scope = { upstream: options.elsewhere, replayable };
  const hedging = { budgets, deposits: options.retry === false, enabled: shadow ? () => false : undefined };
  return [
    { name: 'in process', policy: inProcess(optional({ maxBodySize: options.maxBodySize }), deps) },
    { name: 'rate limit', policy: ifSet(options.rateLimit, (given) => rateLimit(given, deps)) },
    { name: 'fallback', policy: ifSet(options.fallback, (given) => fallback(given, deps, scope)) },
    { name: 'deadline', policy: unlessOff(options.timeout, (timeout) => deadline(optional({ timeout }), deps)) },
    { name: 'retry', policy: unlessOff(options.retry, (given) => retry(given, deps, { budgets })) },
    { name: 'hedge', policy: ifSet(options.hedge, (given) => hedge(given, deps, hedging)) },
    { name: 'concurrency', policy: unlessOff(options.concurrency, (given) => concurrency(given, deps)) },
    { name: 'circuit breaker', policy: unlessOff(options.circuitBreaker, (given) => circuit(given, options, deps)) },
    {
      name: 'attempt timeout',
      policy: unlessOff(options.attemptTimeout, (given) => attemptTimeout(optional({ attemptTimeout: given }), deps)),
    },
    { name: 'attempt rate limit', policy: ifSet(options.attemptRateLimit, (given) => attemptRateLimit(given, deps)) },
    { name: 'transport', policy: transport(deps) },
    { name: 'fault injection', policy: ifSet(options.faults, (faults) => faultInjection({ faults }, deps)) },
  ];
}

/**
 * All policies of one upstream, outermost first, for `withPolicies`. Throws a TypeError for an unknown key or a value of the
 * wrong type, and a RangeError for a value that is not allowed, such as a text that is no duration: each names the key.
 */
export function createPolicies(options: PoliciesOptions = {}, deps: SomeDeps = {}): readonly Policy[] {
  checkOptions(options, SCHEMA);
  return namedPolicies(options, deps).flatMap(({ policy }) => (policy === undefined ? [] : [policy]));
}

/**
 * A dispatcher that sends its requests through policies, for `fetch`, `request` and the like. They are written outermost
 * first, as people read; undici's own `compose` takes the outermost last.
 */
export function withPolicies(dispatcher: Dispatcher, outermostFirst: readonly Policy[]): Dispatcher {
  return dispatcher.compose((dispatch) => stack(outermostFirst, dispatch));
}

/** A half-open permit is given back when its attempt must be over. */
function circuit(given: Some<CircuitBreakerOptions> | undefined, options: PoliciesOptions, deps: SomeDeps): Policy {
  const { attemptTimeout: limit, name = '-' } = options;
  const longestMs =
    limit === false
      ? Infinity
      : longestAttemptMs(withDefaults(AttemptTimeoutOptions, optional({ attemptTimeout: limit })));
  const circuits = new Circuits(withDefaults(CircuitBreakerOptions, given ?? {}), systemDeps(deps), {
    upstream: name,
    longestAttemptMs: longestMs,
  });
  return circuitBreaker(given, deps, circuits);
}

function ifSet<Options>(given: Options | false | undefined, make: (options: Options) => Policy): Policy | undefined {
  return given === false || given === undefined ? undefined : make(given);
}

function unlessOff<Options>(
  given: Options | false | undefined,
  make: (options: Options | undefined) => Policy,
): Policy | undefined {
  return given === false ? undefined : make(given);
}

/** Leaves out what is undefined. */
function optional<T extends object>(values: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<{
    [K in keyof T]: NonNullable<T[K]>;
  }>;
}
