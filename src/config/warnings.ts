import { describeFaults } from '../policies/fault-injection.js';
import { longestDelay } from '../policies/rules/backoff.js';
import { parseDuration, parseRatio } from '../policies/rules/units.js';
import type { Config, ResolvedRoute, ResolvedUpstream, RouteMatch } from './config.js';
import { namedText } from './describe.js';
import { type ConfigIssue, Issues } from './issues.js';
import { nodeAt, ownPath, type PathStep } from './nodes.js';
import { warnOwnAddresses } from './own-addresses.js';

/** What a reviewer would ask about: lawful, but probably not what was meant. In the file's order. */
export function warnings(config: Config): readonly ConfigIssue[] {
  const issues = new Issues(config.source);
  warnUnserved(config, issues);
  warnDrain(config, issues);
  for (const [index, route] of config.routes.entries()) {
    const at = new RouteAt(config, index, issues);
    const upstream = config.upstreams.get(route.upstream);
    warnWorstCase(route, at);
    warnUnreachable(route, index, config.routes, at);
    warnUnsafeMethods(route, at);
    warnAlways(route, at);
    if (upstream !== undefined) warnNoBudget(route, upstream, at);
  }
  for (const upstream of config.upstreams.values()) warnRatios(upstream, config, issues);
  warnOwnAddresses(config, issues);
  return issues.sorted();
}

/** A key of the process that is known and does nothing yet: what is written there must not be taken for granted. */
function warnUnserved(config: Config, issues: Issues): void {
  const node = nodeAt(config.effective, 'reload');
  if (config.reload === 'manual' || node?.offset === undefined) return;
  const message = "'reload' is not available yet: a changed file is taken up by a restart";
  issues.add(node.offset, ['reload'], message, 'leave it out');
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
    `drainDelay (${formatMs(drainDelayMs)}) is longer than drainTimeout (${formatMs(drainTimeoutMs)}), which ends the drain`,
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

/** Says something about a route, at its place in the file. */
class RouteAt {
  readonly #config: Config;
  readonly #index: number;
  readonly #issues: Issues;

  constructor(config: Config, index: number, issues: Issues) {
    this.#config = config;
    this.#index = index;
    this.#issues = issues;
  }

  /** `keys` is what it is about, the most telling first; the first that the file has is the place. */
  say(keys: readonly (readonly PathStep[])[], message: string, suggestion?: string): void {
    const route = nodeAt(this.#config.effective, 'routes', this.#index);
    const written = keys.find((path) => nodeAt(route, ...path)?.offset !== undefined);
    const path = ['routes', this.#index, ...(written ?? keys[0] ?? [])];
    // Several routes may share the default that this is about: the path tells them apart.
    const node = written === undefined ? route : nodeAt(route, ...written);
    this.#issues.add(node?.offset, path, message, suggestion);
  }
}

/** How long a call can take if every attempt times out: attempts times attemptTimeout, plus the longest back-offs. */
function warnWorstCase(route: ResolvedRoute, at: RouteAt): void {
  if (route.timeout === false || route.attemptTimeout === false) return;
  const timeout = parseDuration(route.timeout.timeout);
  const attempts = route.retry === false ? 1 : route.retry.maxAttempts;
  const worst = attempts * parseDuration(route.attemptTimeout.attemptTimeout) + longestBackoff(route);
  if (worst <= timeout) return;
  const plural = attempts === 1 ? 'attempt' : 'attempts';
  at.say(
    [['timeout'], ['retry', 'maxAttempts'], ['attemptTimeout']],
    `route '${route.name}': ${attempts} ${plural} of ${route.attemptTimeout.attemptTimeout} and the longest back-off take ` +
      `${formatMs(worst)}, beyond the timeout of ${route.timeout.timeout}`,
    'lower attemptTimeout or retry.maxAttempts, or raise timeout',
  );
}

/** The sum, in milliseconds, of the longest waits between all of a route's attempts. */
export function longestBackoff(route: ResolvedRoute): number {
  if (route.retry === false) return 0;
  const { strategy, base, factor, max, jitter, delays = [] } = route.retry.backoff;
  const delaysMs = delays.map(parseDuration);
  const rules = { strategy, factor, jitter, baseMs: parseDuration(base), maxMs: parseDuration(max), delaysMs };
  let total = 0;
  for (let n = 1; n < route.retry.maxAttempts; n++) total += longestDelay(rules, n);
  return total;
}

function formatMs(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)}ms` : `${Number((ms / 1000).toFixed(1))}s`;
}

function warnUnreachable(route: ResolvedRoute, index: number, routes: readonly ResolvedRoute[], at: RouteAt): void {
  const before = routes.slice(0, index).find((earlier) => covers(earlier.match, route.match));
  if (before === undefined) return;
  at.say(
    [['name']],
    `route '${route.name}' can never be reached: '${before.name}' above matches all of its calls`,
    `move it above '${before.name}'`,
  );
}

/** Whether every call that `narrow` matches is matched by `wide` too. */
export function covers(wide: RouteMatch, narrow: RouteMatch): boolean {
  return (
    coversHost(wide.host, narrow.host) &&
    coversPath(wide.path, narrow.path) &&
    (wide.methods === undefined || (narrow.methods?.every((method) => wide.methods?.includes(method)) ?? false)) &&
    Object.entries(wide.headers).every(([name, value]) => narrow.headers[name] === value)
  );
}

function coversHost(wide: string | undefined, narrow: string | undefined): boolean {
  if (wide === undefined || wide === narrow) return true;
  return narrow !== undefined && wide.startsWith('*.') && narrow.endsWith(wide.slice(1));
}

function coversPath(wide: string | undefined, narrow: string | undefined): boolean {
  if (wide === undefined || wide === narrow || wide === '/*') return true;
  if (narrow === undefined || !wide.endsWith('/*')) return false;
  const prefix = wide.slice(0, -1);
  return narrow.startsWith(prefix) || narrow === prefix.slice(0, -1);
}

function warnUnsafeMethods(route: ResolvedRoute, at: RouteAt): void {
  if (route.retry === false) return;
  for (const [index, method] of route.retry.methods.entries()) {
    if (method !== 'POST' && method !== 'PATCH') continue;
    at.say(
      [['retry', 'methods', index]],
      `${method} is retried without need of an idempotency key: what it does may be done twice`,
      'leave it out: a request that bears a header of retry.idempotencyKeys is retried anyway',
    );
  }
}

function warnAlways(route: ResolvedRoute, at: RouteAt): void {
  if (route.fallback === false || route.match.methods?.includes('POST') === false) return;
  for (const [index, step] of route.fallback.steps.entries()) {
    if (!('upstream' in step) || step.when !== 'always') continue;
    at.say(
      [['fallback', 'steps', index, 'when']],
      `when: always sends a POST that may have been done to '${step.upstream}' too`,
      'write when: replayable, or match.methods without POST',
    );
  }
}

function warnNoBudget(route: ResolvedRoute, upstream: ResolvedUpstream, at: RouteAt): void {
  if (upstream.retryBudget !== false) return;
  const retries = route.retry !== false && route.retry.maxAttempts > 1;
  for (const [key, on] of [['retry', retries] as const, ['hedge', route.hedge !== false] as const]) {
    if (!on) continue;
    at.say(
      [[key]],
      `route '${route.name}' has a ${key} but its upstream '${upstream.name}' has no retryBudget: ` +
        'in an outage nothing bounds the added load',
      `leave out retryBudget: false, or write ${key}: false`,
    );
  }
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
    issues.add(node.offset, ownPath(node, path), message, fromFile ? `write ${value}%` : undefined);
  }
}
