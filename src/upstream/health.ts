/** How many checks in a row change the mind about an endpoint. */
export interface HealthRules {
  readonly healthyAfter: number;
  readonly unhealthyAfter: number;
}

/** What the checks of one endpoint come to. */
export class EndpointHealth {
  readonly #rules: HealthRules;
  #healthy: boolean;
  /** Checks in a row that spoke against what is believed. */
  #against = 0;

  /** @param healthy what is believed at first: a new endpoint is healthy, so that calls flow at once */
  constructor(rules: HealthRules, healthy = true) {
    this.#rules = rules;
    this.#healthy = healthy;
  }

  get healthy(): boolean {
    return this.#healthy;
  }

  /** Takes the result of a check. Returns whether it changed the mind. */
  record(good: boolean): boolean {
    if (good === this.#healthy) {
      this.#against = 0;
      return false;
    }
    const { healthyAfter, unhealthyAfter } = this.#rules;
    this.#against++;
    if (this.#against < (this.#healthy ? unhealthyAfter : healthyAfter)) return false;
    this.#healthy = good;
    this.#against = 0;
    return true;
  }
}

/** Which endpoints may be used. */
export interface Usable<Endpoint> {
  readonly endpoints: readonly Endpoint[];
  /** So few are healthy that the checks are not believed: rather the check is broken than all of them. */
  readonly panic: boolean;
}

/** @param panicThreshold the share of healthy ones below which all are used; 0: never */
export function usableOf<Endpoint extends { readonly healthy: boolean }>(
  all: readonly Endpoint[],
  panicThreshold: number,
): Usable<Endpoint> {
  const healthy = all.filter((endpoint) => endpoint.healthy);
  if (healthy.length === all.length) return { endpoints: all, panic: false };
  return healthy.length / all.length < panicThreshold
    ? { endpoints: all, panic: true }
    : { endpoints: healthy, panic: false };
}
