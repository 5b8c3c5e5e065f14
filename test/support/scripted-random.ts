import type { Random } from '../../src/runtime/random.js';

/** Chance as a list: its numbers in turn, the last one for ever. */
export function scriptedRandom(...values: readonly number[]): Random {
  let index = 0;
  return () => values[Math.min(index++, values.length - 1)] ?? 0.5;
}

/** A small seeded generator (mulberry32), for tests that need many numbers and the same ones each time. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
