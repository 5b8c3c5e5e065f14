import type { FarSideReport, Weather } from './far-side.js';
import type { Ended, Outcome } from './load.js';
import type { Holding } from './proxy.js';

const MOST_LATE_MS = 100;
const MOST_HEAP = 1.1;
/** What a collector leaves here and there. */
const HEAP_SLACK = 2 * 1024 * 1024;
const RSS_SLACK = 40 * 1024 * 1024;
/** Of the calls once the weather is fair again. */
const LEAST_RIGHT = 0.99;

/** Counts the calls of a run. */
export class Tally {
  calls = 0;
  readonly outcomes = new Map<Outcome, number>();
  readonly #right = new Map<Weather, { right: number; all: number }>();
  /** What comes last is what should be empty. */
  readonly wrong: Ended[] = [];
  /** The latest, as it was seen, and after what the load generator and the machine had of it. */
  latestMs = -Infinity;
  latestOwnMs = -Infinity;

  add(ended: Ended, weather: Weather): void {
    this.calls++;
    this.outcomes.set(ended.outcome, (this.outcomes.get(ended.outcome) ?? 0) + 1);
    const seen = this.#right.get(weather) ?? { right: 0, all: 0 };
    seen.all++;
    if (ended.outcome === 'right' || ended.outcome === 'refused by the service') seen.right++;
    this.#right.set(weather, seen);
    if (isWrong(ended.outcome)) this.wrong.push(ended);
    this.latestMs = Math.max(this.latestMs, ended.lateMs);
    this.latestOwnMs = Math.max(this.latestOwnMs, ended.lateMs - ended.excusedMs);
  }

  /** The share of calls that had the service's own answer. */
  right(weather: Weather): number {
    const { right, all } = this.#right.get(weather) ?? { right: 0, all: 0 };
    return all === 0 ? NaN : right / all;
  }

  get weathers(): Iterable<Weather> {
    return this.#right.keys();
  }

  count(outcome: Outcome): number {
    return this.outcomes.get(outcome) ?? 0;
  }
}

/** Ends that were promised to nobody. */
function isWrong(outcome: Outcome): boolean {
  return outcome === 'wrong' || outcome === 'lost' || outcome === 'not HTTP' || outcome === 'problem internal';
}

export interface Findings {
  readonly seconds: number;
  readonly tally: Tally;
  readonly calm: Tally;
  readonly far: FarSideReport;
  readonly before: Holding;
  readonly after: Holding;
  readonly skipped: number;
  readonly longestStallMs: number;
  readonly exitCode: number | null;
  readonly errors: string;
}

const mib = (bytes: number): string => `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
const late = (ms: number): string => (ms > 0 ? `${ms.toFixed(0)} ms` : 'none');
const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;

export function summary(found: Findings): string {
  const { tally, far, before, after } = found;
  const outcomes = [...tally.outcomes].sort(([, a], [, b]) => b - a).map(([outcome, count]) => `${outcome} ${count}`);
  const faults = Object.entries(far.faults).map(([fault, count]) => `${fault} ${count}`);
  const shares = [...tally.weathers].map((weather) => `${weather} ${percent(tally.right(weather))}`);
  return [
    `calls                 ${tally.calls} in ${found.seconds.toFixed(0)} s; the service saw ${far.requests} requests; ${found.skipped} calls due were not made`,
    `faults                ${faults.join(', ')}`,
    `outcomes              ${outcomes.join(', ')}`,
    `the service's answer  ${shares.join(', ')}; at the end ${percent(found.calm.right('none'))} of ${found.calm.calls}`,
    `wrong bodies          ${tally.count('wrong')}`,
    `lost                  ${tally.count('lost')}`,
    `POSTs done twice      ${far.doneTwice}`,
    `latest past deadline  ${late(tally.latestOwnMs)}; as seen ${late(tally.latestMs)} (the load generator stalled up to ${found.longestStallMs.toFixed(0)} ms)`,
    `memory                heap ${mib(before.heap)} before, ${mib(after.heap)} after; resident ${mib(before.rss)} before, ${mib(after.rss)} after, peak ${mib(after.peak)}`,
    `descriptors           ${before.descriptors} before, ${after.descriptors} after`,
  ].join('\n');
}

/** What is not as promised; empty if all is. */
export function failures(found: Findings): string[] {
  const { tally, calm, far, before, after } = found;
  const checks: readonly (readonly [holds: boolean, what: string])[] = [
    [tally.calls > 0 && Object.keys(far.faults).length > 0, 'nothing was tried'],
    [
      tally.wrong.length === 0,
      `${tally.wrong.length} calls ended as none may: ${tally.wrong.slice(0, 5).map(described).join('; ')}`,
    ],
    [far.doneTwice === 0, `${far.doneTwice} POSTs were done twice`],
    [tally.latestOwnMs <= MOST_LATE_MS, `a call ended ${tally.latestOwnMs.toFixed(0)} ms past its deadline`],
    [
      calm.right('none') >= LEAST_RIGHT,
      `only ${percent(calm.right('none'))} of the calls succeed once all is well again`,
    ],
    [
      after.heap <= before.heap * MOST_HEAP + HEAP_SLACK,
      `the heap grew from ${mib(before.heap)} to ${mib(after.heap)}`,
    ],
    [after.rss <= before.rss + RSS_SLACK, `resident memory grew from ${mib(before.rss)} to ${mib(after.rss)}`],
    [after.descriptors <= before.descriptors, `descriptors grew from ${before.descriptors} to ${after.descriptors}`],
    [after.complaints.length === 0, `Node complains: ${after.complaints.join('; ')}`],
    [found.errors === '', `the proxy's log has errors: ${found.errors.slice(0, 2_000)}`],
    [found.exitCode === 0, `the proxy ended with ${found.exitCode}`],
  ];
  return checks.filter(([holds]) => !holds).map(([, what]) => what);
}

function described({ call, outcome, answer }: Ended): string {
  const { method, path, body, expected } = call;
  return `${outcome}: ${method} ${path} with ${body.length} bytes (${expected.checksum.slice(0, 20)}…) was answered ${answer}`;
}
