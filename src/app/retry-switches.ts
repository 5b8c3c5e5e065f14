import type { Clock, Timer } from '../runtime/clock.js';

/** A route's switch for retries and hedges. */
export interface RetrySwitchView {
  readonly route: string;
  readonly enabled: boolean;
  /** Milliseconds until they are on again by themselves; undefined: never, or they are on. */
  readonly remainingMs: number | undefined;
}

interface Off {
  /** Monotonic milliseconds. */
  readonly until: number;
  readonly timer: Timer | undefined;
}

/** The operator's switches that stop retries and hedges, by route. On is the normal state, and what a restart brings. */
export class RetrySwitches {
  readonly #clock: Clock;
  readonly #onOver: (route: string) => void;
  readonly #off = new Map<string, Off>();

  /** @param onOver a route's time to live is over, and its retries are on again */
  constructor(clock: Clock, onOver: (route: string) => void) {
    this.#clock = clock;
    this.#onOver = onOver;
  }

  /** Asked before each retry and hedge. */
  isEnabled(route: string): boolean {
    return !this.#off.has(route);
  }

  /** @param ttlMs how long they are off; Infinity: until switched on */
  set(route: string, enabled: boolean, ttlMs: number): void {
    this.#off.get(route)?.timer?.cancel();
    this.#off.delete(route);
    if (enabled) return;
    const timer = Number.isFinite(ttlMs) ? this.#clock.setTimer(ttlMs, () => this.#over(route), true) : undefined;
    this.#off.set(route, { until: this.#clock.now() + ttlMs, timer });
  }

  /** Forgets the switches of routes that are no more. */
  retain(routes: ReadonlySet<string>): void {
    for (const [route, { timer }] of this.#off) {
      if (routes.has(route)) continue;
      timer?.cancel();
      this.#off.delete(route);
    }
  }

  view(route: string): RetrySwitchView {
    const off = this.#off.get(route);
    const left = off === undefined || off.until === Infinity ? undefined : off.until - this.#clock.now();
    return { route, enabled: off === undefined, remainingMs: left === undefined ? undefined : Math.max(0, left) };
  }

  #over(route: string): void {
    this.#off.delete(route);
    this.#onOver(route);
  }
}
