/** An axis: where values are on it, and which are named. */
export interface Ticks {
  readonly values: readonly number[];
  /** From 0, its beginning, to 1, its end; what is beyond is at the end. */
  readonly at: (value: number) => number;
}

const MOST_TICKS = 4;
const ROUND_STEPS = [1, 2, 2.5, 5, 10];

/** An axis from 0 to `most` or a little further, with round numbers. */
export function linearTicks(most: number): Ticks {
  const least = (most > 0 ? most : 1) / MOST_TICKS;
  const power = 10 ** Math.floor(Math.log10(least));
  const step = power * (ROUND_STEPS.find((candidate) => candidate * power >= least * 0.999) ?? 10);
  const count = Math.max(1, Math.ceil(most / step - 1e-3));
  const values = Array.from({ length: count + 1 }, (_, i) => Number((i * step).toPrecision(12)));
  return { values, at: (value) => inside(value / (count * step)) };
}

/** An axis from 1 to the power of ten that `most` is within. */
export function logTicks(most: number): Ticks {
  const decades = Math.max(1, Math.ceil(Math.log10(Math.max(most, 1.1)) - 1e-9));
  const values = Array.from({ length: decades + 1 }, (_, i) => 10 ** i);
  return { values, at: (value) => inside(Math.log10(Math.max(value, 1)) / decades) };
}

function inside(share: number): number {
  return Math.min(1, Math.max(0, share));
}
