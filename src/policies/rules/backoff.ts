import type { Random } from '../../runtime/random.js';

export interface BackoffRules {
  readonly strategy: 'fixed' | 'linear' | 'exponential' | 'sequence';
  readonly baseMs: number;
  readonly factor: number;
  readonly maxMs: number;
  readonly jitter: 'none' | 'full' | 'equal' | 'decorrelated';
  /** For `sequence`; never empty then. */
  readonly delaysMs: readonly number[];
}

/**
 * The wait in milliseconds before attempt n + 1.
 *
 * `max` bounds linear and exponential growth; fixed and sequence are what was written. Jitter is AWS's full, equal or
 * decorrelated ("Exponential Backoff And Jitter"). No n overflows.
 *
 * @param n the attempt that failed, from 1
 * @param previousMs the wait before it, for decorrelated jitter; `base` before the first retry
 */
export function backoffDelay(rules: BackoffRules, n: number, previousMs: number | undefined, random: Random): number {
  if (rules.jitter === 'decorrelated') {
    const upper = Math.max(rules.baseMs, 3 * (previousMs ?? rules.baseMs));
    return Math.min(rules.maxMs, rules.baseMs + random() * (upper - rules.baseMs));
  }
  const wait = fullWait(rules, n);
  switch (rules.jitter) {
    case 'none':
      return wait;
    case 'full':
      return random() * wait;
    case 'equal':
      return wait / 2 + random() * (wait / 2);
  }
}

/** The longest wait before attempt n + 1: what `backoffDelay` never exceeds. */
export function longestDelay(rules: BackoffRules, n: number): number {
  if (rules.jitter === 'decorrelated') return Math.min(rules.maxMs, rules.baseMs * saturatingPower(3, n));
  return fullWait(rules, n);
}

/** The sum of the longest waits before so many retries. */
export function longestDelays(rules: BackoffRules, retries: number): number {
  let total = 0;
  for (let n = 1; n <= retries; n++) total += longestDelay(rules, n);
  return total;
}

function fullWait(rules: BackoffRules, n: number): number {
  switch (rules.strategy) {
    case 'fixed':
      return rules.baseMs;
    case 'linear':
      return Math.min(rules.maxMs, rules.baseMs * n);
    case 'exponential':
      return Math.min(rules.maxMs, rules.baseMs * saturatingPower(rules.factor, n - 1));
    case 'sequence':
      return rules.delaysMs[Math.min(n, rules.delaysMs.length) - 1] ?? 0;
  }
}

/** A power that stays finite, so that 0 · ∞ never becomes NaN. */
function saturatingPower(base: number, exponent: number): number {
  return Math.min(Number.MAX_VALUE, base ** exponent);
}
