import { BUSY, play, QUIET, type Plan, type Played } from './play.js';

/** What people ask, and what is played to answer it: a row for each plan. */
export interface Question {
  readonly name: string;
  readonly columns: readonly (readonly [title: string, cell: (played: Played) => string])[];
  readonly rows: readonly (readonly [label: string, plan: Plan])[];
  readonly seeds: readonly number[];
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
const again = ['99 % again', (played: Played) => seconds(played.recoverySeconds)] as const;
const settled = ['attempts/call, outage', (played: Played) => played.settledAttempts.toFixed(2)] as const;
const peak = ['peak of capacity', (played: Played) => percent(played.peakOverCapacity)] as const;
const recovery = ['success, recovery', (played: Played) => percent(played.phase('recovery').success)] as const;
const brownout = [
  ['success, brownout', (played: Played) => percent(played.phase('brownout').success)],
  ['attempts/call, brownout', (played: Played) => played.phase('brownout').attemptsPerCall.toFixed(2)],
] as const;

const SEEDS = [1, 2, 3];
const SHORT = 'attemptTimeout: 250ms';
const BARE = 'circuitBreaker: false\n    retryBudget: false';
const LARGE = { fleet: 10_000, rate: 1, fault: 'slow' } as const;

export const QUESTIONS: readonly Question[] = [
  {
    name: 'attempts',
    columns: [...brownout, settled],
    rows: [1, 2, 3, 5].map((attempts) => [
      `maxAttempts ${attempts}`,
      { route: `retry: { maxAttempts: ${attempts} }`, scenario: { ...BUSY, brownout: 0.3 } },
    ]),
    seeds: SEEDS,
  },
  {
    name: 'budget',
    columns: [...brownout, settled],
    rows: ['false', '{ failedRatio: 0% }', '{ failedRatio: 10% }', '{}', '{ failedRatio: 50% }'].map((budget) => [
      `\`retryBudget: ${budget}\``,
      {
        upstream: `circuitBreaker: false\n    retryBudget: ${budget}`,
        scenario: { ...BUSY, brownout: 0.3 },
      },
    ]),
    seeds: SEEDS,
  },
  {
    name: 'open',
    columns: [settled, again, recovery],
    rows: [BUSY, QUIET].flatMap((fleet) =>
      [
        'probeShare: 0%',
        'probeShare: 1%',
        'openFor: 1s',
        'probeShare: 10%',
        'maxOpenFor: 3s',
        'openFor: 5s, maxOpenFor: 30s',
      ].map(
        (keys) =>
          [
            `${fleet === BUSY ? 'busy' : 'quiet'}, \`${keys}\``,
            { upstream: `circuitBreaker: { ${keys} }`, scenario: fleet },
          ] as const,
      ),
    ),
    seeds: SEEDS,
  },
  {
    name: 'jitter',
    columns: [settled, peak, again],
    rows: ['none', 'equal', 'full'].map((jitter) => [
      `\`jitter: ${jitter}\``,
      {
        upstream: BARE,
        route: `retry: { backoff: { base: 1s, jitter: ${jitter} } }`,
        scenario: { ...BUSY, fault: 'refuse', outageSeconds: 10 },
      },
    ]),
    seeds: SEEDS,
  },
  {
    name: 'hedge',
    columns: [
      ['attempts/call, well', (played) => played.phase('baseline').attemptsPerCall.toFixed(2)],
      ['p99, well', (played) => `${played.phase('baseline').p99Ms.toFixed(0)} ms`],
      settled,
      again,
    ],
    rows: ['false', '{ delay: p99 }', '{ delay: p95 }', '{ delay: 20ms }'].map((hedge) => [
      `\`hedge: ${hedge}\``,
      { route: `hedge: ${hedge}\n    ${SHORT}`, scenario: { ...BUSY, fault: 'slow' } },
    ]),
    seeds: SEEDS,
  },
  {
    name: 'fleet',
    columns: [settled, peak, again, recovery],
    rows: [
      ['no policy', { variant: 'none', route: SHORT, scenario: LARGE }],
      ['plain retries', { variant: 'plain-retries', route: SHORT, scenario: LARGE }],
      ['budget alone', { upstream: 'circuitBreaker: false', route: SHORT, scenario: LARGE }],
      ['`probeShare: 0%`', { upstream: 'circuitBreaker: { probeShare: 0% }', route: SHORT, scenario: LARGE }],
      ['the defaults', { route: SHORT, scenario: LARGE }],
      [
        '`consecutiveFailures: 10`',
        { upstream: 'circuitBreaker: { consecutiveFailures: 10 }', route: SHORT, scenario: LARGE },
      ],
    ],
    seeds: [1],
  },
];

/** The rows of the table that answers it. */
export function answer({ columns, rows, seeds }: Question): string[][] {
  return rows.map(([label, plan]) => {
    const played = play(plan, seeds);
    return [label, ...columns.map(([, cell]) => cell(played))];
  });
}

function seconds(value: number | undefined): string {
  return value === undefined ? 'not within 60 s' : `${value} s`;
}
