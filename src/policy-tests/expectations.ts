import { durationText, holds, parseComparison, quantityText, type Quantity } from './comparison.js';
import type { Observed } from './run-test.js';
import type { CallExpectations, LoadExpectations } from './schema.js';

/** An expectation that does not hold. */
export interface Finding {
  /** The key under `expect`, such as `attempts` or `headers.retry-after`. */
  readonly key: string;
  /** As the file has it. */
  readonly expected: string;
  readonly actual: string;
}

type Checks<Expectations> = {
  readonly [Key in keyof Expectations]-?: (
    expected: NonNullable<Expectations[Key]>,
    observed: Observed,
  ) => readonly Finding[];
};

const forBoth: Checks<
  Pick<CallExpectations & LoadExpectations, 'circuit' | 'suppressed' | 'upstreamCalls' | 'elapsed'>
> = {
  elapsed: (expected, { elapsedMs }) => {
    // In a load, of every call: where the slowest and the quickest are as expected, so are those between.
    const found = [elapsedMs?.most, elapsedMs?.least].map((actual) =>
      compared('elapsed', expected, actual, 'duration'),
    );
    return found.find((one) => one.length > 0) ?? [];
  },
  circuit: (expected, { circuits }) => {
    const found = circuits.map(({ key, state }) => `${state} (${key})`).join(', ') || 'none';
    if (typeof expected === 'string') {
      const holdsForAll = expected === 'none' ? circuits.length === 0 : every(circuits, expected);
      return holdsForAll ? [] : [{ key: 'circuit', expected, actual: found }];
    }
    return Object.entries(expected).flatMap(([key, state]) =>
      same(`circuit.${key}`, state, circuits.find((circuit) => circuit.key === key)?.state ?? 'none'),
    );
  },
  suppressed: (expected, { suppressed }) => {
    const reasons: readonly string[] = [...suppressed.keys()];
    const fine = expected === 'none' ? reasons.length === 0 : reasons.includes(expected);
    return fine ? [] : [{ key: 'suppressed', expected, actual: reasons.join(', ') || 'none' }];
  },
  upstreamCalls: (expected, { upstreamCalls }) => {
    if (typeof expected !== 'object') return compared('upstreamCalls', expected, total(upstreamCalls), 'count');
    return Object.entries(expected).flatMap(([name, count]) =>
      compared(`upstreamCalls.${name}`, count, upstreamCalls.get(name) ?? 0, 'count'),
    );
  },
};

const forCall: Checks<CallExpectations> = {
  ...forBoth,
  status: (expected, { watched }) => compared('status', expected, watched?.answer?.status, 'count'),
  attempts: (expected, { watched }) => compared('attempts', expected, watched?.call?.attempts ?? 0, 'count'),
  body: (expected, { watched }) => {
    const body = watched?.answer?.body ?? '';
    return body === expected ? [] : [{ key: 'body', expected: quoted(expected), actual: quoted(body) }];
  },
  headers: (expected, { watched }) =>
    Object.entries(expected).flatMap(([name, value]) =>
      same(`headers.${name}`, value, headerOf(watched?.answer?.headers ?? [], name) ?? 'none'),
    ),
  fallback: (expected, { watched }) => same('fallback', expected, watched?.call?.fallback ?? 'none'),
};

const forLoad: Checks<LoadExpectations> = {
  ...forBoth,
  success: (expected, { successes, calls }) => compared('success', expected, successes / calls, 'ratio'),
  successWithoutFallback: (expected, { withoutFallback, calls }) =>
    compared('successWithoutFallback', expected, withoutFallback / calls, 'ratio'),
  attemptsPerCall: (expected, { upstreamCalls, calls }) =>
    compared('attemptsPerCall', expected, total(upstreamCalls) / calls, 'count'),
  recovery: (expected, { recoveryMs }) => compared('recovery', expected, recoveryMs, 'duration'),
};

/** Everything that one call did not do as expected, in the file's order. */
export function checkCall(expected: CallExpectations, observed: Observed): readonly Finding[] {
  return check(forCall, expected, observed);
}

/** Everything that a load did not do as expected, in the file's order. */
export function checkLoad(expected: LoadExpectations, observed: Observed): readonly Finding[] {
  return check(forLoad, expected, observed);
}

function check<Expectations extends object>(
  checks: Checks<Expectations>,
  expected: Expectations,
  observed: Observed,
): readonly Finding[] {
  const keys = Object.keys(expected) as (keyof Expectations)[];
  return keys.flatMap((key) => {
    const value = expected[key];
    return value === undefined || value === null ? [] : checks[key](value, observed);
  });
}

function every(circuits: Observed['circuits'], expected: string): boolean {
  return circuits.length > 0 && circuits.every(({ state }) => state === expected);
}

function total(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0);
}

function compared(
  key: string,
  expected: string | number,
  actual: number | undefined,
  quantity: Quantity,
): readonly Finding[] {
  if (holds(parseComparison(expected, quantity), actual, quantity)) return [];
  return [{ key, expected: String(expected), actual: quantityText(actual, quantity) }];
}

function same(key: string, expected: string, actual: string): readonly Finding[] {
  return actual === expected ? [] : [{ key, expected, actual }];
}

/** A header's values, joined as RFC 9110, 5.3 says. */
function headerOf(headers: readonly string[], name: string): string | undefined {
  const values = headers.filter((_, index) => index % 2 === 1 && headers[index - 1]!.toLowerCase() === name);
  return values.length === 0 ? undefined : values.join(', ');
}

/** A body as a line of a report shows it. */
function quoted(text: string): string {
  const line = JSON.stringify(text);
  return line.length > 200 ? `${line.slice(0, 200)}… (${text.length} characters)` : line;
}

/** A summary of what was seen, for the report of a test that holds. */
export function summary(observed: Observed): string {
  const { calls, successes, upstreamCalls, watched, endedAt } = observed;
  if (calls === 1 && watched !== undefined) {
    const attempts = watched.call?.attempts ?? 0;
    return `${watched.answer?.status ?? 'no answer'}, ${attempts} attempt${attempts === 1 ? '' : 's'}, ${durationText(endedAt)}`;
  }
  const success = quantityText(successes / calls, 'ratio');
  return `${calls} calls, ${success} success, ${quantityText(total(upstreamCalls) / calls, 'count')} attempts per call`;
}
