import type { PolicyDeps } from '../policies/policy.js';
import { systemClock } from '../runtime/clock.js';
import { systemRandom } from '../runtime/random.js';

/** What is left out is the machine's own time and chance, and nobody who listens. */
export type SomeDeps = Partial<PolicyDeps>;

export function systemDeps(some: SomeDeps = {}): PolicyDeps {
  return { clock: systemClock, random: systemRandom, emit: () => {}, ...some };
}
