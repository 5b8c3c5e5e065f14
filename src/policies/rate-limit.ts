import { Type, type Static } from '@sinclair/typebox';
import { OutriggerError } from '../errors.js';
import { withAttempt, withCall } from './call-context.js';
import { refuse } from './pass-through.js';
import type { Call, CallOptions, Clock, Policy, PolicyDeps } from './policy.js';
import { KeyedStates } from './rules/keyed-states.js';
import { compileKey, type KeyTemplate } from './rules/keys.js';
import { integer, keyTemplate, mode, positiveDuration } from './rules/option-types.js';
import { TokenBucket, type TokenBucketRules } from './rules/token-bucket.js';
import { parseDuration } from './rules/units.js';

const bucket = {
  requests: integer(100, 'How many in each `per`.', { minimum: 1 }),
  per: positiveDuration('1s', 'The time in which the bucket gains `requests`.'),
  burst: Type.Optional(integer(undefined, 'What the bucket holds; `requests` if left out.', { minimum: 1 })),
};

/**
 * Refuses calls beyond a rate. Outermost: what it refuses costs nothing and is not answered by a fallback.
 *
 * A bucket of our own, since rate-limiter-flexible's memory store counts in fixed windows (twice the rate passes at their
 * border), reads the machine's clock, starts a timer per key and window, answers by a promise per call, and has no bound
 * on its keys.
 */
export const RateLimitOptions = Type.Object(
  { ...bucket, key: keyTemplate('{route}', 'What has a bucket of its own.'), mode: mode() },
  { additionalProperties: false, description: 'Refuses calls beyond a rate.' },
);
export type RateLimitOptions = Static<typeof RateLimitOptions>;

/** Bounds the rate of attempts at an upstream, as a third party counts them. */
export const UpstreamRateLimitOptions = Type.Object(bucket, {
  additionalProperties: false,
  description: 'Bounds the rate of attempts at the upstream, as a third party counts them.',
});
export type UpstreamRateLimitOptions = Static<typeof UpstreamRateLimitOptions>;

/** Buckets kept at most, where requests decide on the key; a full one is as good as a new one and is forgotten first. */
const MAX_KEYS = 10_000;

/** The buckets of one route's calls, by key. */
export class RateLimits {
  readonly #template: KeyTemplate;
  readonly #buckets: KeyedStates<TokenBucket>;

  constructor(options: RateLimitOptions, clock: Clock) {
    const rules = bucketRules(options);
    this.#template = compileKey(options.key);
    this.#buckets = new KeyedStates(
      MAX_KEYS,
      () => new TokenBucket(rules),
      (idle) => idle.isFull(clock.now()),
    );
  }

  for(call: Call): TokenBucket {
    const { upstream, route } = call;
    return this.#buckets.get(
      this.#template.of({ endpoint: '-', upstream, route, header: (name) => call.header(name) }),
    );
  }

  /** How many keys have a bucket. */
  get size(): number {
    return this.#buckets.size;
  }
}

/** Bounds calls. */
export function rateLimit(
  options: RateLimitOptions,
  deps: PolicyDeps,
  limits = new RateLimits(options, deps.clock),
): Policy {
  const { clock, emit } = deps;
  const shadow = options.mode === 'shadow';
  const policy = policyField('route', options);
  return (dispatch) => (given: CallOptions, handler) => {
    const opts = withCall(given, clock);
    const { call } = opts;
    const waitMs = limits.for(call).take(clock.now());
    if (waitMs === 0) return dispatch(opts, handler);
    if (shadow) {
      const { route, upstream } = call;
      emit({ type: 'shadow', route, upstream, policy: 'rateLimit', action: 'would-refuse' });
      return dispatch(opts, handler);
    }
    emit({ type: 'rate-limited', call });
    return refuse(handler, rateLimited('route', policy, waitMs));
  };
}

/** The bucket of all attempts at one upstream. */
export function attemptBucket(options: UpstreamRateLimitOptions): TokenBucket {
  return new TokenBucket(bucketRules(options));
}

/**
 * Bounds attempts. Inside the attempt timeout, where nothing else refuses an attempt any more: only what is really sent
 * takes a token, as the third party counts. Retries and hedges take theirs too; what it refuses gives its permit and its
 * place back.
 */
export function attemptRateLimit(
  options: UpstreamRateLimitOptions,
  deps: PolicyDeps,
  attempts = attemptBucket(options),
): Policy {
  const policy = policyField('upstream', options);
  return (dispatch) => (given: CallOptions, handler) => {
    const opts = withAttempt(given, deps.clock);
    const { call } = opts;
    const waitMs = attempts.take(deps.clock.now());
    if (waitMs === 0) return dispatch(opts, handler);
    deps.emit({ type: 'rate-limited', call });
    return refuse(handler, rateLimited('upstream', policy, waitMs));
  };
}

function bucketRules({ requests, per, burst = requests }: UpstreamRateLimitOptions): TokenBucketRules {
  return { requests, perMs: parseDuration(per), burst };
}

/** Whose limit it was: the name of the policy in the headers. */
type Limited = 'route' | 'upstream';

function rateLimited(limited: Limited, policy: string, waitMs: number): OutriggerError {
  const seconds = Math.max(1, Math.ceil(waitMs / 1_000));
  const what = limited === 'route' ? 'calls' : 'attempts';
  return new OutriggerError('rate-limited', `more ${what} than the rate limit of the ${limited} allows`, {
    retryAfterMs: waitMs,
    headers: ['ratelimit-policy', policy, 'ratelimit', `"${limited}";r=0;t=${seconds}`],
  });
}

/**
 * The RateLimit-Policy field (draft-ietf-httpapi-ratelimit-headers-11, 3): quota q in a window of w whole seconds, for which
 * a shorter or broken `per` is brought up. No partition key, since keys come from requests and may be secrets.
 */
function policyField(limited: Limited, { requests, per }: UpstreamRateLimitOptions): string {
  const perMs = parseDuration(per);
  const seconds = Math.max(1, Math.ceil(perMs / 1_000));
  return `"${limited}";q=${Math.floor((requests * seconds * 1_000) / perMs)};w=${seconds}`;
}
