/** Whether anything grew. */
import { markdown } from '../lib/table.js';
import type { Measure, SoakWindow } from './plan.js';

/** The last third of the windows against the first: so much more is growth. */
const MOST = { heap: 1.1, rss: 1.1, descriptors: 1.25, p99: 1.5 } as const;
/** Descriptors that come and go. */
export const SPARE_DESCRIPTORS = 8;

export interface Verdict {
  readonly what: string;
  readonly before: string;
  readonly after: string;
  readonly holds: boolean;
}

/** @param before settled, after the warm-up; @param after settled, after the load: both after a forced collection */
export function judge(windows: readonly SoakWindow[], before: Measure, after: Measure): Verdict[] {
  const third = Math.max(1, Math.floor(windows.length / 3));
  const [first, last] = [windows.slice(0, third), windows.slice(-third)];
  const verdict = (what: string, from: number, to: number, most: number, digits: number): Verdict => ({
    what,
    before: from.toFixed(digits),
    after: to.toFixed(digits),
    // Of nothing nothing is known: NaN holds no bound.
    holds: to <= most,
  });
  const under = (what: string, pick: (window: SoakWindow) => number, most: number, spare: number, digits: number) => {
    const [from, to] = [mean(first.map(pick)), mean(last.map(pick))];
    return verdict(`${what}, first and last third of the load`, from, to, from * most + spare, digits);
  };
  const settledHeap = [megabytes(before.heap), megabytes(after.heap)] as const;
  return [
    verdict('heap at rest, collected, MB', ...settledHeap, settledHeap[0] * MOST.heap, 1),
    verdict('descriptors at rest', before.descriptors, after.descriptors, before.descriptors + SPARE_DESCRIPTORS, 0),
    under('heap, its lowest, MB', ({ heapFloor }) => megabytes(heapFloor), MOST.heap, 0, 1),
    under('resident memory, MB', ({ rss }) => megabytes(rss), MOST.rss, 0, 0),
    under('descriptors', ({ descriptors }) => descriptors, MOST.descriptors, SPARE_DESCRIPTORS, 0),
    under('p99, ms', ({ p99Ms }) => p99Ms, MOST.p99, 0, 2),
    verdict('complaints of Node', before.complaints.length, after.complaints.length, 0, 0),
  ];
}

export function verdictTable(verdicts: readonly Verdict[]): string {
  const rows = verdicts.map(({ what, before, after, holds }) => [what, before, after, holds ? 'holds' : 'GREW']);
  return markdown(['', 'before', 'after', ''], rows);
}

export function windowTable(windows: readonly SoakWindow[]): string {
  const rows = windows.map((window, index) => [
    String(index + 1),
    String(window.calls),
    `${((window.good / window.calls) * 100).toFixed(2)} %`,
    window.p50Ms.toFixed(2),
    window.p99Ms.toFixed(2),
    megabytes(window.rss).toFixed(0),
    megabytes(window.heapFloor).toFixed(1),
    window.descriptors.toFixed(0),
    window.latestMs.toFixed(0),
    String(window.unmade),
  ]);
  const head = ['window', 'calls', 'whole 200s', 'p50, ms', 'p99, ms', 'RSS, MB', 'heap, MB', 'descriptors'];
  return markdown([...head, 'load late by, ms', 'calls not made'], rows);
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function megabytes(bytes: number): number {
  return bytes / 1e6;
}
