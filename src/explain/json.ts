import { pathText } from '../config/nodes.js';
import type { Considered, ExplainedPart, Explanation, Taken } from './explain.js';
import type { WorstCase } from './worst-case.js';

/**
 * The explanation as `outrigger explain --json` prints it (docs/explain.md): times in milliseconds, null where nothing
 * bounds them; ratios as numbers.
 */
export function explanationJson({ file, call, considered, taken }: Explanation): unknown {
  const { method, host, path, query } = call;
  return {
    file,
    call: { method, host, target: path + query },
    considered: considered.map((one) => consideredJson(one)),
    route: taken === undefined ? null : takenJson(taken),
  };
}

function consideredJson({ route, place, mismatches }: Considered) {
  return {
    route,
    ...place,
    matches: mismatches.length === 0,
    mismatches: mismatches.map(({ on, name, wanted, found }) => ({
      on,
      ...(name === undefined ? {} : { name }),
      wanted,
      found: found ?? null,
    })),
  };
}

function takenJson({ route, place, target, refused, retried, notHedged, worst, parts, ...more }: Taken) {
  return {
    name: route.name,
    ...place,
    upstream: route.upstream,
    target,
    refused: refused ?? null,
    retried: { on: retried.on, not: retried.not },
    notHedged: notHedged ?? null,
    worstCase: worstCaseJson(worst),
    values: parts.flatMap((part) => valuesJson(part)),
    warnings: more.warnings,
    otherWarnings: more.otherWarnings,
  };
}

function worstCaseJson(worst: WorstCase) {
  return {
    ms: finite(worst.longestMs),
    attempts: worst.attempts,
    deadlineMs: finite(worst.deadlineMs),
    withoutDeadlineMs: finite(worst.unboundedMs),
    backoffMs: finite(worst.backoffMs),
    first: { attempts: 1, ms: finite(worst.first.longestMs) },
    retries: { attempts: worst.retries.attempts, ms: finite(worst.retries.longestMs) },
    retryAfter:
      worst.retryAfter === undefined
        ? null
        : { eachMs: finite(worst.retryAfter.eachMs), ms: finite(worst.retryAfter.longestMs) },
    hedges: { attempts: worst.hedges.attempts, ms: finite(worst.hedges.longestMs) },
    fallbackUpstreams: worst.fallbackUpstreams.map(({ upstream, attempts, longestMs, onlyUnsent }) => ({
      upstream,
      attempts,
      ms: finite(longestMs),
      onlyUnsent,
    })),
    load: worst.load.map(({ upstream, attemptsPerCall, calls, budget }) => ({
      upstream,
      attemptsPerCall,
      calls,
      budget: budget ?? null,
    })),
  };
}

function valuesJson({ kind, name, values }: ExplainedPart) {
  return values.map(({ path, value, from, place, variables }) => ({
    of: kind,
    name,
    path: pathText(path),
    value,
    from,
    ...place,
    ...(variables.length === 0 ? {} : { variables }),
  }));
}

/** Without what the last bits of a product add. */
function finite(ms: number): number | null {
  return Number.isFinite(ms) ? Number(ms.toFixed(3)) : null;
}
