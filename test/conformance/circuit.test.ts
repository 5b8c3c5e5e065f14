import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Circuit, isPermit, type CircuitRules, type Transition } from '../../src/policies/rules/circuit.js';
import type { Permit } from '../../src/policies/policy.js';
import { createLine } from '../support/line.js';

const HOUR = 3_600_000;

/** failureRate 50 %, minimumCalls 5, window 20 s, openFor 5 s, halfOpenProbes 4, probeShare 0; no jitter. */
const RULES: CircuitRules = {
  failureRate: 0.5,
  slowCallRate: 1,
  slowCallMs: undefined,
  consecutiveFailures: 0,
  minimumCalls: 5,
  windowMs: 20_000,
  openForMs: 5_000,
  maxOpenForMs: 60_000,
  probeShare: 0,
  halfOpenProbes: 4,
  rampMs: 5_000,
  permitMs: 9_000,
};

/** A circuit and the time; results are written as the document does: S, F, X. */
class Tested {
  readonly transitions: Transition[] = [];
  readonly circuit: Circuit;
  now = 0;

  constructor(over: Partial<CircuitRules> = {}) {
    this.circuit = new Circuit(
      { ...RULES, ...over },
      () => 0.5,
      (transition) => this.transitions.push(transition),
    );
  }

  get state(): string {
    return this.circuit.snapshot(this.now).state;
  }

  get failureRate(): number {
    return this.circuit.snapshot(this.now).failureRate;
  }

  permit(): Permit {
    const admission = this.circuit.admit(this.now);
    assert.ok(isPermit(admission), `refused while ${this.state}`);
    return admission;
  }

  permits(count: number): Permit[] {
    return Array.from({ length: count }, () => this.permit());
  }

  refused(): void {
    assert.ok(!isPermit(this.circuit.admit(this.now)), `let through while ${this.state}`);
  }

  /** Makes attempts one after the other, e.g. `F F S`; each takes `tookMs`. */
  see(results: string, tookMs = 0): this {
    for (const result of results.split(' ')) {
      const permit = this.permit();
      this.now += tookMs;
      end(permit, result, this.now);
    }
    return this;
  }

  after(ms: number): this {
    this.now += ms;
    return this;
  }

  /** Open, from now on. */
  opened(): this {
    this.see('F F F F F');
    assert.equal(this.state, 'open');
    return this;
  }

  /** Half-open after its first opening, without a permit out. */
  halfOpened(): this {
    this.opened().after(5_000);
    end(this.permit(), 'X', this.now);
    assert.equal(this.state, 'half-open');
    return this;
  }
}

function end(permit: Permit, result: string, now: number): void {
  if (result === 'S') permit.success(now);
  else if (result === 'F') permit.failure(now);
  else permit.ignore(now);
}

describe('conformance: circuit', () => {
  test('10. F F F S: closed; then S: open with 60 %', () => {
    const tested = new Tested().see('F F F S');
    assert.equal(tested.state, 'closed');
    tested.see('S');
    assert.equal(tested.state, 'open');
    assert.equal(tested.failureRate, 0.6);
  });

  test('11. S S S F F: closed (40 %); then F: open at exactly 50 %', () => {
    const tested = new Tested().see('S S S F F');
    assert.equal(tested.state, 'closed');
    assert.equal(tested.failureRate, 0.4);
    tested.see('F');
    assert.equal(tested.state, 'open');
    assert.equal(tested.failureRate, 0.5);
  });

  test('12. 3 of 5 calls slower than slowCallDuration 4 s, slowCallRate 50 %: open, slow rate 60 %', () => {
    for (const order of [
      [5, 5, 5, 0, 0],
      [0, 0, 5, 5, 5],
    ]) {
      const tested = new Tested({ slowCallMs: 4_000, slowCallRate: 0.5 });
      for (const seconds of order) {
        assert.equal(tested.state, 'closed');
        tested.see('S', seconds * 1_000);
      }
      assert.equal(tested.state, 'open');
      assert.equal(tested.circuit.snapshot(tested.now).slowCallRate, 0.6);
      assert.equal(tested.transitions[0]?.reason, 'slow-call-rate');
    }
  });

  test('13. open + 3 s: refused; + 6 s: let through, half-open, counts zeroed', () => {
    const tested = new Tested().opened();
    tested.after(3_000).refused();
    tested.after(3_000).permit();
    assert.equal(tested.state, 'half-open');
    assert.equal(tested.circuit.snapshot(tested.now).calls, 0);
  });

  test('14. second opening: + 6 s refused, + 11 s let through (jitter off)', () => {
    const tested = new Tested().halfOpened().see('F');
    assert.equal(tested.state, 'open');
    tested.after(6_000).refused();
    tested.after(5_000).permit();
    assert.equal(tested.state, 'half-open');
  });

  test('15. half-open: 4 permits, the 5th is refused; one X: one more permit', () => {
    const tested = new Tested().halfOpened();
    const [first] = tested.permits(4) as [Permit];
    tested.refused();
    first.ignore(tested.now);
    tested.permit();
    tested.refused();
  });

  test('16. half-open F: open at once, whatever the others say later (late results of the old generation change nothing)', () => {
    const tested = new Tested().halfOpened();
    const [first, ...late] = tested.permits(4) as [Permit, Permit, Permit, Permit];
    first.failure(tested.now);
    assert.equal(tested.state, 'open');
    const before = tested.circuit.snapshot(tested.now);
    for (const permit of late) permit.success(tested.now);
    assert.deepEqual(tested.circuit.snapshot(tested.now), before);
    tested.after(10_000);
    tested.permits(4);
    tested.refused();
  });

  test('17. half-open S S S X: still half-open; then S: closed', () => {
    const tested = new Tested().halfOpened().see('S S S X');
    assert.equal(tested.state, 'half-open');
    tested.see('S');
    // Closed, with traffic growing back over openFor.
    assert.equal(tested.state, 'ramping');
    assert.equal(tested.after(5_000).state, 'closed');
    assert.equal(tested.circuit.snapshot(tested.now).calls, 0);
  });

  test('18. a permit whose call never ends is given back at its timeout: never stuck half-open', () => {
    const tested = new Tested().halfOpened();
    tested.permits(4);
    tested.after(8_999).refused();
    tested.after(1);
    tested.permits(4).forEach((permit) => permit.success(tested.now));
    assert.equal(tested.state, 'ramping');
  });

  test('19. forced open + 6 s: refused; refusals counted', () => {
    const line = createLine({ circuitBreaker: { probeShare: 1, openFor: '5s' }, retry: false });
    line.upstream.circuits!.force('forced-open', Infinity, undefined);
    for (const afterMs of [0, 6_000, 3_600_000]) {
      line.advance(afterMs);
      assert.equal(line.run().error?.code, 'circuit-open');
    }
    assert.equal(line.of('circuit-refusal').length, 3);
    assert.deepEqual(line.seen(), []);
    line.finish();
  });

  test('20. window 5 s, results at 0–0.8 s: at 4.8 s they count, at 5.8 s none does', () => {
    const tested = new Tested({ windowMs: 5_000, minimumCalls: 10 });
    for (let i = 0; i < 9; i++) tested.see('F').after(100);
    tested.now = 4_800;
    assert.equal(tested.circuit.snapshot(tested.now).calls, 9);
    tested.now = 5_800;
    assert.equal(tested.circuit.snapshot(tested.now).calls, 0);

    const counting = new Tested({ windowMs: 5_000, minimumCalls: 10 });
    for (let i = 0; i < 9; i++) counting.see('F').after(100);
    counting.now = 4_800;
    assert.equal(counting.see('F').state, 'open');
  });

  test('21. idle for an hour after nine failures of ten allowed, then one F: closed (old buckets are gone)', () => {
    const tested = new Tested({ minimumCalls: 10, consecutiveFailures: 10 }).see('F F F F F F F F F');
    tested.after(HOUR).see('F');
    assert.equal(tested.state, 'closed');
    assert.equal(tested.circuit.snapshot(tested.now).calls, 1);
  });

  test('22. concurrent failures after opening neither extend nor cancel the open period', () => {
    const tested = new Tested();
    const concurrent = tested.permits(10);
    tested.opened();
    tested.after(3_000);
    for (const permit of concurrent) permit.failure(tested.now);
    assert.equal(tested.transitions.length, 1);
    assert.equal(tested.circuit.snapshot(tested.now).remainingMs, 2_000);
    tested.after(1_999).refused();
    tested.after(1).permit();
  });

  test('23. a local refusal (overload) never counts as a failure; client gone counts neither way', () => {
    const line = createLine({
      concurrency: { limit: 1 },
      circuitBreaker: { minimumCalls: 1, consecutiveFailures: 1 },
      retry: false,
      endpoints: { a: ['hang'] },
    });
    const first = line.call();
    for (let i = 0; i < 10; i++) assert.equal(line.call().error?.code, 'overload');
    first.leave();
    assert.equal(line.circuit().state, 'closed');
    assert.equal(line.circuit().calls, 0);
    line.finish();
  });

  test('24. minimumCalls 3: F F closed, F open', () => {
    const tested = new Tested({ minimumCalls: 3 }).see('F F');
    assert.equal(tested.state, 'closed');
    assert.equal(tested.see('F').state, 'open');
  });
});
