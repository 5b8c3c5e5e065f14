import type { Config, ResolvedRoute } from '../config/config.js';
import type { ConfigIssue } from '../config/issues.js';
import { pathText } from '../config/nodes.js';
import { type Part, type Place, placeOf, type ValueInForce, valuesInForce } from '../config/provenance.js';
import { HIDDEN, isSecretHeader } from '../config/redact.js';
import { warnings } from '../config/warnings.js';
import { matchesPaths, mayEscape, rewritePath } from '../edge/target.js';
import { type Mismatch, mismatches } from '../routing/mismatch.js';
import { createRouter } from '../routing/router.js';
import type { AskedCall } from './asked.js';
import { type Retried, retriedFor, whyNotHedged } from './retried.js';
import { worstCase, type WorstCase } from './worst-case.js';

/** What a policy file makes of a call. */
export interface Explanation {
  readonly file: string;
  readonly call: AskedCall;
  /** The routes that were looked at, in the file's order: the last is the one that matches, if one does. */
  readonly considered: readonly Considered[];
  /** Undefined where no route matches. */
  readonly taken: Taken | undefined;
}

export interface Considered {
  readonly route: string;
  readonly place: Place | undefined;
  /** Why it does not match; empty for the one that does. */
  readonly mismatches: readonly Mismatch[];
}

/** The route that takes the call, and what it does with it. */
export interface Taken {
  readonly route: ResolvedRoute;
  readonly place: Place | undefined;
  /** What the upstream is asked for: path and query. */
  readonly target: string;
  /** Why the call is refused with 400 all the same. */
  readonly refused: string | undefined;
  readonly retried: Retried;
  /** Why there are no hedges for this call, though the route has them. */
  readonly notHedged: string | undefined;
  readonly worst: WorstCase;
  /** The route, its upstream, and the upstreams that its fallback names. */
  readonly parts: readonly ExplainedPart[];
  /** Those that concern these parts. */
  readonly warnings: readonly ConfigIssue[];
  /** How many there are about others. */
  readonly otherWarnings: number;
}

export interface ExplainedPart {
  readonly kind: 'route' | 'upstream' | 'fallback upstream';
  readonly name: string;
  readonly place: Place | undefined;
  readonly values: readonly ValueInForce[];
}

export function explain(config: Config, call: AskedCall): Explanation {
  const matched = createRouter(config.routes).find(call);
  const end = matched === undefined ? config.routes.length : config.routes.indexOf(matched) + 1;
  const considered = config.routes.slice(0, end).map((route, index) => ({
    route: route.name,
    place: placeOf(config, ['routes', index]),
    mismatches: mismatches(route.match, call).map((mismatch) => withoutSecret(mismatch, config)),
  }));
  const taken = matched === undefined ? undefined : take(config, matched, end - 1, call);
  return { file: config.file, call, considered, taken };
}

function take(config: Config, route: ResolvedRoute, index: number, call: AskedCall): Taken {
  const retried = retriedFor(route, call);
  const escapes = mayEscape(call.path, matchesPaths(config.routes), route.rewrite);
  const elsewhere = route.fallback === false ? [] : route.fallback.steps.flatMap((step) => namedBy(step));
  const part = (kind: ExplainedPart['kind'], name: string, at: Part): ExplainedPart => {
    return { kind, name, place: placeOf(config, at), values: valuesInForce(config, at) };
  };
  const all = warnings(config);
  const names = [route.upstream, ...new Set(elsewhere)];
  const concerning = all.filter(({ path }) => concerns(path, index, names));
  return {
    route,
    place: placeOf(config, ['routes', index]),
    target: rewritePath(call.path, route.rewrite) + call.query,
    refused: escapes ? 'the path has dot segments, which could lead around the routes' : undefined,
    retried,
    notHedged: whyNotHedged(route, call),
    worst: worstCase(config, route, call, retried),
    parts: [
      part('route', route.name, ['routes', index]),
      ...names.map((name, position) =>
        part(position === 0 ? 'upstream' : 'fallback upstream', name, ['upstreams', name]),
      ),
    ],
    warnings: concerning,
    otherWarnings: all.length - concerning.length,
  };
}

type Step = Exclude<ResolvedRoute['fallback'], false>['steps'][number];

function namedBy(step: Step): readonly string[] {
  return 'upstream' in step ? [step.upstream] : [];
}

/** Whether a warning's path is about a route or one of its upstreams; what stands under `defaults` is about all. */
function concerns(path: string, route: number, upstreams: readonly string[]): boolean {
  if (path.startsWith('defaults.')) return true;
  const prefixes = [`routes[${route}]`, ...upstreams.map((name) => pathText(['upstreams', name]))];
  return prefixes.some((prefix) => path === prefix || path.startsWith(`${prefix}.`));
}

function withoutSecret(mismatch: Mismatch, { log }: Config): Mismatch {
  if (mismatch.name === undefined || !isSecretHeader(mismatch.name, log.redact)) return mismatch;
  return { ...mismatch, wanted: HIDDEN, found: mismatch.found === undefined ? undefined : HIDDEN };
}
