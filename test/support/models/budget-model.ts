import assert from 'node:assert/strict';
import fc from 'fast-check';
import { RetryBudget, type BudgetPlace, type BudgetRules } from '../../../src/policies/rules/budget.js';
import { step, type Machine } from './machine.js';

interface Retry {
  readonly at: number;
  made: boolean;
  failed: boolean;
}

interface Model {
  readonly rules: BudgetRules;
  now: number;
  readonly calls: number[];
  readonly retries: Retry[];
  /** When retries that went without a place were found to have reached nobody. */
  readonly unsent: number[];
}

interface Real {
  readonly budget: RetryBudget;
  readonly places: BudgetPlace[];
}

/** Everything that ever happened, counted anew at each look. */
function room(model: Readonly<Model>): number {
  const { rules, retries } = model;
  const seen = retries.filter(({ at }) => isRecent(model, at));
  const unsent = unsentSeen(model);
  const all = seen.filter(({ made }) => made).length + unsent;
  const failed = seen.filter((retry) => retry.failed).length + unsent;
  return Math.min(most(model, rules.failedRatio) - failed, most(model, rules.totalRatio) - all);
}

function isRecent({ rules, now }: Readonly<Model>, at: number): boolean {
  const bucketMs = rules.windowMs / 10;
  return Math.floor(now / bucketMs) - Math.floor(at / bucketMs) < 10;
}

function unsentSeen(model: Readonly<Model>): number {
  return model.unsent.filter((at) => isRecent(model, at)).length;
}

function most(model: Readonly<Model>, ratio: number): number {
  const { rules, calls } = model;
  const brought = calls.filter((at) => isRecent(model, at)).length;
  return Math.max(ratio * brought, (rules.minPerSecond * rules.windowMs) / 1_000);
}

export const budgetMachine: Machine<BudgetRules, Model, Real> = {
  rules: fc.record({
    failedRatio: fc.constantFrom(0, 0.1, 0.2, 1),
    totalRatio: fc.constantFrom(0, 0.5, 2),
    minPerSecond: fc.constantFrom(0, 0.3, 1),
    windowMs: fc.constant(10_000),
  }),
  steps: [
    step('call'),
    step('calls', fc.integer({ min: 2, max: 20 })),
    step('retry'),
    step('succeed', fc.nat(20)),
    step('not-made', fc.nat(20)),
    step('unsent-in-vain', fc.integer({ min: 1, max: 5 })),
    step('wait', fc.constantFrom(0, 1, 999, 1_000, 4_000, 10_000, 60_000)),
  ],
  setup: (rules) => ({
    model: { rules, now: 0, calls: [], retries: [], unsent: [] },
    real: { budget: new RetryBudget(rules), places: [] },
  }),
  ways: {
    call: { run: (model, real) => arrive(model, real, 1) },
    calls: { run: arrive },
    retry: {
      run(model, { budget, places }) {
        const fits = room(model) + 1e-6 >= 1;
        const place = budget.take(model.now);
        assert.equal(place !== undefined, fits, 'a retry is let through exactly where it fits');
        if (place === undefined) return;
        places.push(place);
        model.retries.push({ at: model.now, made: true, failed: true });
      },
    },
    succeed: {
      can: ({ retries }, which = 0) => which < retries.length,
      run(model, { places }, which = 0) {
        places[which]?.giveBack(model.now);
        model.retries[which]!.failed = false;
      },
    },
    'not-made': {
      can: ({ retries }, which = 0) => which < retries.length,
      run(model, { places }, which = 0) {
        const retry = model.retries[which]!;
        places[which]?.notMade(model.now);
        // What has succeeded was made.
        if (retry.failed) retry.made = false;
        retry.failed = false;
      },
    },
    'unsent-in-vain': {
      run(model, { budget }, retries = 1) {
        budget.unsentInVain(model.now, retries);
        for (let i = 0; i < retries; i++) model.unsent.push(model.now);
      },
    },
    wait: {
      run(model, _, ms = 0) {
        model.now += ms;
      },
    },
  },
  agree(model, { budget }) {
    assert.ok(Math.abs(budget.remaining(model.now) - room(model)) < 1e-6, 'what remains');
    const mayGo = most(model, model.rules.failedRatio) - unsentSeen(model) + 1e-6 >= 1;
    assert.equal(budget.unsentMayGo(model.now), mayGo, 'whether what was not sent needs no place');
  },
};

function arrive(model: Model, { budget }: Real, times = 1): void {
  for (let i = 0; i < times; i++) {
    budget.deposit(model.now);
    model.calls.push(model.now);
  }
}
