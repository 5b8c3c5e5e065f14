/** What Outrigger is held to. */
import type { Figures, PhaseFigures } from './judge.js';

interface Bound {
  readonly what: string;
  readonly allowed: string;
  readonly got: (figures: Figures) => number;
  readonly holds: (value: number) => boolean;
}

const of = (name: PhaseFigures['name'], pick: (phase: PhaseFigures) => number) => (figures: Figures) => {
  const phase = figures.phases.find((one) => one.name === name);
  return phase === undefined ? NaN : pick(phase);
};
const atMost = (most: number) => (value: number) => value <= most;
const atLeast = (least: number) => (value: number) => value >= least;

const POLICIES: readonly Bound[] = [
  { what: 'brownout, success', allowed: '≥ 0.999', got: of('brownout', (p) => p.success), holds: atLeast(0.999) },
  { what: 'brownout, p99 in ms', allowed: '≤ 400', got: of('brownout', (p) => p.p99Ms), holds: atMost(400) },
  {
    what: 'brownout, attempts per call',
    allowed: '≤ 1.6',
    got: of('brownout', (p) => p.attemptsPerCall),
    holds: atMost(1.6),
  },
  {
    what: 'outage, attempts per call',
    allowed: '≤ 0.2',
    got: of('outage', (p) => p.attemptsPerCall),
    holds: atMost(0.2),
  },
  { what: 'recovery in s', allowed: '≤ 2', got: (figures) => figures.recoverySeconds, holds: atMost(2) },
  { what: 'hang, median in ms', allowed: '≤ 20', got: of('hang', (p) => p.p50Ms), holds: atMost(20) },
];

const STALE: readonly Bound[] = [
  ...POLICIES,
  ...(['outage', 'hang'] as const).map((name) => ({
    what: `${name}, success of calls to a URL that had a good answer before`,
    allowed: '1',
    got: of(name, (phase) => phase.successOfKnown),
    holds: atLeast(1),
  })),
];

/** The bounds that were missed, in words. */
export function missed(figures: Figures, bounds: 'policies' | 'stale'): string[] {
  return (bounds === 'stale' ? STALE : POLICIES)
    .filter(({ got, holds }) => !holds(got(figures)))
    .map(({ what, allowed, got }) => `${what}: ${Number(got(figures).toPrecision(4))}, allowed ${allowed}`);
}
