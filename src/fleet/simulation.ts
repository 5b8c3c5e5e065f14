import type { VariantResult } from './result.js';
import type { Scenario } from './scenario.js';

/** A scenario and what came of it. */
export interface Simulation {
  /** The policy file. */
  readonly file: string;
  readonly route: string;
  readonly scenario: Scenario;
  readonly variants: readonly VariantResult[];
}
