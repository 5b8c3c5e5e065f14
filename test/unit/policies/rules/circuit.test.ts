import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Permit } from '../../../../src/policies/policy.js';
import { Circuit, isPermit, type CircuitRules, type Transition } from '../../../../src/policies/rules/circuit.js';
import { scriptedRandom } from '../../../support/scripted-random.js';
import { seededRandom } from '../../../../src/simulation/seeded-random.js';

const RULES: CircuitRules = {
  failureRate: 0.5,
  slowCallRate: 1,
  slowCallMs: undefined,
  consecutiveFailures: 0,
  minimumCalls: 4,
  windowMs: 10_000,
  openForMs: 1_000,
  maxOpenForMs: 5_000,
  probeShare: 0,
  halfOpenProbes: 3,
  rampMs: 1_000,
  permitMs: 9_000,
};

function create(over: Partial<CircuitRules> = {}, random = () => 0.5) {
  const transitions: Transition[] = [];
  const circuit = new Circuit({ ...RULES, ...over }, random, (transition) => transitions.push(transition));
  return { circuit, transitions };
}

function admitted(circuit: Circuit, now: number): Permit {
  const admission = circuit.admit(now);
  assert.ok(isPermit(admission), 'refused');
  return admission;
}

function fail(circuit: Circuit, times: number, now: number): void {
  for (let i = 0; i < times; i++) admitted(circuit, now).failure(now);
}

function succeed(circuit: Circuit, times: number, now: number): void {
  for (let i = 0; i < times; i++) admitted(circuit, now).success(now);
}

describe('a closed circuit', () => {
  test('opens after consecutive failures without a minimum', () => {
    const { circuit, transitions } = create({ consecutiveFailures: 3, minimumCalls: 1_000 });
    succeed(circuit, 100, 0);
    fail(circuit, 2, 0);
    assert.equal(circuit.snapshot(0).state, 'closed');
    fail(circuit, 1, 0);
    assert.deepEqual(transitions, [{ from: 'closed', to: 'open', reason: 'consecutive-failures', forMs: 1_000 }]);
  });

  test('takes failures as consecutive only within the window', () => {
    const { circuit } = create({ consecutiveFailures: 3, minimumCalls: 1_000 });
    for (const now of [0, 6_000, 12_000, 18_000, 24_000]) fail(circuit, 1, now);
    assert.equal(circuit.snapshot(24_000).state, 'closed');
    fail(circuit, 1, 25_000);
    assert.equal(circuit.snapshot(25_000).state, 'open');
  });

  test('starts to count consecutive failures anew at each success', () => {
    const { circuit } = create({ consecutiveFailures: 3, minimumCalls: 1_000 });
    for (let i = 0; i < 10; i++) {
      fail(circuit, 2, 0);
      succeed(circuit, 1, 0);
    }
    assert.equal(circuit.snapshot(0).state, 'closed');
  });

  test('opens exactly at a rate whose product with the calls is no whole number in binary', () => {
    // 0.07 · 100 is 7.000000000000001.
    const { circuit } = create({ failureRate: 0.07, minimumCalls: 100 });
    succeed(circuit, 93, 0);
    fail(circuit, 7, 0);
    assert.equal(circuit.snapshot(0).state, 'open');
  });

  test('does not open at a rate of 0 % while nothing fails', () => {
    const { circuit } = create({ failureRate: 0, slowCallRate: 0 });
    succeed(circuit, 100, 0);
    assert.equal(circuit.snapshot(0).state, 'closed');
    fail(circuit, 1, 0);
    assert.equal(circuit.snapshot(0).state, 'open');
  });

  test('never opens at a rate over 100 %', () => {
    const { circuit } = create({ failureRate: 1.01 });
    fail(circuit, 100, 0);
    assert.equal(circuit.snapshot(0).state, 'closed');
  });

  test('takes a success back whose body broke, and counts it where it ended', () => {
    const { circuit } = create();
    const permits = [1, 2, 3, 4].map(() => admitted(circuit, 0));
    for (const permit of permits) permit.success(0);
    assert.equal(circuit.snapshot(0).failureRate, 0);
    // An hour later the calls have left the window; each counts as one that failed, and never as more.
    const later = 3_600_000;
    for (const permit of permits.slice(0, 3)) permit.failure(later);
    const { failureRate, calls, state } = circuit.snapshot(later);
    assert.deepEqual({ failureRate, calls, state }, { failureRate: 1, calls: 3, state: 'closed' });
    permits[3]!.failure(later);
    assert.equal(circuit.snapshot(later).state, 'open');
  });

  test('takes a success back once', () => {
    const { circuit } = create();
    succeed(circuit, 3, 0);
    const permit = admitted(circuit, 0);
    permit.success(0);
    for (let i = 0; i < 10; i++) permit.failure(0);
    assert.equal(circuit.snapshot(0).failureRate, 0.25);
  });

  test('counts each permit once, whatever it is told', () => {
    const { circuit } = create({ minimumCalls: 100 });
    const permit = admitted(circuit, 0);
    permit.failure(0);
    permit.failure(0);
    permit.success(0);
    permit.ignore(0);
    const { calls, failureRate } = circuit.snapshot(0);
    assert.deepEqual([calls, failureRate], [1, 1]);
    const ignored = admitted(circuit, 0);
    ignored.ignore(0);
    ignored.failure(0);
    assert.equal(circuit.snapshot(0).calls, 1);
  });

  test('counts a failure that was slow both ways', () => {
    const { circuit } = create({ slowCallMs: 1_000, minimumCalls: 10 });
    admitted(circuit, 0).failure(1_001);
    const { failureRate, slowCallRate } = circuit.snapshot(1_001);
    assert.deepEqual([failureRate, slowCallRate], [1, 1]);
  });

  test('does not take a call as slow that took exactly slowCallDuration', () => {
    const { circuit } = create({ slowCallMs: 1_000 });
    admitted(circuit, 0).success(1_000);
    assert.equal(circuit.snapshot(1_000).slowCallRate, 0);
  });
});

describe('an open circuit', () => {
  function opened(over: Partial<CircuitRules> = {}, random = () => 0.5) {
    const made = create(over, random);
    fail(made.circuit, RULES.minimumCalls, 0);
    assert.equal(made.circuit.snapshot(0).state, 'open');
    return made;
  }

  test('says how long it stays open', () => {
    const { circuit } = opened();
    assert.deepEqual(circuit.admit(400), { retryAfterMs: 600 });
    assert.equal(circuit.snapshot(400).remainingMs, 600);
  });

  test('is open 20 % shorter or longer by chance', () => {
    for (const [chance, forMs] of [
      [0, 800],
      [0.5, 1_000],
      [1 - Number.EPSILON, 1_200],
    ] as const) {
      const { transitions } = opened({}, () => chance);
      assert.ok(Math.abs(transitions[0]!.forMs! - forMs) < 0.001);
    }
  });

  test('stays open longer if the upstream asks for it, at most maxOpenFor', () => {
    for (const [asked, forMs] of [
      [100, 1_000],
      [3_000, 3_000],
      [3_600_000, 5_000],
    ] as const) {
      const { circuit, transitions } = create();
      fail(circuit, 3, 0);
      admitted(circuit, 0).failure(0, asked);
      assert.equal(transitions[0]?.forMs, forMs);
    }
  });

  test('doubles its time at each re-opening up to maxOpenFor, and starts anew once all traffic was back', () => {
    const { circuit, transitions } = opened();
    const openTimes = () => transitions.filter(({ to }) => to === 'open').map(({ forMs }) => forMs);
    let now = 0;
    for (const open of [1_000, 2_000, 4_000, 5_000]) {
      now += open;
      fail(circuit, 1, now);
    }
    assert.deepEqual(openTimes(), [1_000, 2_000, 4_000, 5_000, 5_000]);
    now += 5_000;
    succeed(circuit, 3, now);
    assert.equal(circuit.snapshot(now).state, 'ramping');
    now += 1_000;
    fail(circuit, 4, now);
    assert.equal(openTimes().at(-1), 1_000);
  });

  test('goes on from where it was when it opens again while ramping', () => {
    const { circuit, transitions } = opened();
    succeed(circuit, 3, 1_000);
    assert.equal(circuit.snapshot(1_000).state, 'ramping');
    fail(circuit, 4, 1_999);
    assert.deepEqual(transitions.at(-1), { from: 'ramping', to: 'open', reason: 'failure-rate', forMs: 2_000 });
  });

  test('lets its share of calls through as probes, never more than halfOpenProbes at once', () => {
    const { circuit } = opened({ probeShare: 1 });
    const probes = [1, 2, 3].map(() => admitted(circuit, 10));
    assert.ok(!isPermit(circuit.admit(10)));
    probes[0]!.ignore(20);
    admitted(circuit, 20);
    assert.ok(!isPermit(circuit.admit(20)));
  });

  /** Which of so many calls, counted from 1, were let through; none succeeds. */
  function probesAmong(circuit: Circuit, calls: number): number[] {
    return Array.from({ length: calls }, (_, index) => index + 1).filter(() => {
      const admission = circuit.admit(10);
      if (isPermit(admission)) admission.failure(10);
      return isPermit(admission);
    });
  }

  test('spaces its probes evenly, the first anywhere and each gap a fifth longer or shorter by chance', () => {
    // The open time, where the first probe is, and gaps of 16, 20 and nearly 24 calls.
    const { circuit } = opened({ probeShare: 0.05 }, scriptedRandom(0.5, 0.24, 0, 0.5, 0.99, 0.5));
    assert.deepEqual(probesAmong(circuit, 65), [5, 21, 41, 65]);
  });

  test('lets the same share through whether it is small or nearly all', () => {
    for (const probeShare of [0, 0.01, 0.3, 0.9, 1, 2]) {
      const { circuit } = opened({ probeShare }, seededRandom(3));
      const share = probesAmong(circuit, 10_000).length / 10_000;
      assert.ok(Math.abs(share - Math.min(1, probeShare)) < 0.1, `${probeShare}: ${share}`);
    }
  });

  test('has made a probe when it opens again, and waits for the next one', () => {
    const { circuit } = opened({ probeShare: 0.05 });
    fail(circuit, 1, 1_000);
    assert.deepEqual(probesAmong(circuit, 40), [20, 40]);
  });

  test('takes no notice of a probe that fails', () => {
    const { circuit, transitions } = opened({ probeShare: 1 });
    admitted(circuit, 500).failure(600);
    assert.equal(transitions.length, 1);
    assert.equal(circuit.snapshot(600).remainingMs, 400);
  });

  test('becomes half-open at once when a probe succeeds, which counts as the first of its probes', () => {
    const { circuit, transitions } = opened({ probeShare: 1 });
    admitted(circuit, 500).success(510);
    assert.deepEqual(transitions.at(-1), {
      from: 'open',
      to: 'half-open',
      reason: 'probe-succeeded',
      forMs: undefined,
    });
    succeed(circuit, 2, 520);
    assert.equal(circuit.snapshot(520).state, 'ramping');
  });

  test('closes at once when a single probe is enough', () => {
    const { circuit, transitions } = opened({ probeShare: 1, halfOpenProbes: 1 });
    admitted(circuit, 500).success(510);
    assert.deepEqual(
      transitions.map(({ to }) => to),
      ['open', 'half-open', 'ramping'],
    );
  });

  test('is not convinced by a slow probe', () => {
    const { circuit } = opened({ probeShare: 1, slowCallMs: 100 });
    admitted(circuit, 500).success(700);
    assert.equal(circuit.snapshot(700).state, 'open');
  });

  test('gets a probe back that never ends', () => {
    const { circuit } = opened({ probeShare: 1, openForMs: 60_000, maxOpenForMs: 60_000 });
    for (let i = 0; i < 3; i++) admitted(circuit, 0);
    assert.ok(!isPermit(circuit.admit(8_999)));
    assert.ok(isPermit(circuit.admit(9_000)));
  });

  test('varies its time by a fifth, and is never open longer than the maximum', () => {
    const openFor = (maxOpenForMs: number, random: number) => {
      const { circuit, transitions } = create({ maxOpenForMs }, () => random);
      fail(circuit, 4, 0);
      return Math.round(transitions[0]!.forMs!);
    };
    assert.deepEqual(
      [0, 0.25, 0.5, 1].map((random) => openFor(5_000, random)),
      [800, 900, 1_000, 1_200],
    );
    // At the maximum a fleet still spreads.
    assert.deepEqual(
      [0, 0.25, 0.5, 0.75, 1].map((random) => openFor(1_000, random)),
      [800, 900, 1_000, 900, 800],
    );
  });
});

describe('a half-open circuit', () => {
  function halfOpened(over: Partial<CircuitRules> = {}) {
    const made = create(over);
    fail(made.circuit, RULES.minimumCalls, 0);
    admitted(made.circuit, 1_000).ignore(1_000);
    assert.equal(made.circuit.snapshot(1_000).state, 'half-open');
    return made;
  }

  test('does not lend more permits than it still wants successes', () => {
    const { circuit } = halfOpened();
    succeed(circuit, 2, 1_000);
    admitted(circuit, 1_000);
    assert.ok(!isPermit(circuit.admit(1_000)));
  });

  test('opens again at a slow success', () => {
    const { circuit, transitions } = halfOpened({ slowCallMs: 100 });
    admitted(circuit, 1_000).success(1_200);
    assert.equal(transitions.at(-1)?.reason, 'probe-slow');
  });

  test('opens again when the body of a probe that had a good head breaks', () => {
    const { circuit, transitions } = halfOpened();
    const permit = admitted(circuit, 1_000);
    permit.success(1_001);
    permit.failure(1_010);
    const { from, to, reason } = transitions.at(-1)!;
    assert.deepEqual([from, to, reason], ['half-open', 'open', 'probe-failed']);
  });

  test('does not stick on a permit that never ends beside others that succeed', () => {
    const { circuit } = create({ halfOpenProbes: 3 });
    fail(circuit, 4, 0);
    admitted(circuit, 1_000);
    succeed(circuit, 2, 1_000);
    assert.ok(!isPermit(circuit.admit(1_000)), 'one is out, two have succeeded');
    succeed(circuit, 1, 1_000 + RULES.permitMs);
    assert.equal(circuit.snapshot(1_000 + RULES.permitMs).state, 'ramping');
  });
});

describe('a ramping circuit', () => {
  /** Ramping from 1000 ms on. */
  function ramping(...chances: number[]) {
    // The open time, where its first probe would be, and then who is admitted.
    const random = scriptedRandom(0.5, 0.5, ...chances);
    const made = create({}, random);
    fail(made.circuit, RULES.minimumCalls, 0);
    succeed(made.circuit, 3, 1_000);
    assert.equal(made.circuit.snapshot(1_000).state, 'ramping');
    return made;
  }

  test('admits a share that grows with time, and says to come back in a second', () => {
    const { circuit } = ramping(0.24, 0.26, 0.74, 0.76);
    hold(circuit, 3);
    assert.ok(isPermit(circuit.admit(1_250)));
    assert.deepEqual(circuit.admit(1_250), { retryAfterMs: 1_000 });
    assert.ok(isPermit(circuit.admit(1_750)));
    assert.ok(!isPermit(circuit.admit(1_750)));
    assert.ok(isPermit(circuit.admit(2_000)));
    assert.equal(circuit.snapshot(2_000).state, 'closed');
  });

  /** Attempts that are in flight for as long as the test lasts. */
  function hold(circuit: Circuit, times: number): Permit[] {
    return Array.from({ length: times }, () => admitted(circuit, 1_000));
  }

  test('refuses nobody while no more are in flight than were answered well', () => {
    const { circuit } = ramping(1);
    succeed(circuit, 20, 1_000);
    const held = hold(circuit, 23);
    assert.ok(!isPermit(circuit.admit(1_000)));
    held[0]!.success(1_000);
    hold(circuit, 2);
    assert.ok(!isPermit(circuit.admit(1_000)));
  });

  test('halves what it lets out at once with each attempt that fails', () => {
    const { circuit } = ramping(1);
    succeed(circuit, 5, 1_000);
    fail(circuit, 1, 1_000);
    hold(circuit, 4);
    assert.ok(!isPermit(circuit.admit(1_000)));
  });

  test('takes what ended neither way as no evidence', () => {
    const { circuit } = ramping(1);
    admitted(circuit, 1_000).ignore(1_000);
    hold(circuit, 3);
    assert.ok(!isPermit(circuit.admit(1_000)));
  });

  test('keeps what it counted when it closes', () => {
    const { circuit } = ramping(0);
    fail(circuit, 3, 1_900);
    assert.equal(circuit.snapshot(2_000).state, 'closed');
    fail(circuit, 1, 2_000);
    assert.equal(circuit.snapshot(2_000).state, 'open');
  });
});

describe('a forced circuit', () => {
  test('stays forced closed whatever fails', () => {
    const { circuit } = create();
    circuit.force('forced-closed', Infinity, 0);
    fail(circuit, 100, 0);
    assert.equal(circuit.snapshot(1e12).state, 'forced-closed');
  });

  test('lets no probe through while forced open, and closes by itself when its time is over', () => {
    const { circuit, transitions } = create({ probeShare: 1 });
    circuit.force('forced-open', 60_000, 0);
    assert.deepEqual(circuit.admit(59_000), { retryAfterMs: 1_000, forced: true });
    assert.ok(isPermit(circuit.admit(60_000)));
    assert.deepEqual(
      transitions.map(({ to, reason, forMs }) => [to, reason, forMs]),
      [
        ['forced-open', 'forced', 60_000],
        ['closed', 'ttl-over', undefined],
      ],
    );
  });

  test('takes no notice of permits from before it was forced or reset', () => {
    const { circuit } = create();
    const early = [1, 2, 3, 4].map(() => admitted(circuit, 0));
    circuit.force('forced-open', 10, 0);
    circuit.reset(20);
    for (const permit of early) permit.failure(20);
    assert.deepEqual([circuit.snapshot(20).state, circuit.snapshot(20).calls], ['closed', 0]);
  });

  test('says nothing about a reset that changes nothing', () => {
    const { circuit, transitions } = create();
    circuit.reset(0);
    assert.deepEqual(transitions, []);
  });
});

/** What may happen to a circuit: somebody asks, a permit's attempt ends, time passes, an operator acts. */
type Step =
  | { readonly kind: 'admit' }
  | { readonly kind: 'end'; readonly which: number; readonly how: 'success' | 'failure' | 'ignore' }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'force'; readonly to: 'forced-open' | 'forced-closed' }
  | { readonly kind: 'reset' };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 10, arbitrary: fc.constant<Step>({ kind: 'admit' }) },
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constant('end' as const),
      which: fc.nat(20),
      how: fc.constantFrom('success' as const, 'failure' as const, 'ignore' as const),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.constantFrom(0, 1, 300, 1_000, 9_000) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('force' as const),
      to: fc.constantFrom('forced-open' as const, 'forced-closed' as const),
    }),
  },
  { weight: 1, arbitrary: fc.constant<Step>({ kind: 'reset' }) },
);

const someRules = fc.record({
  failureRate: fc.constantFrom(0, 0.1, 0.5, 1, 2),
  consecutiveFailures: fc.constantFrom(0, 1, 3),
  minimumCalls: fc.constantFrom(1, 4),
  probeShare: fc.constantFrom(0, 0.3, 1),
  halfOpenProbes: fc.constantFrom(1, 2, 3),
});

/** Plays steps; `look` sees the circuit after each. */
function play(
  rules: Partial<CircuitRules>,
  steps: readonly Step[],
  look: (circuit: Circuit, now: number, out: readonly Permit[]) => void,
): { circuit: Circuit; now: number } {
  const { circuit } = create(rules, seededRandom(1));
  const out: Permit[] = [];
  let now = 0;
  for (const one of steps) {
    if (one.kind === 'wait') now += one.ms;
    else if (one.kind === 'force') circuit.force(one.to, 2_000, now);
    else if (one.kind === 'reset') circuit.reset(now);
    else if (one.kind === 'end') out.splice(one.which, 1)[0]?.[one.how](now);
    else {
      const admission = circuit.admit(now);
      if (isPermit(admission)) out.push(admission);
    }
    look(circuit, now, out);
  }
  return { circuit, now };
}

describe('any circuit', () => {
  test('always comes back: once the upstream answers well, it is closed again within a bounded time', () => {
    fc.assert(
      fc.property(someRules, fc.array(step, { maxLength: 80 }), (rules, steps) => {
        const { circuit, now } = play(rules, steps, () => undefined);
        // Permits that are still out never end: their attempts hang for ever.
        let later = now;
        for (let i = 0; i < 400; i++) {
          later += 100;
          const admission = circuit.admit(later);
          if (isPermit(admission)) admission.success(later);
        }
        assert.equal(circuit.snapshot(later).state, 'closed');
      }),
    );
  });

  test('lends no more than halfOpenProbes permits while it is open or half-open', () => {
    fc.assert(
      fc.property(someRules, fc.array(step, { maxLength: 80 }), (rules, steps) => {
        const lent = new Map<Permit, number>();
        const known = new Set<Permit>();
        let state = 'closed';
        let since = 0;
        play(rules, steps, (circuit, now, out) => {
          const snapshot = circuit.snapshot(now);
          if (snapshot.state !== state || snapshot.since !== since) lent.clear();
          ({ state, since } = snapshot);
          for (const permit of out) {
            if (!known.has(permit)) lent.set(permit, now);
            known.add(permit);
          }
          if (state !== 'open' && state !== 'half-open') return;
          const current = out.filter((permit) => now - (lent.get(permit) ?? -Infinity) < RULES.permitMs);
          assert.ok(current.length <= rules.halfOpenProbes, `${current.length} permits out while ${state}`);
        });
      }),
    );
  });

  test('counts shares between nothing and all', () => {
    fc.assert(
      fc.property(someRules, fc.array(step, { maxLength: 80 }), (rules, steps) => {
        play({ ...rules, slowCallMs: 200 }, steps, (circuit, now) => {
          const { failureRate, slowCallRate, calls } = circuit.snapshot(now);
          assert.ok(calls >= 0 && Number.isInteger(calls));
          assert.ok(failureRate >= 0 && failureRate <= 1, `failure rate ${failureRate}`);
          assert.ok(slowCallRate >= 0 && slowCallRate <= 1, `slow call rate ${slowCallRate}`);
        });
      }),
    );
  });

  test('is not moved by permits from before its last change', () => {
    fc.assert(
      fc.property(someRules, fc.array(step, { maxLength: 60 }), fc.boolean(), (rules, steps, fails) => {
        let generation = 0;
        const permits: { permit: Permit; from: number }[] = [];
        // A ramp that is over changes nothing for who is under way.
        const watched = new Circuit({ ...RULES, ...rules }, seededRandom(1), ({ reason }) => {
          if (reason !== 'ramp-over') generation++;
        });
        let now = 0;
        for (const one of steps) {
          if (one.kind === 'wait') now += one.ms;
          else if (one.kind === 'force') watched.force(one.to, 2_000, now);
          else if (one.kind === 'reset') watched.reset(now);
          const admission = watched.admit(now);
          if (isPermit(admission)) permits.push({ permit: admission, from: generation });
          const early = permits.find(({ from }) => from < generation);
          if (early === undefined) continue;
          permits.splice(permits.indexOf(early), 1);
          const before = watched.snapshot(now);
          if (fails) early.permit.failure(now);
          else early.permit.success(now);
          assert.deepEqual(watched.snapshot(now), before);
        }
      }),
    );
  });
});
