import type { Config, ResolvedRoute, ResolvedUpstream } from '../config/config.js';
import { appTimeoutMs } from '../policies/call-context.js';
import { longestAttemptMs } from '../policies/attempt-timeout.js';
import { headTimesFor } from '../policies/hedge.js';
import { isLocalRefusal } from '../policies/rules/classify.js';
import { parseDuration } from '../policies/rules/units.js';
import type { AskedCall } from './asked.js';
import { type HedgeBounds, raceAtWorst } from './attempt-race.js';
import { type CallAtWorst, callAtWorst } from './calls-at-worst.js';
import { askedElsewhere, type FailedCall, type StepBounds, stepsAtWorst } from './fallbacks-at-worst.js';
import { loadAtWorst, type Load } from './load.js';
import { bodyOf, type Retried, whyNotHedged } from './retried.js';
import type { FallbackShare, Share } from './shares.js';
import { longestBackoffs, type RetryAfterShare, retryAfterShare, waitsAfter } from './waits.js';

/** The worst case of one call, from when the request's body is in until the head of the answer. Infinity: no bound. */
export interface WorstCase {
  /** All together; its parts need not have their own worst in the same call. */
  readonly longestMs: number;
  readonly attempts: number;
  /** The route's timeout, or the app's own where that is shorter. */
  readonly deadlineMs: number;
  /** Without the deadline, and without fallback upstreams. */
  readonly unboundedMs: number;
  /** What follows are the parts, each without the deadline. */
  readonly first: { readonly longestMs: number };
  /** With back-offs as they are without a Retry-After. */
  readonly retries: Share;
  /** What answers that ask to wait add; undefined where none is listened to. */
  readonly retryAfter: RetryAfterShare | undefined;
  readonly hedges: Share;
  readonly fallbackUpstreams: readonly FallbackShare[];
  /** The longest back-offs together, without Retry-After. */
  readonly backoffMs: number;
  readonly load: readonly Load[];
}

export function worstCase(config: Config, route: ResolvedRoute, asked: AskedCall, retried: Retried): WorstCase {
  const facts = new CallFacts(config, route, asked, retried);
  const whole = facts.atWorst(facts.hedge, retried.on);
  const unhedged = facts.atWorst(undefined, retried.on);
  const alone = facts.atWorst(undefined, []);
  const elsewhere = facts.elsewhere(whole);
  const retryAfter = retryAfterShare(route.retry, retried.on);
  return {
    longestMs: elsewhere.longestMs,
    attempts: elsewhere.attempts,
    deadlineMs: facts.deadlineMs,
    unboundedMs: whole.unboundedMs,
    first: { longestMs: alone.unboundedMs },
    retries: { attempts: whole.retries, longestMs: added(unhedged, alone) - (retryAfter?.longestMs ?? 0) },
    retryAfter,
    hedges: { attempts: whole.hedges, longestMs: added(whole, unhedged) },
    fallbackUpstreams: elsewhere.shares,
    backoffMs: longestBackoffs(route.retry, whole.retries),
    load: loadAtWorst(facts.upstream, whole, elsewhere.shares),
  };
}

function added({ unboundedMs }: CallAtWorst, less: CallAtWorst): number {
  return unboundedMs === Infinity ? Infinity : unboundedMs - less.unboundedMs;
}

/** What bounds one call, in the words of its policies. */
class CallFacts {
  readonly upstream: ResolvedUpstream;
  readonly deadlineMs: number;
  /** Undefined where this call gets none. */
  readonly hedge: HedgeBounds | undefined;
  readonly #config: Config;
  readonly #route: ResolvedRoute;
  readonly #asked: AskedCall;
  readonly #retried: Retried;

  constructor(config: Config, route: ResolvedRoute, asked: AskedCall, retried: Retried) {
    this.#config = config;
    this.#route = route;
    this.#asked = asked;
    this.#retried = retried;
    this.upstream = upstreamOf(config, route.upstream);
    const { timeout } = route;
    this.deadlineMs = timeout === false ? Infinity : Math.min(parseDuration(timeout.timeout), appTimeoutMs(asked));
    this.hedge = this.#hedgeBounds();
  }

  /** A call whose attempts are made again after `on`; of which none was sent, or not the last. */
  atWorst(hedge: HedgeBounds | undefined, on: readonly string[], unsent?: 'all' | 'last'): CallAtWorst {
    const unsentOnly = unsent === 'all';
    const limitMs = this.#attemptMs;
    const unsentMs = Math.min(limitMs, this.upstream.connectTimeoutMs);
    const sentRetried = !unsentOnly && on.some((entry) => entry !== 'connect-failure');
    const queueMs = queueOf(this.upstream);
    return callAtWorst({
      deadlineMs: this.deadlineMs,
      retried: raceAtWorst({ limitMs: sentRetried ? limitMs : unsentMs, queueMs }, hedge),
      last: raceAtWorst({ limitMs: unsent === undefined ? limitMs : unsentMs, queueMs }, hedge),
      waits: waitsAfter(this.#route.retry, unsentOnly ? on.filter((entry) => entry === 'connect-failure') : on),
      hedgeDelayMs: hedge?.delayMs ?? 0,
    });
  }

  /** The call with what other upstreams add. */
  elsewhere(whole: CallAtWorst): Share & { readonly shares: readonly FallbackShare[] } {
    const { fallback, retry } = this.#route;
    const { longestMs, attempts } = whole;
    if (fallback === false) return { longestMs, attempts, shares: [] };
    const { steps } = fallback;
    const on = fallback.on.map(String);
    const bounds = (name: string) => this.#stepBounds(name, parseDuration(fallback.timeout));
    const base = {
      replayable: retry === false || retry.methods.includes(this.#asked.method),
      repeatable: this.#isRepeatable,
    };
    const sent: FailedCall = { ...base, sent: true };
    const unsent: FailedCall = { ...base, sent: false };
    const unsentCall = this.atWorst(this.hedge, this.#retried.on, 'all');
    const unsentLast = this.atWorst(this.hedge, this.#retried.on, 'last');
    const refused = { longestMs: Math.min(this.deadlineMs, queueOf(this.upstream)), attempts: 0 };
    const ways: (readonly [Share, FailedCall])[] = [];
    if (on.some((entry) => entry !== 'connect-failure' && !isLocalClass(entry))) ways.push([whole, sent]);
    if (on.some((entry) => entry === 'connect-failure' || entry === 'deadline')) ways.push([unsentCall, unsent]);
    // What was sent before counts, though the call ends as the last attempt did.
    const sentBefore = unsentLast.retries > 0 && this.#retried.on.some((entry) => entry !== 'connect-failure');
    if (on.includes('connect-failure') && sentBefore) ways.push([unsentLast, sent]);
    if (on.some(isLocalClass)) ways.push([refused, unsent]);
    const ends: Share[] = ways.map(([before, failed]) => {
      const after = stepsAtWorst(steps, bounds, failed);
      const totalMs = before.longestMs + after.longestMs;
      return {
        longestMs: Math.max(before.longestMs, Math.min(totalMs, appTimeoutMs(this.#asked))),
        attempts: before.attempts + after.attempts,
      };
    });
    const always = ways.some(([, failed]) => failed.sent) ? askedElsewhere(steps, sent) : [];
    const everAsked =
      ways.length === 0 ? [] : askedElsewhere(steps, ways.some(([, failed]) => !failed.sent) ? unsent : sent);
    return {
      longestMs: Math.max(longestMs, ...ends.map((end) => end.longestMs)),
      attempts: Math.max(attempts, ...ends.map((end) => end.attempts)),
      shares: everAsked.map((upstream) => ({
        upstream,
        attempts: 1,
        longestMs: bounds(upstream).longestMs,
        onlyUnsent: !always.includes(upstream),
      })),
    };
  }

  #hedgeBounds(): HedgeBounds | undefined {
    const { hedge } = this.#route;
    if (hedge === false || whyNotHedged(this.#route, this.#asked) !== undefined) return undefined;
    const delayMs = headTimesFor(hedge) === undefined ? parseDuration(hedge.delay) : undefined;
    return { delayMs, max: hedge.max };
  }

  #stepBounds(name: string, timeoutMs: number): StepBounds {
    const upstream = upstreamOf(this.#config, name);
    const unsentMs = Math.min(this.#attemptMs, upstream.connectTimeoutMs);
    return {
      longestMs: Math.min(timeoutMs, queueOf(upstream) + this.#attemptMs),
      longestUnsentMs: Math.min(timeoutMs, queueOf(upstream) + unsentMs),
    };
  }

  get #attemptMs(): number {
    const { attemptTimeout } = this.#route;
    return attemptTimeout === false ? Infinity : longestAttemptMs(attemptTimeout);
  }

  get #isRepeatable(): boolean {
    return bodyOf(this.#route, this.#asked).state !== 'streaming';
  }
}

function isLocalClass(entry: string): boolean {
  return isLocalRefusal(entry as Parameters<typeof isLocalRefusal>[0]);
}

function upstreamOf(config: Config, name: string): ResolvedUpstream {
  const upstream = config.upstreams.get(name);
  if (upstream === undefined) throw new RangeError(`there is no upstream '${name}'`);
  return upstream;
}

/** How long an attempt can wait for a place. */
function queueOf({ concurrency }: ResolvedUpstream): number {
  const waits = concurrency !== false && concurrency.mode === 'enforce' && concurrency.queue > 0;
  return waits ? parseDuration(concurrency.queueTimeout) : 0;
}
