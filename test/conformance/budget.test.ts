import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RetryBudget, type BudgetRules } from '../../src/policies/rules/budget.js';
import { createLine, type Line, type LineOptions } from '../support/line.js';
import { seededRandom } from '../../src/simulation/seeded-random.js';

function budget(over: Partial<BudgetRules>): RetryBudget {
  return new RetryBudget({ failedRatio: 0.2, totalRatio: 0.5, minPerSecond: 0, windowMs: 10_000, ...over });
}

/** How many of `wanted` retries fit, none of which succeeds. */
function failing(retries: RetryBudget, wanted: number, now: number): number {
  let made = 0;
  for (let i = 0; i < wanted; i++) if (retries.take(now) !== undefined) made++;
  return made;
}

/** An upstream in a full outage under regular load. Returns attempts per call, without the budget's floor. */
function outage(circuitBreaker: LineOptions['circuitBreaker'], callsPerSecond: number, seconds: number) {
  const line: Line = createLine({
    retry: { maxAttempts: 3 },
    endpoints: { a: [503] },
    random: seededRandom(32),
    ...(circuitBreaker === undefined ? {} : { circuitBreaker }),
  });
  const calls = callsPerSecond * seconds;
  for (let i = 0; i < calls; i++) {
    line.call();
    line.advance(1_000 / callsPerSecond);
  }
  line.finish();
  return { calls, attempts: line.seen().length };
}

describe('conformance: budget', () => {
  test('29. failedRatio 10 %, floor 0, 10 000 calls, every retry fails: 1000 ± 1 retries', () => {
    const retries = budget({ failedRatio: 0.1, totalRatio: 10 });
    let made = 0;
    for (let i = 0; i < 10_000; i++) {
      const now = i / 2;
      retries.deposit(now);
      made += failing(retries, 1, now);
    }
    assert.ok(Math.abs(made - 1_000) <= 1, `${made} retries`);
  });

  test('29. every retry succeeds, totalRatio 50 %: never refused at 27 % failures', () => {
    const retries = budget({ failedRatio: 0.1, totalRatio: 0.5 });
    const random = seededRandom(29);
    let refused = 0;
    for (let i = 0; i < 10_000; i++) {
      const now = i / 2;
      retries.deposit(now);
      // The first calls bring less than one retry to a budget without a floor.
      if (i < 100 || random() >= 0.27) continue;
      const place = retries.take(now);
      if (place === undefined) refused++;
      place?.giveBack(now + 0.5);
    }
    assert.equal(refused, 0);
  });

  test('30. failedRatio 20 %, minPerSecond 10, window 10 s, no calls before: 100 failing retries, then refused; after 10 s again 100', () => {
    const retries = budget({ minPerSecond: 10 });
    assert.equal(failing(retries, 200, 0), 100);
    assert.equal(failing(retries, 200, 8_999), 0);
    assert.equal(failing(retries, 200, 10_000), 100);
  });

  test('31. deposits older than the window no longer count', () => {
    const retries = budget({});
    for (let i = 0; i < 100; i++) retries.deposit(0);
    assert.equal(failing(retries, 5, 9_999), 5);
    assert.equal(failing(retries, 100, 9_999), 15);
    assert.equal(failing(retries, 1, 10_000), 0);
  });

  test('32. full outage, maxAttempts 3, circuit off, 1000 calls/s for 60 s: attempts ≤ 1.2 · calls + the floor', () => {
    const { attempts, calls } = outage(false, 1_000, 60);
    assert.ok(attempts <= 1.2 * calls + 10, `${attempts / calls} attempts per call`);
    assert.ok(attempts > 1.15 * calls, 'the budget is used');
  });

  test('32. full outage, maxAttempts 3, 1000 calls/s for 60 s, circuit on: attempts ≤ 0.1 · calls', () => {
    const { attempts, calls } = outage(undefined, 1_000, 60);
    assert.ok(attempts <= 0.1 * calls, `${attempts / calls} attempts per call`);
  });
});
