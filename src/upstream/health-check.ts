import { Type, type Static } from '@sinclair/typebox';
import type { PolicyDeps, Timer } from '../policies/policy.js';
import { integer, positiveDuration, ratio, statusRanges } from '../policies/rules/option-types.js';
import { parseDuration } from '../policies/rules/units.js';
import type { Endpoint } from './endpoint.js';
import { EndpointHealth } from './health.js';
import { HealthProbe, type ProbeOptions, type ProbeResult } from './health-probe.js';

/** Asks each endpoint by itself whether it is well, and keeps calls away from those that are not. Beside the pipeline: its checks are no attempts, and count neither in metrics nor against circuits. */
export const HealthCheckOptions = Type.Object(
  {
    path: Type.String({
      description: 'The path that is asked with GET.',
      unit: 'path',
      pattern: '^/[\\u0021-\\u007e]*$',
    }),
    interval: positiveDuration('10s', 'Between two checks of an endpoint.'),
    timeout: positiveDuration('2s', 'For one check.'),
    healthyAfter: integer(2, 'Good checks in a row until it counts as healthy.', { minimum: 1 }),
    unhealthyAfter: integer(3, 'Failed checks in a row until it counts as unhealthy.', { minimum: 1 }),
    expect: statusRanges(['200-299'], 'Statuses of a good check.'),
    panicThreshold: ratio('50%', 'Fewer healthy than this share: the checks are not believed, all endpoints are used.'),
  },
  { additionalProperties: false, description: 'Asks each endpoint by itself whether it is well.' },
);
export type HealthCheckOptions = Static<typeof HealthCheckOptions>;

/** Whom the checks of an upstream tell. */
export interface HealthScope {
  readonly upstream: string;
  /** An endpoint's `healthy` has changed. */
  readonly onChange: () => void;
}

/** The health checks of one upstream's endpoints. */
export class HealthChecks {
  readonly #options: HealthCheckOptions;
  readonly #probe: ProbeOptions;
  readonly #intervalMs: number;
  readonly #deps: PolicyDeps;
  #scope: HealthScope;
  readonly #running = new Map<Endpoint, EndpointCheck>();

  constructor(options: HealthCheckOptions, deps: PolicyDeps, scope: HealthScope) {
    this.#options = options;
    this.#deps = deps;
    this.#scope = scope;
    this.#intervalMs = parseDuration(options.interval);
    this.#probe = {
      path: options.path,
      timeoutMs: parseDuration(options.timeout),
      expect: options.expect.map(statusRange),
      clock: deps.clock,
    };
  }

  /** Tells somebody else from now on; the checks go on as they are. */
  tell(scope: HealthScope): void {
    this.#scope = scope;
  }

  /** Checks these endpoints from now on, and no others. */
  watch(endpoints: readonly Endpoint[]): void {
    for (const [endpoint, check] of this.#running) {
      if (endpoints.includes(endpoint)) continue;
      check.stop();
      this.#running.delete(endpoint);
    }
    for (const endpoint of endpoints) {
      if (!this.#running.has(endpoint)) this.#running.set(endpoint, this.#start(endpoint));
    }
  }

  #start(endpoint: Endpoint): EndpointCheck {
    const health = new EndpointHealth(this.#options, endpoint.healthy);
    // Somewhere within the first interval, so that neither a fleet nor one sidecar's checks come together.
    const firstMs = this.#intervalMs * this.#deps.random();
    return new EndpointCheck(endpoint, this.#probe, firstMs, this.#intervalMs, (result) => {
      if (!health.record(result.good)) return;
      endpoint.healthy = health.healthy;
      const { upstream, onChange } = this.#scope;
      this.#deps.emit({
        type: 'health',
        upstream,
        endpoint: endpoint.label,
        healthy: health.healthy,
        reason: result.reason,
      });
      onChange();
    });
  }
}

/** The checks of one endpoint, one at a time. */
class EndpointCheck {
  readonly #endpoint: Endpoint;
  readonly #options: ProbeOptions;
  readonly #intervalMs: number;
  readonly #onResult: (result: ProbeResult) => void;
  #timer: Timer;
  #probe: HealthProbe | undefined;

  constructor(
    endpoint: Endpoint,
    options: ProbeOptions,
    firstMs: number,
    intervalMs: number,
    onResult: (result: ProbeResult) => void,
  ) {
    this.#endpoint = endpoint;
    this.#options = options;
    this.#intervalMs = intervalMs;
    this.#onResult = onResult;
    this.#timer = this.#after(firstMs);
  }

  stop(): void {
    this.#timer.cancel();
    this.#probe?.cancel();
  }

  #after(delayMs: number): Timer {
    return this.#options.clock.setTimer(delayMs, () => this.#check(), true);
  }

  #check(): void {
    const { clock } = this.#options;
    const startedAt = clock.now();
    this.#probe = new HealthProbe(this.#endpoint, this.#options, this.#onResult, () => {
      this.#timer = this.#after(Math.max(0, this.#intervalMs - (clock.now() - startedAt)));
    });
    this.#probe.start();
  }
}

function statusRange(text: string): readonly [low: number, high: number] {
  const [low = 0, high = low] = text.split('-').map(Number);
  return [low, high];
}
