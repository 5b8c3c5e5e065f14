import { parseArgs } from 'node:util';
import { wholeNumber } from '../lib/options.js';

export interface GrowthOptions {
  /** Each point is measured once in each. */
  readonly rounds: number;
  readonly warmup: number;
  /** Seconds counted, of each point in each round. */
  readonly seconds: number;
  /** Curves to measure; all if empty. */
  readonly curves: readonly string[];
}

export const USAGE = `npm run bench:growth -- [--curve NAME,NAME] [--rounds N] [--warmup SECONDS] [--seconds SECONDS]
  curves: connections, answers, uploads, routes, upstreams, keys, metrics`;

/** The command line. Throws a RangeError for a value that is none, and what parseArgs throws for an unknown flag. */
export function readGrowthOptions(args: readonly string[]): GrowthOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: 'string' },
      warmup: { type: 'string' },
      seconds: { type: 'string' },
      curve: { type: 'string', default: '' },
    },
  });
  return {
    rounds: wholeNumber('--rounds', values.rounds, 3, 50),
    warmup: wholeNumber('--warmup', values.warmup, 1, 60),
    seconds: wholeNumber('--seconds', values.seconds, 2, 300),
    curves: values.curve.split(',').filter((name) => name !== ''),
  };
}
