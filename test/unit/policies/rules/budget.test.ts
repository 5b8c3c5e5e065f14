import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { RetryBudget, type BudgetPlace, type BudgetRules } from '../../../../src/policies/rules/budget.js';

const RULES: BudgetRules = { failedRatio: 0.2, totalRatio: 0.5, minPerSecond: 1, windowMs: 10_000 };

describe('a retry budget', () => {
  test('has room for minPerSecond · window without any call', () => {
    assert.equal(Math.floor(new RetryBudget(RULES).remaining(0)), 10);
  });

  test('is not worth less for a few calls than for none', () => {
    const budget = new RetryBudget(RULES);
    for (let i = 0; i < 5; i++) budget.deposit(0);
    assert.equal(Math.floor(budget.remaining(0)), 10);
    for (let i = 0; i < 95; i++) budget.deposit(0);
    assert.equal(Math.floor(budget.remaining(0)), 20);
  });

  test('gets a place back once, however often it is given', () => {
    const budget = new RetryBudget({ ...RULES, failedRatio: 1, totalRatio: 100, minPerSecond: 0 });
    budget.deposit(0);
    const place = budget.take(0)!;
    assert.equal(budget.take(0), undefined);
    for (let i = 0; i < 5; i++) place.giveBack(0);
    assert.ok(budget.take(0) !== undefined);
    assert.equal(budget.take(0), undefined);
  });

  test('counts a place that was given back in the total all the same', () => {
    const budget = new RetryBudget({ ...RULES, minPerSecond: 0.2 });
    for (let i = 0; i < 2; i++) budget.take(0)!.giveBack(0);
    assert.equal(budget.take(0), undefined);
  });

  test('does not count a retry that was not made at all', () => {
    const budget = new RetryBudget({ ...RULES, minPerSecond: 0.2 });
    for (let i = 0; i < 5; i++) {
      const place = budget.take(0)!;
      place.notMade(0);
      place.notMade(0);
      place.giveBack(0);
    }
    assert.equal(Math.floor(budget.remaining(0)), 2);
  });

  test('does not count a place that comes back after its window', () => {
    const budget = new RetryBudget(RULES);
    const places = Array.from({ length: 10 }, () => budget.take(0)!);
    for (const place of places) place.giveBack(60_000);
    assert.equal(Math.floor(budget.remaining(60_000)), 10);
  });

  test('may have less than nothing when calls have left the window', () => {
    const budget = new RetryBudget({ ...RULES, minPerSecond: 0 });
    for (let i = 0; i < 100; i++) budget.deposit(0);
    for (let i = 0; i < 20; i++) assert.ok(budget.take(5_000));
    assert.ok(budget.remaining(10_000) < 0);
    assert.equal(budget.take(10_000), undefined);
  });

  test('reckons in whole retries though ratios are no whole numbers in binary', () => {
    const budget = new RetryBudget({ ...RULES, failedRatio: 0.07, totalRatio: 1, minPerSecond: 0 });
    for (let i = 0; i < 100; i++) budget.deposit(0);
    for (let i = 0; i < 7; i++) assert.ok(budget.take(0));
    assert.equal(budget.take(0), undefined);
  });

  test('is never exceeded: both bounds hold after each retry', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('deposit' as const), times: fc.nat(20) }),
      fc.record({ kind: fc.constant('take' as const), times: fc.nat(20) }),
      fc.record({ kind: fc.constant('giveBack' as const), times: fc.nat(30) }),
      fc.record({ kind: fc.constant('wait' as const), times: fc.nat(4_000) }),
    );
    const someRules = fc.record({
      failedRatio: fc.constantFrom(0, 0.1, 0.2, 1),
      totalRatio: fc.constantFrom(0, 0.5, 2),
      minPerSecond: fc.constantFrom(0, 0.3, 1),
      windowMs: fc.constant(10_000),
    });
    fc.assert(
      fc.property(someRules, fc.array(step, { maxLength: 60 }), (rules, steps) => {
        const budget = new RetryBudget(rules);
        const floor = rules.minPerSecond * 10;
        const calls: number[] = [];
        const retries: { readonly at: number; readonly place: BudgetPlace; open: boolean }[] = [];
        let now = 0;
        const inWindow = (at: number) => Math.floor(at / 1_000) > Math.floor(now / 1_000) - 10;
        for (const { kind, times } of steps) {
          if (kind === 'wait') now += times;
          for (let i = 0; i < times; i++) {
            if (kind === 'deposit') {
              budget.deposit(now);
              calls.push(now);
            } else if (kind === 'giveBack') {
              const retry = retries[i];
              retry?.place.giveBack(now);
              if (retry !== undefined) retry.open = false;
            } else if (kind === 'take') {
              const place = budget.take(now);
              if (place !== undefined) retries.push({ at: now, place, open: true });
              const recent = retries.filter(({ at }) => inWindow(at));
              const brought = calls.filter(inWindow).length;
              if (place === undefined) continue;
              assert.ok(recent.length <= Math.max(rules.totalRatio * brought, floor) + 1e-6);
              const failed = recent.filter(({ open }) => open).length;
              assert.ok(failed <= Math.max(rules.failedRatio * brought, floor) + 1e-6);
            }
          }
        }
      }),
    );
  });
});
