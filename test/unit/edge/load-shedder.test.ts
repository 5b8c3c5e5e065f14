import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { LoadShedder } from '../../../src/edge/load-shedder.js';
import { VirtualClock } from '../../../src/simulation/virtual-clock.js';

interface Call {
  readonly number: number;
  readonly cameAt: number;
}

/** An event loop in virtual time: timers, then what has come in, then what was put off to the next round. */
class Loop {
  readonly clock = new VirtualClock();
  readonly served: (Call & { readonly servedAt: number })[] = [];
  readonly refused: (Call & { readonly refusedAt: number })[] = [];
  readonly changes: boolean[] = [];
  readonly shedder: LoadShedder<Call>;
  #nextRound: (() => void)[] = [];
  #came = 0;
  /** What a call that is served, and one that is refused, takes of the loop's time. */
  costMs = 0.5;
  refusalMs = 0.05;

  constructor(maxDelayMs = 100) {
    this.shedder = new LoadShedder<Call>({
      clock: this.clock,
      nextRound: (callback) => this.#nextRound.push(callback),
      maxDelayMs,
      serve: (call) => this.serve(call),
      refuse: (call) => {
        this.work(this.refusalMs);
        this.refused.push({ ...call, refusedAt: this.clock.now() });
      },
      onChange: (shedding) => this.changes.push(shedding),
    });
    this.shedder.start();
  }

  /** Time passes in which nothing else happens: a pause for garbage, say. */
  work(ms: number): void {
    this.clock.block(ms);
  }

  come(count: number): void {
    for (let i = 0; i < count; i++) {
      const call = { number: this.#came++, cameAt: this.clock.now() };
      if (this.shedder.behind) this.shedder.wait(call);
      else this.serve(call);
    }
  }

  serve(call: Call): void {
    this.work(this.costMs);
    this.served.push({ ...call, servedAt: this.clock.now() });
  }

  /** One round. `calls` have come in meanwhile. */
  round(calls = 0): void {
    this.clock.advance(0);
    this.come(calls);
    const callbacks = this.#nextRound;
    this.#nextRound = [];
    for (const callback of callbacks) callback();
    this.work(0.01);
  }

  /** So many calls a second for so long. */
  load(perSecond: number, forMs: number): void {
    const began = this.clock.now();
    let made = 0;
    while (this.clock.now() - began < forMs) {
      const due = Math.floor(((this.clock.now() - began) * perSecond) / 1_000);
      this.round(due - made);
      made = due;
    }
  }

  idle(ms: number): void {
    this.load(0, ms);
  }

  waits(): number[] {
    return this.served.map(({ cameAt, servedAt }) => servedAt - cameAt);
  }
}

describe('the load shedder', () => {
  test('serves at once while rounds are short', () => {
    const loop = new Loop();
    loop.load(1_900, 5_000);
    assert.ok(Math.max(...loop.waits()) < 40, `${Math.max(...loop.waits())}`);
    assert.equal(loop.refused.length, 0);
  });

  test('works a burst off, in the order in which it came, and in short rounds', () => {
    const loop = new Loop();
    loop.round(900);
    let longest = 0;
    while (loop.served.length < 900) {
      const before = loop.clock.now();
      loop.round();
      longest = Math.max(longest, loop.clock.now() - before);
    }
    assert.ok(longest < 3, `a round of ${longest} ms`);
    assert.deepEqual(
      loop.served.map(({ number }) => number),
      Array.from({ length: 900 }, (_, i) => i),
    );
    assert.equal(loop.refused.length, 0);
    assert.deepEqual(loop.changes, []);
  });

  test('does not mind pauses of nearly half a second at half the load that it could bear', () => {
    const loop = new Loop();
    for (const pause of [100, 300, 450]) {
      loop.work(pause);
      // What came during the pause, and what comes on.
      loop.round(pause);
      loop.load(1_000, 3_000);
    }
    assert.equal(loop.refused.length, 0);
  });

  test('three times what it can do: most of the time goes into calls, and those that are served waited no longer than the bound', () => {
    const loop = new Loop();
    loop.load(6_000, 20_000);
    assert.ok(loop.shedder.shedding);
    // 6 calls a millisecond, 4 of them refused at a tenth of the price: 80 % of 2 are left.
    assert.ok(loop.served.length > 0.75 * 2_000 * 20, `${loop.served.length} served`);
    const settled = loop.served.filter(({ cameAt }) => cameAt > 1_500);
    assert.ok(Math.max(...settled.map(({ cameAt, servedAt }) => servedAt - cameAt)) < 105);
    // At the beginning it has to be told from a burst.
    assert.ok(Math.max(...loop.waits()) < 700);
    assert.deepEqual(loop.changes, [true]);
  });

  test('ends when none waits any more', () => {
    const loop = new Loop();
    loop.load(6_000, 2_000);
    const refused = loop.refused.length;
    assert.ok(refused > 0);
    loop.idle(1_000);
    assert.deepEqual(loop.changes, [true, false]);
    const after = loop.refused.length;
    loop.load(1_900, 5_000);
    assert.equal(loop.refused.length, after);
  });

  test('off: nothing waits and nothing is refused', () => {
    const loop = new Loop(Infinity);
    loop.load(6_000, 3_000);
    assert.equal(loop.refused.length, 0);
    assert.equal(loop.clock.pending, 0);
  });

  test('stopped: it looks no more, and serves what comes', () => {
    const loop = new Loop();
    loop.shedder.stop();
    assert.equal(loop.clock.pending, 0);
    loop.work(1_000);
    loop.come(1);
    assert.equal(loop.served.length, 1);
  });
});
