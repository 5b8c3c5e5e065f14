import type { Random } from '../../src/runtime/random.js';

/** Chance as a list: its numbers in turn, the last one for ever. */
export function scriptedRandom(...values: readonly number[]): Random {
  let index = 0;
  return () => values[Math.min(index++, values.length - 1)] ?? 0.5;
}
