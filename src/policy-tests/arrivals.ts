import type { Random } from '../runtime/random.js';

const MS_PER: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000 };

/** Calls a second of a rate such as `200/s` or `30/m`. Throws a RangeError for anything else. */
export function parseRate(text: string): number {
  const [, amount, unit = ''] = /^(\d+(?:\.\d+)?)\/([smh])$/.exec(text) ?? [];
  const per = MS_PER[unit];
  if (amount === undefined || per === undefined) throw new RangeError(`'${text}' is not a rate such as 200/s`);
  return (Number(amount) * 1_000) / per;
}

/**
 * When calls come in, in virtual milliseconds: evenly, the first at 0; or by chance, as from many apps that know nothing of
 * each other (a Poisson process: gaps are distributed exponentially).
 */
export function* arrivalTimes(
  perSecond: number,
  durationMs: number,
  arrivals: 'regular' | 'poisson',
  random: Random,
): Generator<number, void> {
  const gapMs = 1_000 / perSecond;
  if (arrivals === 'regular') {
    // Counted rather than summed up: what a sum loses by rounding would be calls in the end.
    for (let i = 0; i * gapMs < durationMs; i++) yield i * gapMs;
    return;
  }
  for (let at = 0; ;) {
    at -= Math.log(1 - random()) * gapMs;
    if (at >= durationMs) return;
    yield at;
  }
}
