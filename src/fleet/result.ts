import type { Config, ResolvedRoute } from '../config/config.js';
import { Fleet } from './fleet.js';
import { Latencies } from './latencies.js';
import type { Phase, Scenario } from './scenario.js';
import type { Second } from './second.js';
import { variantOf, type VariantName } from './variants.js';

/** What a phase brought. Calls count in the phase in which they began. */
export interface PhaseResult extends Phase {
  readonly calls: number;
  /** The share that was answered below 500 and not refused by the sidecar, fallbacks included; from 0 to 1. */
  readonly success: number;
  /** Attempts that reached the upstream per call. */
  readonly attemptsPerCall: number;
  /** The most attempts that came in at the upstream within a second. */
  readonly peakLoad: number;
  readonly peakOverCapacity: number;
  /** How long calls took that ended, well or not; undefined if none did. */
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
}

export interface VariantResult {
  readonly name: VariantName;
  /** From the end of the outage until in every following second 99 % of the calls succeed without a fallback; undefined: not within the run. */
  readonly recoverySeconds: number | undefined;
  readonly phases: readonly PhaseResult[];
  readonly seconds: readonly Second[];
  /** Circuits of the fleet at the upstream; 0 without any. */
  readonly circuits: number;
  /** Timers that fired. */
  readonly events: number;
}

/** Of a second's calls, so many must succeed for the fleet to be well. */
const WELL = 0.99;

/** Runs one variant. The same scenario gives the same result, to the last bit. @param onSecond told after each second of virtual time */
export function simulate(
  name: VariantName,
  route: ResolvedRoute,
  config: Config,
  scenario: Scenario,
  onSecond?: (second: number) => void,
): VariantResult {
  const fleet = new Fleet(variantOf(name, route, config), scenario);
  fleet.run(onSecond);
  const { phases, events, circuits, ends } = fleet;
  const seconds = fleet.seconds.slice(0, ends);
  return {
    name,
    recoverySeconds: recoveryOf(seconds, phases),
    phases: phases.map((phase) => phaseResult(phase, seconds, scenario)),
    seconds,
    circuits,
    events,
  };
}

function phaseResult(phase: Phase, all: readonly Second[], { capacity }: Scenario): PhaseResult {
  const seconds = all.slice(phase.from, phase.to);
  const sum = (figure: 'calls' | 'successes' | 'attempts') => seconds.reduce((total, at) => total + at[figure], 0);
  const calls = sum('calls');
  const peakLoad = seconds.reduce((most, { load }) => Math.max(most, load), 0);
  const latencies = new Latencies();
  for (const second of seconds) latencies.addAll(second.latencies);
  return {
    ...phase,
    calls,
    success: calls === 0 ? 1 : sum('successes') / calls,
    attemptsPerCall: calls === 0 ? 0 : sum('attempts') / calls,
    peakLoad,
    peakOverCapacity: peakLoad / capacity,
    p50Ms: latencies.quantile(0.5),
    p99Ms: latencies.quantile(0.99),
  };
}

function recoveryOf(seconds: readonly Second[], phases: readonly Phase[]): number | undefined {
  const outageEnds = phases.find(({ name }) => name === 'recovery')?.from ?? 0;
  const lastBad = seconds.findLastIndex(({ calls, withoutFallback }) => withoutFallback < WELL * calls);
  if (lastBad < outageEnds) return 0;
  return lastBad === seconds.length - 1 ? undefined : lastBad + 1 - outageEnds;
}
