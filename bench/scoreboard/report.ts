/** From figures to a Markdown table. */
import { markdown } from '../lib/table.js';
import type { Figures, PhaseFigures } from './judge.js';

export interface Row {
  readonly contender: string;
  readonly figures: Figures;
}

const HEAD = [
  'contender',
  'brownout: success',
  'p50, ms',
  'p99, ms',
  'attempts per call',
  'outage: attempts per call',
  'success',
  'recovery, s',
  'hang: median, ms',
  'success',
];

export function scoreboard(rows: readonly Row[]): string {
  return markdown(
    HEAD,
    rows.map(({ contender, figures }) => {
      const phase = (name: PhaseFigures['name']) => figures.phases.find((one) => one.name === name);
      const [brownout, outage, hang] = [phase('brownout'), phase('outage'), phase('hang')];
      return [
        contender,
        percent(brownout?.success),
        fixed(brownout?.p50Ms, 0),
        fixed(brownout?.p99Ms, 0),
        fixed(brownout?.attemptsPerCall, 2),
        fixed(outage?.attemptsPerCall, 2),
        percent(outage?.success),
        Number.isFinite(figures.recoverySeconds) ? figures.recoverySeconds.toFixed(1) : 'never',
        fixed(hang?.p50Ms, 0),
        percent(hang?.success),
      ];
    }),
  );
}

function percent(share: number | undefined): string {
  return share === undefined || Number.isNaN(share) ? '-' : `${(share * 100).toFixed(2)} %`;
}

function fixed(value: number | undefined, digits: number): string {
  return value === undefined || Number.isNaN(value) ? '-' : value.toFixed(digits);
}
