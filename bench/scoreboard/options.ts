import { parseArgs } from 'node:util';

export interface ScoreboardOptions {
  /** Phases of 3 s at most: to see that all works, too short to judge by. */
  readonly quick: boolean;
  /** Fail if Outrigger misses a bound. */
  readonly check: boolean;
  /** What the upstream draws its faults by. */
  readonly seed: number;
  /** Contenders to run; all that are installed if empty. */
  readonly only: readonly string[];
}

export const USAGE = 'npm run scoreboard -- [--quick] [--check] [--seed N] [--only NAME,NAME]';

/** The command line. Throws a RangeError for a value that is none, and what parseArgs throws for an unknown flag. */
export function readOptions(args: readonly string[]): ScoreboardOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      check: { type: 'boolean', default: false },
      seed: { type: 'string', default: '1' },
      only: { type: 'string', default: '' },
    },
  });
  const seed = Number(values.seed);
  if (!Number.isInteger(seed) || seed < 0) throw new RangeError('--seed: a whole number from 0');
  return {
    quick: values.quick,
    check: values.check,
    seed,
    only: values.only.split(',').filter((name) => name !== ''),
  };
}
