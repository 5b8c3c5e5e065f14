import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Permit } from '../../../src/policies/policy.js';
import { Circuit, isPermit, type CircuitRules } from '../../../src/policies/rules/circuit.js';
import { step, type Machine } from './machine.js';

type Rules = Pick<CircuitRules, 'consecutiveFailures' | 'halfOpenProbes' | 'probeShare' | 'rampMs'>;

type State =
  | { readonly name: 'closed' | 'half-open' }
  | { readonly name: 'ramping' | 'open' | 'forced-open' | 'forced-closed'; readonly until: number };

interface Lent {
  /** The state it was lent in, by its number; from another one it counts for nothing. */
  readonly era: number;
  readonly at: number;
  ended: 'no' | 'well' | 'otherwise';
}

interface Model {
  readonly rules: CircuitRules;
  now: number;
  state: State;
  era: number;
  reopenings: number;
  failuresInRow: number;
  successes: number;
  rampStart: number;
  rampTrusted: number;
  readonly lent: Lent[];
}

interface Real {
  readonly circuit: Circuit;
  readonly permits: Permit[];
}

const FORCED_MS = 2_000;

/** Opens by failures in a row only, in a window that is never over: what is counted over time has tests of its own. */
const BASE: CircuitRules = {
  failureRate: 1,
  slowCallRate: 1,
  slowCallMs: undefined,
  consecutiveFailures: 1,
  minimumCalls: 1_000_000,
  windowMs: 1e12,
  openForMs: 1_000,
  maxOpenForMs: 5_000,
  probeShare: 0,
  halfOpenProbes: 3,
  rampMs: 1_000,
  permitMs: 2_000,
};

function become(model: Model, state: State): void {
  model.state = state;
  model.era++;
  model.failuresInRow = 0;
  model.successes = 0;
}

function open(model: Model): void {
  const { openForMs, maxOpenForMs } = model.rules;
  model.reopenings = model.state.name === 'closed' ? 0 : model.reopenings + 1;
  become(model, { name: 'open', until: model.now + Math.min(maxOpenForMs, openForMs * 2 ** model.reopenings) });
}

function halfOpen(model: Model, successes: number): void {
  become(model, { name: 'half-open' });
  succeed(model, successes);
}

function succeed(model: Model, successes: number): void {
  model.successes += successes;
  const { halfOpenProbes, rampMs } = model.rules;
  if (model.successes < halfOpenProbes) return;
  if (rampMs === 0) {
    model.reopenings = 0;
    become(model, { name: 'closed' });
    return;
  }
  become(model, { name: 'ramping', until: model.now + rampMs });
  model.rampStart = model.now;
  model.rampTrusted = halfOpenProbes;
}

/** What time alone brings. */
function settle(model: Model): void {
  const { state } = model;
  if (!('until' in state) || model.now < state.until || state.name === 'open') return;
  model.reopenings = 0;
  if (state.name === 'ramping') model.state = { name: 'closed' };
  else become(model, { name: 'closed' });
}

/** Permits of this state that are out; as probes, those that have not outlived their time. */
function out({ lent, era, now, rules }: Readonly<Model>, probes: boolean): number {
  return lent.filter((one) => one.era === era && one.ended === 'no' && (!probes || now - one.at < rules.permitMs))
    .length;
}

function admits(model: Model): boolean {
  const { rules, now } = model;
  if (model.state.name === 'open' && now >= model.state.until) halfOpen(model, 0);
  const { state } = model;
  switch (state.name) {
    case 'closed':
    case 'forced-closed':
      return true;
    case 'forced-open':
      return false;
    case 'ramping':
      // Chance always says 0.5.
      return out(model, false) < model.rampTrusted || 0.5 < (now - model.rampStart) / rules.rampMs;
    case 'open':
      return rules.probeShare === 1 && out(model, true) < rules.halfOpenProbes;
    case 'half-open':
      return out(model, true) + model.successes < rules.halfOpenProbes;
  }
}

type End = 'success' | 'failure' | 'ignore';

function end(model: Model, lent: Lent, how: End): void {
  const before = lent.ended;
  if (before === 'no') lent.ended = how === 'success' ? 'well' : 'otherwise';
  else if (how === 'failure') lent.ended = 'otherwise';
  if (lent.era !== model.era) return;
  if (before !== 'no') {
    // The body of a good answer broke. What that does to shares is tested with the counts.
    if (before === 'well' && how === 'failure' && model.state.name === 'half-open') open(model);
    return;
  }
  const { name } = model.state;
  if (name === 'ramping' && how === 'success') model.rampTrusted++;
  if (name === 'ramping' && how === 'failure') model.rampTrusted = Math.floor(model.rampTrusted / 2);
  if (how === 'ignore') return;
  if (name === 'open') {
    if (how === 'success') halfOpen(model, 1);
  } else if (name === 'half-open') {
    if (how === 'success') succeed(model, 1);
    else open(model);
  } else if (name === 'closed' || name === 'ramping') {
    model.failuresInRow = how === 'failure' ? model.failuresInRow + 1 : 0;
    if (model.failuresInRow >= model.rules.consecutiveFailures) open(model);
  }
}

/** Ends an attempt, counted from the newest. */
function ends(how: End) {
  return {
    can: ({ lent }: Readonly<Model>, which = 0) => which < lent.length,
    run(model: Model, { permits }: Real, which = 0) {
      permits.at(-1 - which)?.[how](model.now);
      end(model, model.lent.at(-1 - which)!, how);
    },
  };
}

function force(name: 'forced-open' | 'forced-closed') {
  return {
    run(model: Model, { circuit }: Real) {
      circuit.force(name, FORCED_MS, model.now);
      become(model, { name, until: model.now + FORCED_MS });
    },
  };
}

export const circuitMachine: Machine<Rules, Model, Real> = {
  rules: fc.record({
    consecutiveFailures: fc.integer({ min: 1, max: 3 }),
    halfOpenProbes: fc.integer({ min: 1, max: 3 }),
    probeShare: fc.constantFrom(0, 1),
    rampMs: fc.constantFrom(0, 1_000),
  }),
  steps: [
    step('admit'),
    step('admit'),
    step('admit'),
    step('success', fc.constant(0)),
    step('failure', fc.constant(0)),
    step('success', fc.nat(5)),
    step('failure', fc.nat(5)),
    step('ignore', fc.nat(5)),
    step('wait', fc.constantFrom(1, 400, 1_000, 2_000, 9_000)),
    step('wait', fc.constantFrom(1_000, 2_000)),
    step('force-open'),
    step('force-closed'),
    step('reset'),
  ],
  setup(over) {
    const rules = { ...BASE, ...over };
    return {
      model: {
        rules,
        now: 0,
        state: { name: 'closed' },
        era: 0,
        reopenings: 0,
        failuresInRow: 0,
        successes: 0,
        rampStart: 0,
        rampTrusted: 0,
        lent: [],
      },
      real: {
        circuit: new Circuit(
          rules,
          () => 0.5,
          () => undefined,
        ),
        permits: [],
      },
    };
  },
  ways: {
    admit: {
      run(model, { circuit, permits }) {
        const expected = admits(model);
        const admission = circuit.admit(model.now);
        assert.equal(isPermit(admission), expected, `leave while ${model.state.name}`);
        if (!isPermit(admission)) return;
        permits.push(admission);
        model.lent.push({ era: model.era, at: model.now, ended: 'no' });
      },
    },
    success: ends('success'),
    failure: ends('failure'),
    ignore: ends('ignore'),
    wait: {
      run(model, _, ms = 0) {
        model.now += ms;
        settle(model);
      },
    },
    'force-open': force('forced-open'),
    'force-closed': force('forced-closed'),
    reset: {
      run(model, { circuit }) {
        circuit.reset(model.now);
        model.reopenings = 0;
        become(model, { name: 'closed' });
      },
    },
  },
  agree({ state, now }, { circuit }) {
    const { state: name, remainingMs } = circuit.snapshot(now);
    assert.equal(name, state.name, 'the state');
    if ('until' in state) assert.equal(remainingMs, Math.max(0, state.until - now), 'how long it stays so');
  },
};
