import { Type, type Static } from '@sinclair/typebox';
import type { Simulation } from './simulation.js';

const share = (description: string) => Type.Number({ description, minimum: 0, maximum: 1 });
const count = (description: string) => Type.Integer({ description, minimum: 0 });
const milliseconds = (description: string) => Type.Union([Type.Number({ minimum: 0 }), Type.Null()], { description });

const PhaseReport = Type.Object(
  {
    name: Type.Union((['baseline', 'brownout', 'outage', 'recovery'] as const).map((name) => Type.Literal(name))),
    from: count('Seconds from the begin of the run.'),
    to: count('Seconds from the begin of the run.'),
    calls: count('Calls that began in the phase.'),
    success: share('Of the calls: answered below 500 and not refused by the sidecar, fallbacks included.'),
    attemptsPerCall: Type.Number({ description: 'Attempts that reached the upstream.', minimum: 0 }),
    peakLoad: count('The most attempts that came in at the upstream within a second.'),
    peakOverCapacity: Type.Number({ description: 'The same as a share of the capacity.', minimum: 0 }),
    p50Ms: milliseconds('How long calls took, well or not; null if none ended.'),
    p99Ms: milliseconds('The same for the slowest hundredth.'),
  },
  { additionalProperties: false },
);

/** What `outrigger simulate --json` prints. */
export const SimulationReport = Type.Object(
  {
    seed: Type.Integer(),
    fleet: count('Sidecars.'),
    rate: Type.Number({ description: 'Calls a second of each.', exclusiveMinimum: 0 }),
    capacity: Type.Number({ description: 'Attempts a second that the upstream can serve.', exclusiveMinimum: 0 }),
    variants: Type.Array(
      Type.Object(
        {
          name: Type.Union((['policy', 'none', 'plain-retries'] as const).map((name) => Type.Literal(name))),
          recoverySeconds: Type.Union([Type.Integer({ minimum: 0 }), Type.Null()], {
            description:
              'From the end of the outage until in every following second 99 % of the calls succeed without a fallback; null: not within the run.',
          }),
          phases: Type.Array(PhaseReport),
        },
        { additionalProperties: false },
      ),
    ),
  },
  { additionalProperties: false },
);
export type SimulationReport = Static<typeof SimulationReport>;

export function simulationReport({ scenario, variants }: Simulation): SimulationReport {
  const { seed, fleet, rate, capacity } = scenario;
  return {
    seed,
    fleet,
    rate,
    capacity,
    variants: variants.map(({ name, recoverySeconds, phases }) => ({
      name,
      recoverySeconds: recoverySeconds ?? null,
      phases: phases.map((phase) => ({
        ...phase,
        success: rounded(phase.success, 6),
        attemptsPerCall: rounded(phase.attemptsPerCall, 4),
        peakOverCapacity: rounded(phase.peakOverCapacity, 4),
        p50Ms: phase.p50Ms === undefined ? null : rounded(phase.p50Ms, 2),
        p99Ms: phase.p99Ms === undefined ? null : rounded(phase.p99Ms, 2),
      })),
    })),
  };
}

/** More digits than mean anything only make two reports hard to compare. */
function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
