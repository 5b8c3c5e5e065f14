import { test } from 'node:test';
import { budgetMachine } from '../../../support/models/budget-model.js';
import { circuitMachine } from '../../../support/models/circuit-model.js';
import { limiterMachine } from '../../../support/models/limiter-model.js';
import { explore } from '../../../support/models/machine.js';

test('a circuit lends as many permits as its model, loses none, and never stays half-open', () => {
  explore(circuitMachine, 5_000);
});

test('a retry budget lets through what fits into both bounds, and nothing else', () => {
  explore(budgetMachine);
});

test('a limiter loses no place, and lets in whoever waits in the order of arrival', () => {
  explore(limiterMachine, 2_000);
});
