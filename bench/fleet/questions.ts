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
const burst = ['peak of capacity when it is back', (played: Played) => percent(played.burstOverCapacity)] as const;
const peak = ['peak of capacity', (played: Played) => percent(played.peakOverCapacity)] as const;
const recovery = ['success, recovery', (played: Played) => percent(played.phase('recovery').success)] as const;
const brownout = [
  ['success, brownout', (played: Played) => percent(played.phase('brownout').success)],
  ['attempts/call, brownout', (played: Played) => played.phase('brownout').attemptsPerCall.toFixed(2)],
] as const;

const SEEDS = [1, 2, 3];
const SHORT = 'attemptTimeout: 250ms';
const BARE = 'circuitBreaker: false\n    retryBudget: false';
const NO_PROBES = 'circuitBreaker: { probeShare: 0% }';
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
    name: 'spare',
    columns: [settled, again, recovery],
    rows: [1.1, 1.5].flatMap((spare) =>
      ['1s', '2s', '3s', '5s', '10s'].map(
        (most) =>
          [
            `${spare} × normal, \`maxOpenFor: ${most}\``,
            {
              upstream: `circuitBreaker: { maxOpenFor: ${most} }`,
              route: SHORT,
              scenario: { ...QUIET, fault: 'slow', capacity: spare * 400 },
            },
          ] as const,
      ),
    ),
    seeds: SEEDS,
  },
  {
    name: 'jitter',
    columns: [
      burst,
      ['p99, recovery', (played) => `${(played.phase('recovery').p99Ms / 1_000).toFixed(1)} s`],
      recovery,
    ],
    rows: ['none', 'equal', 'full', 'decorrelated'].map((jitter) => [
      `\`jitter: ${jitter}\``,
      {
        upstream: BARE,
        route: `retry: { backoff: { base: 500ms, jitter: ${jitter} } }`,
        scenario: { ...BUSY, latencyMs: 1_000, fault: 'restart', outageSeconds: 1 },
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
    name: 'timeouts',
    columns: [
      ['success, outage', (played) => percent(played.phase('outage').success)],
      settled,
      ['p99, outage', (played) => `${(played.phase('outage').p99Ms / 1_000).toFixed(1)} s`],
      again,
    ],
    rows: [BUSY, QUIET].flatMap((fleet) =>
      (['503', 'refuse', 'hang', 'slow'] as const).flatMap((fault) =>
        (fault === 'hang' || fault === 'slow' ? ['9s', '2s', '250ms', '{ max: 2s }'] : ['9s', '{ max: 2s }']).map(
          (timeout) =>
            [
              `${fleet === BUSY ? 'busy' : 'quiet'}, ${fault}, \`${timeout}\``,
              { route: `attemptTimeout: ${timeout}`, scenario: { ...fleet, fault } },
            ] as const,
        ),
      ),
    ),
    seeds: SEEDS,
  },
  {
    name: 'recovery',
    columns: [settled, peak, again, recovery],
    rows: [BUSY, QUIET].flatMap((fleet) =>
      (
        [
          ['no policy', { variant: 'none' }],
          ['plain retries', { variant: 'plain-retries' }],
          ['budget alone', { upstream: 'circuitBreaker: false' }],
          ['`probeShare: 0%`, no ramp', { upstream: NO_PROBES, withoutRamp: true }],
          ['`probeShare: 0%`', { upstream: NO_PROBES }],
          ['no ramp', { withoutRamp: true }],
          ['the defaults', {}],
        ] as const
      ).map(
        ([label, parts]) =>
          [
            `${fleet === BUSY ? 'busy' : 'quiet'}, ${label}`,
            { ...parts, route: SHORT, scenario: { ...fleet, fault: 'slow' } },
          ] as const,
      ),
    ),
    seeds: SEEDS,
  },
  {
    name: 'fleet',
    columns: [settled, peak, again, recovery],
    rows: [
      ['no policy', { variant: 'none', route: SHORT, scenario: LARGE }],
      ['plain retries', { variant: 'plain-retries', route: SHORT, scenario: LARGE }],
      ['budget alone', { upstream: 'circuitBreaker: false', route: SHORT, scenario: LARGE }],
      ['the defaults', { route: SHORT, scenario: LARGE }],
      [
        '`consecutiveFailures: 5`',
        { upstream: 'circuitBreaker: { consecutiveFailures: 5 }', route: SHORT, scenario: LARGE },
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
