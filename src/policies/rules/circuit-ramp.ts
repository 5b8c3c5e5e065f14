import type { Random } from '../../runtime/random.js';

/**
 * How much goes to an endpoint that has just recovered. A share of the calls that grows with time; and besides, whatever
 * the time, as many attempts at once as have been answered well: as TCP starts, one that comes back well lets one more out,
 * and a failure halves them. So a quiet sidecar refuses nobody, and a fast upstream gets its traffic back in a few round
 * trips, but a slow one only what it can answer.
 */
export class CircuitRamp {
  #inFlight = 0;
  #trusted: number;

  /** @param probes that were answered well */
  constructor(probes: number) {
    this.#trusted = probes;
  }

  /** Asks for leave to make an attempt, whose end must be told. @param passed the share of the ramp's time that is over */
  admits(passed: number, random: Random): boolean {
    if (this.#inFlight >= this.#trusted && random() >= passed) return false;
    this.#inFlight++;
    return true;
  }

  ended(result: 'success' | 'failure' | 'ignored'): void {
    this.#inFlight--;
    if (result === 'success') this.#trusted++;
    else if (result === 'failure') this.#trusted = Math.floor(this.#trusted / 2);
  }
}
