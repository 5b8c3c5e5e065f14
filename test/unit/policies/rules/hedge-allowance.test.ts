import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HedgeAllowance } from '../../../../src/policies/rules/hedge-allowance.js';

function taken(allowance: HedgeAllowance): number {
  let count = 0;
  for (; !allowance.isSpent; count++) allowance.take();
  return count;
}

test('what is saved up is there from the start, and no more after many calls', () => {
  const allowance = new HedgeAllowance(0.1, 2);
  assert.equal(taken(allowance), 2);
  for (let i = 0; i < 1_000; i++) allowance.deposit();
  assert.equal(taken(allowance), 2);
});

test('ten calls that bring a tenth each bring one', () => {
  const allowance = new HedgeAllowance(0.1, 2);
  taken(allowance);
  for (let i = 0; i < 9; i++) allowance.deposit();
  assert.equal(taken(allowance), 0);
  allowance.deposit();
  assert.equal(taken(allowance), 1);
});

test('one that is given back may be made again, and adds nothing to what is saved up', () => {
  const allowance = new HedgeAllowance(0, 2);
  taken(allowance);
  allowance.giveBack();
  assert.equal(taken(allowance), 1);
  for (let i = 0; i < 5; i++) allowance.giveBack();
  assert.equal(taken(allowance), 2);
});
