import { mock } from 'node:test';
import type { PhaseName, Scenario } from '../../src/fleet/scenario.js';
import { simulate, type PhaseResult } from '../../src/fleet/result.js';
import type { VariantName } from '../../src/fleet/variants.js';
import { parseConfig } from '../../src/config/load.js';
import { CircuitRamp } from '../../src/policies/rules/circuit-ramp.js';

/** A fleet's policies: none of the parts given are the defaults. */
export interface Plan {
  readonly variant?: VariantName;
  /** Keys of the upstream and of the route, as YAML in one line: `circuitBreaker: { openFor: 2s }`. */
  readonly upstream?: string;
  readonly route?: string;
  /** Circuits that have closed admit all at once: no key of the policy file says so, to show what the ramp is for. */
  readonly withoutRamp?: boolean;
  readonly scenario: Partial<Scenario>;
}

/** What came of it, over all seeds. */
export interface Played {
  /** Seconds from the outage's end until 99 % succeed and go on so, the worst seed; undefined: not within the minute that is watched. */
  readonly recoverySeconds: number | undefined;
  /** Attempts per call in the outage after its first five seconds. */
  readonly settledAttempts: number;
  /** In the seconds of the worst load, over the capacity. */
  readonly peakOverCapacity: number;
  /** In the tenths of a second of the worst load after the outage, over the capacity. */
  readonly burstOverCapacity: number;
  readonly events: number;
  /** Of one phase: means over the seeds. */
  readonly phase: (name: PhaseName) => Pick<PhaseResult, 'success' | 'attemptsPerCall'> & {
    readonly p50Ms: number;
    readonly p99Ms: number;
  };
}

export const BUSY: Partial<Scenario> = { fleet: 50, rate: 20 };
export const QUIET: Partial<Scenario> = { fleet: 200, rate: 2 };

/** The circuits have opened by then. */
const SETTLED_SECONDS = 5;

/** Plays the fleet once for each seed. */
export function play(
  { variant = 'policy', upstream = '', route = '', withoutRamp = false, scenario }: Plan,
  seeds: readonly number[],
): Played {
  const config = parseConfig(policyFile(upstream, route), 'policy.yaml', { env: {} });
  const [only] = config.routes;
  if (only === undefined) throw new Error('there is no route');
  const ramp = withoutRamp ? mock.method(CircuitRamp.prototype, 'admits', () => true) : undefined;
  const results = seeds.map((seed) => simulate(variant, only, config, filled({ ...scenario, seed })));
  ramp?.mock.restore();
  const phases = (name: PhaseName) => results.flatMap((result) => result.phases.filter((phase) => phase.name === name));
  const recoveries = results.map(({ recoverySeconds }) => recoverySeconds ?? Infinity);
  const worst = Math.max(...recoveries);
  const settled = results.flatMap(({ seconds, phases: all }) =>
    all.filter(({ name }) => name === 'outage').flatMap(({ from, to }) => seconds.slice(from + SETTLED_SECONDS, to)),
  );
  const total = (pick: (second: (typeof settled)[number]) => number) => settled.reduce((sum, at) => sum + pick(at), 0);
  return {
    recoverySeconds: Number.isFinite(worst) ? worst : undefined,
    settledAttempts: total(({ attempts }) => attempts) / total(({ calls }) => calls),
    peakOverCapacity: Math.max(
      ...results.flatMap(({ phases: all }) => all.map(({ peakOverCapacity }) => peakOverCapacity)),
    ),
    burstOverCapacity:
      Math.max(
        ...results.flatMap(({ phases: all, seconds }) =>
          seconds.slice(all.find(({ name }) => name === 'recovery')?.from).map(({ burst }) => burst),
        ),
      ) / filled(scenario).capacity,
    events: results.reduce((sum, { events }) => sum + events, 0),
    phase: (name) => ({
      success: mean(phases(name).map(({ success }) => success)),
      attemptsPerCall: mean(phases(name).map(({ attemptsPerCall }) => attemptsPerCall)),
      p50Ms: mean(phases(name).map(({ p50Ms }) => p50Ms ?? 0)),
      p99Ms: mean(phases(name).map(({ p99Ms }) => p99Ms ?? 0)),
    }),
  };
}

function filled(scenario: Partial<Scenario>): Scenario {
  const { fleet = 50, rate = 20 } = scenario;
  return {
    fleet,
    rate,
    capacity: 1.5 * fleet * rate,
    latencyMs: 20,
    fault: '503',
    outageSeconds: 30,
    brownout: 0,
    seed: 1,
    ...scenario,
  };
}

function policyFile(upstream: string, route: string): string {
  return `upstreams:\n  a:\n    url: http://a.internal\n    ${upstream}\nroutes:\n  - name: r\n    match: {}\n    upstream: a\n    ${route}\n`;
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
