import type { Random } from '../../runtime/random.js';

/** How much the calls between two probes vary, so that a pattern in them can not make all probes alike. */
const JITTER = 0.2;

/**
 * Which of the calls that an open circuit meets go through as probes: a share of them, evenly spaced. Were it drawn for each
 * call, chance would keep the unluckiest of a fleet waiting for four or five times as long as the others.
 */
export class ProbeSpacing {
  readonly #share: number;
  readonly #random: Random;
  #callsToGo: number;

  /** @param afterProbe whether an attempt has just failed: then a whole gap follows; else the first probe is anywhere in it, since a fleet opens together */
  constructor(share: number, random: Random, afterProbe: boolean) {
    this.#share = share;
    this.#random = random;
    this.#callsToGo = afterProbe ? this.#gap() : random() / share;
  }

  /** A call has come. Returns whether a probe is due; it stays so until one is made, and few are made up for. */
  isDue(): boolean {
    this.#callsToGo = Math.max(this.#callsToGo, -1) - 1;
    return this.#callsToGo <= 0 || this.#share >= 1;
  }

  /** A probe is made. */
  take(): void {
    this.#callsToGo += this.#gap();
  }

  #gap(): number {
    return (1 - JITTER + 2 * JITTER * this.#random()) / this.#share;
  }
}
