import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FloodGate, type Repeated } from '../../../src/observability/flood-gate.js';
import { VirtualClock } from '../../../src/simulation/virtual-clock.js';

function gateOf() {
  const clock = new VirtualClock();
  const told: Repeated<string>[] = [];
  return { clock, told, gate: new FloodGate<string>(clock, (repeated) => told.push(repeated)) };
}

describe('the flood gate', () => {
  test('lets twenty lines of a kind through in ten seconds, and twenty in the next', () => {
    const { clock, told, gate } = gateOf();
    let written = 0;
    for (let ms = 0; ms < 30_000; ms += 10) {
      if (gate.admits('warn', 'call', { route: 'r' })) written++;
      clock.advance(10);
    }
    assert.equal(written, 60);
    assert.deepEqual(
      told.map(({ times }) => times),
      [980, 980, 980],
    );
  });

  test('leaves a slow trickle alone, and no timer behind', () => {
    const { clock, told, gate } = gateOf();
    for (let i = 0; i < 1_000; i++) {
      assert.ok(gate.admits('warn', 'call', { route: 'r' }));
      clock.advance(1_000);
    }
    assert.deepEqual(told, []);
    assert.equal(clock.step(), false);
  });

  test('says what was left out even if nothing comes any more', () => {
    const { clock, told, gate } = gateOf();
    for (let i = 0; i < 30; i++) gate.admits('warn', 'call', { route: 'r' });
    clock.advance(9_999);
    assert.deepEqual(told, []);
    clock.advance(1);
    assert.deepEqual(told, [{ level: 'warn', message: 'call', kind: { route: 'r' }, times: 10 }]);
  });

  test('counts what there is no room for as one kind: a million kinds don’t make it grow', () => {
    const { clock, told, gate } = gateOf();
    let written = 0;
    for (let i = 0; i < 1_000_000; i++) if (gate.admits('warn', 'call', { status: i })) written++;
    assert.equal(written, 1_020);
    clock.advance(10_000);
    assert.equal(told.length, 1);
    assert.equal(told[0]?.times, 1_000_000 - written);
  });
});
