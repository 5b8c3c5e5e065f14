import { adaptiveTimeoutFor, longestAttemptMs } from '../policies/attempt-timeout.js';
import { describeFaults } from '../policies/fault-injection.js';
import { backoffRules } from '../policies/retry.js';
import { longestDelays } from '../policies/rules/backoff.js';
import { KEPT } from '../policies/rules/head-times.js';
import { parseDuration, parseRatio } from '../policies/rules/units.js';
import type { Config, ResolvedRoute, ResolvedUpstream } from './config.js';
import { durationText, namedText } from './describe.js';
import { type ConfigIssue, Issues } from './issues.js';
import { nodeAt, ownPath } from './nodes.js';
import { warnOwnAddresses } from './own-addresses.js';
import { RouteAt } from './route-at.js';
import { warnShadowed } from './shadowed-routes.js';

/** What a reviewer would ask about: lawful, but probably not what was meant. In the file's order. */
export function warnings(config: Config): readonly ConfigIssue[] {
  const issues = new Issues(config.source);
  warnDrain(config, issues);
  for (const [index, route] of config.routes.entries()) {
    const at = new RouteAt(config, index, issues);
    const upstream = config.upstreams.get(route.upstream);
    warnWorstCase(route, at);
    warnRarePercentile(route, at);
    warnShadowed(route, config.routes.slice(0, index), at);
    warnUnsafeMethods(route, at);
    warnSteps(route, at);
    warnHedgeAlone(route, at);
    if (upstream !== undefined) warnBudget(route, upstream, at);
  }
  for (const upstream of config.upstreams.values()) warnRatios(upstream, config, issues);
  warnOwnAddresses(config, issues);
  return issues.sorted();
}

/** Calls are taken until drainDelay is over, but the drain ends at drainTimeout whatever happens. */
function warnDrain(config: Config, issues: Issues): void {
  const { drainDelayMs, drainTimeoutMs, effective } = config;
  if (drainDelayMs <= drainTimeoutMs) return;
  const delay = nodeAt(effective, 'drainDelay');
  const key = delay?.offset === undefined ? 'drainTimeout' : 'drainDelay';
  issues.add(
    nodeAt(effective, key)?.offset,
    [key],
    `drainDelay (${durationText(drainDelayMs)}) is longer than drainTimeout (${durationText(drainTimeoutMs)}), which ends the drain`,
    'lower drainDelay, or raise drainTimeout',
  );
}

/** The routes that inject faults, and which: whoever starts this must know that some failures are made here. */
export function faultsInForce(config: Config): readonly { readonly route: string; readonly faults: string }[] {
  return config.routes.flatMap(({ name, faults }) => {
    const described = faults === false ? undefined : describeFaults(faults);
    return described === undefined ? [] : [{ route: name, faults: described }];
  });
}

/** How long a call can take if every attempt times out: attempts times attemptTimeout, plus the longest back-offs. */
function warnWorstCase(route: ResolvedRoute, at: RouteAt): void {
  if (route.timeout === false || route.attemptTimeout === false) return;
  const timeout = parseDuration(route.timeout.timeout);
  const attempts = route.retry === false ? 1 : route.retry.maxAttempts;
  const eachMs = longestAttemptMs(route.attemptTimeout);
  const worst = attempts * eachMs + longestBackoff(route);
  if (worst <= timeout) return;
  const plural = attempts === 1 ? 'attempt' : 'attempts';
  at.say(
    [['timeout'], ['retry', 'maxAttempts'], ['attemptTimeout']],
    `route '${route.name}': ${attempts} ${plural} of ${durationText(eachMs)} and the longest back-off take ` +
      `${durationText(worst)}, beyond the timeout of ${route.timeout.timeout}`,
    'lower attemptTimeout or retry.maxAttempts, or raise timeout',
  );
}

/** Of a thousand times, the longest is the percentile that they can tell. */
function warnRarePercentile(route: ResolvedRoute, at: RouteAt): void {
  const rules = route.attemptTimeout === false ? undefined : adaptiveTimeoutFor(route.attemptTimeout)?.rules;
  if (rules === undefined || (1 - rules.share) * KEPT > 1 - 1e-9) return;
  at.say(
    [['attemptTimeout', 'percentile']],
    `route '${route.name}': the latest ${KEPT} answers say nothing of a percentile this high; the longest of them is taken`,
    'write p99.9 or less, and a larger factor',
  );
}

/** The sum, in milliseconds, of the longest waits between all of a route's attempts. */
export function longestBackoff({ retry }: ResolvedRoute): number {
  return retry === false ? 0 : longestDelays(backoffRules(retry.backoff), retry.maxAttempts - 1);
}

function warnUnsafeMethods(route: ResolvedRoute, at: RouteAt): void {
  if (route.retry === false) return;
  for (const [index, method] of route.retry.methods.entries()) {
    if (!['POST', 'PATCH'].includes(method) || !takes(route, method)) continue;
    at.say(
      [['retry', 'methods', index]],
      `${method} is retried without need of an idempotency key: what it does may be done twice`,
      'leave it out: a request that bears a header of retry.idempotencyKeys is retried anyway',
    );
  }
}

function takes({ match }: ResolvedRoute, method: string): boolean {
  return match.methods?.includes(method) ?? true;
}

function warnSteps(route: ResolvedRoute, at: RouteAt): void {
  if (route.fallback === false) return;
  const { steps } = route.fallback;
  for (const [index, step] of steps.entries()) {
    if (!('upstream' in step) || step.when !== 'always' || !takes(route, 'POST')) continue;
    at.say(
      [['fallback', 'steps', index, 'when']],
      `when: always sends a POST that may have been done to '${step.upstream}' too`,
      'write when: replayable, or match.methods without POST',
    );
  }
  const answering = steps.findIndex((step) => 'response' in step);
  if (answering === -1 || answering === steps.length - 1) return;
  at.say(
    [['fallback', 'steps', answering + 1]],
    'this step is never reached: the response above it always answers',
    'move it above the response, or leave it out',
  );
}

/** A hedge is for callers in a hurry: an error after it is as late as one without. */
function warnHedgeAlone(route: ResolvedRoute, at: RouteAt): void {
  if (route.hedge === false || route.fallback !== false) return;
  at.say(
    [['fallback']],
    `route '${route.name}' has a hedge but no fallback: when the hedges fail too, its callers get the error`,
    'add a fallback, such as steps: [{ stale: { maxAge: 1m } }]',
  );
}

function warnBudget(route: ResolvedRoute, upstream: ResolvedUpstream, at: RouteAt): void {
  const { retry, hedge, name } = route;
  // In shadow mode neither is made.
  const shadow = retry !== false && retry.mode === 'shadow';
  const retries = retry === false || shadow ? 0 : retry.maxAttempts - 1;
  const hedges = hedge === false || shadow ? 0 : hedge.max * (retries + 1);
  const { retryBudget } = upstream;
  if (retryBudget !== false) {
    warnSmallBudget(retryBudget, upstream.name, route, retries + hedges, at);
    return;
  }
  for (const [key, on] of [['retry', retries > 0] as const, ['hedge', hedges > 0] as const]) {
    if (!on) continue;
    at.say(
      [[key]],
      `route '${name}' has a ${key} but its upstream '${upstream.name}' has no retryBudget: ` +
        'in an outage nothing bounds the added load',
      `leave out retryBudget: false, or write ${key}: false`,
    );
  }
}

/** With few calls in the window, its shares are of next to nothing, and only `minPerSecond` lets a retry through. */
function warnSmallBudget(
  { minPerSecond, window }: Exclude<ResolvedUpstream['retryBudget'], false>,
  upstream: string,
  route: ResolvedRoute,
  wanted: number,
  at: RouteAt,
): void {
  const seconds = parseDuration(window) / 1_000;
  const floor = Math.floor(minPerSecond * seconds + 1e-9);
  if (wanted <= floor) return;
  const enough = Math.ceil((wanted * 100) / seconds) / 100;
  at.say(
    [['retry'], ['hedge', 'max']],
    `route '${route.name}' may make ${wanted} retries and hedges for one call, but while calls are few ` +
      `the retryBudget of '${upstream}' allows ${floor} in ${window}`,
    `raise retryBudget.minPerSecond of '${upstream}' to ${enough}, or make fewer attempts`,
  );
}

const SHARES = ['failureRate', 'slowCallRate', 'probeShare'] as const;

/** `failureRate: 50` is lawful, but 50 is 5000 %. */
function warnRatios(upstream: ResolvedUpstream, config: Config, issues: Issues): void {
  if (upstream.circuitBreaker === false) return;
  for (const key of SHARES) {
    const value = upstream.circuitBreaker[key];
    if (typeof value !== 'number' || parseRatio(value) <= 1) continue;
    const path = ['upstreams', upstream.name, 'circuitBreaker', key];
    const node = nodeAt(config.effective, ...path);
    if (node?.kind !== 'scalar') continue;
    const fromFile = node.template === undefined;
    const message = `${fromFile ? value : namedText(node)} is ${fromFile ? `${value * 100} %, ` : ''}more than all calls`;
    issues.add(
      node.offset,
      ownPath(node, path),
      message,
      fromFile ? `write ${value}%` : 'a share is written as 50% or 0.5',
    );
  }
}
