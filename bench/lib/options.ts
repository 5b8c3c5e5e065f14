import { parseArgs } from 'node:util';

export interface BenchOptions {
  /** Each contender is measured once in each. */
  readonly rounds: number;
  /** Seconds of load before anything is counted, in each round. */
  readonly warmup: number;
  /** Seconds counted. */
  readonly seconds: number;
  /** Scenarios to run; all if empty. */
  readonly scenarios: readonly string[];
  /** Contenders to measure; all that are installed if empty. */
  readonly only: readonly string[];
}

export const USAGE = `npm run bench -- [--quick] [--rounds N] [--warmup SECONDS] [--seconds SECONDS]
                 [--scenario small,latency,large,upload] [--only NAME,NAME]`;

/** No run may take the machine for longer, whatever is asked for. */
const MOST = { rounds: 50, warmup: 60, seconds: 300 };

/** The command line. Throws a RangeError for a value that is none, and what parseArgs throws for an unknown flag. */
export function readOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      warmup: { type: 'string' },
      seconds: { type: 'string' },
      scenario: { type: 'string', default: '' },
      only: { type: 'string', default: '' },
    },
  });
  const number = (name: keyof typeof MOST, otherwise: number): number =>
    wholeNumber(`--${name}`, values[name], otherwise, MOST[name]);
  return {
    rounds: number('rounds', values.quick ? 1 : 3),
    warmup: number('warmup', values.quick ? 1 : 2),
    seconds: number('seconds', values.quick ? 1 : 4),
    scenarios: names(values.scenario),
    only: names(values.only),
  };
}

/** An option's value. Throws a RangeError if it is no whole number from 1 to `most`. */
export function wholeNumber(option: string, text: string | undefined, otherwise: number, most: number): number {
  const value = text === undefined ? otherwise : Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= most) return value;
  throw new RangeError(`${option}: a whole number from 1 to ${most}`);
}

const names = (list: string): string[] => list.split(',').filter((name) => name !== '');
