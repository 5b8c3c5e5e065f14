import { durationText, quantityText } from './comparison.js';
import type { Slice } from './run-test.js';
import type { TestResult } from './run-suite.js';
import type { TimelineEntry } from './timeline.js';

/** A test's result for a terminal: a line, and of one that failed what happened. */
export function resultText(result: TestResult): string {
  const { name, passed, findings, summary } = result;
  if (passed) return `✓ ${name} (${summary})`;
  const lines = findings.map(({ key, expected, actual }) => `✗ ${name}: ${key}: expected ${expected}, got ${actual}`);
  return [...lines, ...explanation(result)].join('\n');
}

/** What happened in a test, in lines: the course of a load, and one call attempt by attempt. */
export function explanation({ observed, isLoad, summary }: TestResult): string[] {
  const { timeline, slices, firstBad } = observed;
  if (!isLoad) return timelineLines(timeline);
  const which =
    firstBad === undefined ? 'the first call' : `the first call that failed or fell back, number ${firstBad + 1}`;
  return [`    ${summary}`, ...course(slices), `    ${which}:`, ...timelineLines(timeline)];
}

function timelineLines(timeline: readonly TimelineEntry[]): string[] {
  return timeline.map(({ at, text }) => `    ${durationText(at).padStart(9)}  ${text}`);
}

/** A load part by part, with what circuits did in between. */
function course(slices: readonly Slice[]): string[] {
  const head = `    ${'from'.padStart(9)}  ${'calls'.padStart(7)}  ${'success'.padStart(8)}  ${'fallback'.padStart(8)}  attempts`;
  const rows = slices.flatMap(({ from, calls, successes, withoutFallback, attempts, circuits }) => {
    const share = (part: number) => (calls === 0 ? '-' : quantityText(rounded(part / calls), 'ratio')).padStart(8);
    const numbers = `${String(calls).padStart(7)}  ${share(successes)}  ${share(successes - withoutFallback)}  ${String(attempts).padStart(8)}`;
    return [`    ${durationText(from).padStart(9)}  ${numbers}`, ...timelineLines(circuits)];
  });
  return [head, ...rows];
}

function rounded(share: number): number {
  return Math.round(share * 10_000) / 10_000;
}
