/** What once showed a state machine broken, or would, played beside its model. test/support/models/ says what the steps are. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { budgetMachine } from '../support/models/budget-model.js';
import { circuitMachine } from '../support/models/circuit-model.js';
import { limiterMachine } from '../support/models/limiter-model.js';
import { type Machine, play, type Step } from '../support/models/machine.js';
import { projectRoot } from '../support/project-root.js';

interface Entry<Rules> {
  readonly name: string;
  readonly rules: Rules;
  readonly steps: readonly Step[];
}

type RulesOf<M> = M extends Machine<infer Rules, infer _Model, infer _Real> ? Rules : never;

const corpus = JSON.parse(readFileSync(join(projectRoot, 'test/regressions/machines.json'), 'utf8')) as {
  readonly circuit: readonly Entry<RulesOf<typeof circuitMachine>>[];
  readonly budget: readonly Entry<RulesOf<typeof budgetMachine>>[];
  readonly limiter: readonly Entry<RulesOf<typeof limiterMachine>>[];
};

describe('a circuit', () => {
  for (const { name, rules, steps } of corpus.circuit) test(name, () => play(circuitMachine, rules, steps));
});

describe('a retry budget', () => {
  for (const { name, rules, steps } of corpus.budget) test(name, () => play(budgetMachine, rules, steps));
});

describe('a limiter', () => {
  for (const { name, rules, steps } of corpus.limiter) test(name, () => play(limiterMachine, rules, steps));
});
