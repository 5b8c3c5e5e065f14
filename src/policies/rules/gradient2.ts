import type { LimitRule } from './limiter.js';

export interface Gradient2Rules {
  readonly initial: number;
  readonly min: number;
  readonly max: number;
  /** How much of each new estimate is taken over, from 0 to 1. */
  readonly smoothing: number;
  /** How many attempts may queue up at the upstream: what the limit grows by while nothing speaks against it. */
  readonly queueAllowance: number;
  /** How many times its long-term mean the latency may be before the limit falls. */
  readonly tolerance: number;
}

/** The rules of `limit: adaptive`. */
export const GRADIENT2: Gradient2Rules = {
  initial: 20,
  min: 4,
  max: 1_000,
  smoothing: 0.2,
  queueAllowance: 4,
  tolerance: 1.5,
};

/** No step takes more than half off before smoothing, whatever an outlier says. */
const LEAST_GRADIENT = 0.5;

/** Samples are gathered before each step, since one attempt's latency says little. In milliseconds and samples. */
const MIN_WINDOW_MS = 100;
const MAX_WINDOW_MS = 1_000;
const MIN_SAMPLES = 10;

/** Steps over which the long-term mean is taken; the first few are averaged plainly, so that it starts somewhere. */
const LONG_TERM_STEPS = 600;
const WARM_UP_STEPS = 10;

/** Shorter latencies can't be told apart, in milliseconds. */
const LEAST_LATENCY_MS = 0.1;

/**
 * A concurrency limit that follows the latency: the gradient is the long-term mean, times the tolerance, over the mean of
 * the last moment, between 0.5 and 1; the limit moves towards `limit · gradient + queue allowance`. It holds while less than
 * half of it is in use, since then nothing is learned about it.
 *
 * A drop (a timeout, a 429 or a 503) says nothing by its latency, since refusals are fast: its share does. If of the
 * attempts in flight a share s was served, `limit · s` is what the upstream can serve, so the gradient is never above s, and
 * the queue allowance is granted for the share served. All dropped, the limit falls by a tenth a step down to the minimum;
 * with 2 % of errors that have nothing to do with load it settles near 200 instead of falling for ever, as it would with a
 * fixed cut per drop.
 *
 * Source: Netflix concurrency-limits, Gradient2 with a sampling window (there a drop has no effect of its own).
 */
export class Gradient2 implements LimitRule {
  readonly #rules: Gradient2Rules;
  #estimate: number;
  #longTermMs = 0;
  #steps = 0;
  #windowFrom = 0;
  #served = 0;
  #servedMs = 0;
  #shortestMs = Infinity;
  #dropped = 0;
  #inFlight = 0;

  constructor(rules: Gradient2Rules = GRADIENT2) {
    this.#rules = rules;
    this.#estimate = rules.initial;
  }

  get limit(): number {
    return Math.floor(this.#estimate);
  }

  sample(now: number, tookMs: number, inFlight: number, dropped: boolean): void {
    if (this.#served + this.#dropped === 0) this.#windowFrom = now;
    this.#inFlight = Math.max(this.#inFlight, inFlight);
    if (dropped) {
      this.#dropped++;
    } else {
      this.#served++;
      this.#servedMs += tookMs;
      this.#shortestMs = Math.min(this.#shortestMs, tookMs);
    }
    if (this.#windowIsFull(now)) this.#step();
  }

  /** Long enough to see what the last step did: two round trips, within bounds. */
  #windowIsFull(now: number): boolean {
    const passedMs = now - this.#windowFrom;
    if (passedMs >= MAX_WINDOW_MS) return true;
    return passedMs >= Math.max(MIN_WINDOW_MS, 2 * this.#shortestMs) && this.#served + this.#dropped >= MIN_SAMPLES;
  }

  #step(): void {
    const share = this.#served / (this.#served + this.#dropped);
    const byLatency = this.#served === 0 ? 1 : this.#latencyGradient(this.#servedMs / this.#served);
    if (this.#inFlight >= this.#estimate / 2) this.#move(Math.min(byLatency, share), share);
    this.#served = 0;
    this.#servedMs = 0;
    this.#shortestMs = Infinity;
    this.#dropped = 0;
    this.#inFlight = 0;
  }

  #latencyGradient(meanMs: number): number {
    const now = Math.max(meanMs, LEAST_LATENCY_MS);
    const weight = this.#steps < WARM_UP_STEPS ? 1 / (this.#steps + 1) : 2 / (LONG_TERM_STEPS + 1);
    this.#steps++;
    this.#longTermMs += weight * (now - this.#longTermMs);
    const gradient = (this.#rules.tolerance * this.#longTermMs) / now;
    // After a long overload the mean would take minutes to come down; meanwhile new slowness would pass unseen.
    if (this.#longTermMs / now > 2) this.#longTermMs *= 0.95;
    return gradient;
  }

  #move(gradient: number, shareServed: number): void {
    const { smoothing, queueAllowance, min, max } = this.#rules;
    const bounded = Math.max(LEAST_GRADIENT, Math.min(1, gradient));
    const wanted = this.#estimate * bounded + queueAllowance * shareServed;
    const next = this.#estimate * (1 - smoothing) + wanted * smoothing;
    this.#estimate = Math.max(min, Math.min(max, next));
  }
}
