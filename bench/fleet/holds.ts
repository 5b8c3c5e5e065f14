import { play, type Plan, type Played } from './play.js';

/** What the defaults are held to: a figure and its bound. */
interface Bound {
  readonly figure: string;
  readonly of: (played: Played) => number;
  readonly is: '≤' | '≥';
  readonly bound: number;
}

/** The fleets that the defaults were chosen for. */
const FLEETS = [
  { name: 'busy', fleet: { fleet: 200, rate: 20 }, afterOutage: 3, afterSlow: 5 },
  { name: 'quiet', fleet: { fleet: 1_000, rate: 2 }, afterOutage: 5, afterSlow: 15 },
] as const;

const SEEDS = [1, 2];

const again = (bound: number): Bound => ({
  figure: 'seconds until 99 % again',
  of: ({ recoverySeconds }) => recoverySeconds ?? Infinity,
  is: '≤',
  bound,
});
const SETTLED: Bound = {
  figure: 'attempts/call after 5 s',
  of: ({ settledAttempts }) => settledAttempts,
  is: '≤',
  bound: 0.2,
};
const BROWNOUT: readonly Bound[] = [
  { figure: 'success', of: (played) => played.phase('brownout').success, is: '≥', bound: 0.995 },
  { figure: 'attempts/call', of: (played) => played.phase('brownout').attemptsPerCall, is: '≤', bound: 1.6 },
];

const PLANS = FLEETS.flatMap(({ name, fleet, afterOutage, afterSlow }): [string, Plan, readonly Bound[]][] => [
  [`${name}, all 503`, { scenario: fleet }, [SETTLED, again(afterOutage)]],
  [
    `${name}, slow, attempts of 250 ms`,
    { route: 'attemptTimeout: 250ms', scenario: { ...fleet, fault: 'slow' } },
    [again(afterSlow)],
  ],
  [
    `${name}, brownout of 30 %, five attempts`,
    { route: 'retry: { maxAttempts: 5 }', scenario: { ...fleet, brownout: 0.3 } },
    BROWNOUT,
  ],
]);

export const HOLDS_HEAD = ['holds', 'figure', 'is', 'bound', ''] as const;

/** A row for each bound, each seed; the last cell says which are missed. */
export function holds(): { readonly rows: string[][]; readonly missed: number } {
  const rows = PLANS.flatMap(([label, plan, bounds]) =>
    SEEDS.flatMap((seed) => {
      const played = play(plan, [seed]);
      return bounds.map(({ figure, of, is, bound }) => {
        const value = of(played);
        const kept = is === '≤' ? value <= bound : value >= bound;
        return [`${label}, seed ${seed}`, figure, value.toFixed(4), `${is} ${bound}`, kept ? '' : 'missed'];
      });
    }),
  );
  return { rows, missed: rows.filter((row) => row.at(-1) !== '').length };
}
