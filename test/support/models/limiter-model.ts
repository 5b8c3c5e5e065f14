import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Limiter, type Waiter } from '../../../src/policies/rules/limiter.js';
import { step, type Machine } from './machine.js';

interface Rules {
  readonly limit: number;
  readonly queueSize: number;
}

interface Model {
  limit: number;
  readonly queueSize: number;
  inFlight: number;
  /** Who waits; whoever bounces gives its place back the moment it gets it. */
  queue: { readonly id: number; readonly bounces: boolean }[];
  readonly admitted: number[];
  ids: number;
}

interface Real {
  readonly rule: { limit: number };
  readonly limiter: Limiter;
  readonly waiting: Map<number, Waiter>;
  readonly admitted: number[];
}

/** Lets in who waits, as long as there are places. */
function admit(model: Model): void {
  while (model.inFlight < model.limit) {
    const next = model.queue.shift();
    if (next === undefined) return;
    model.admitted.push(next.id);
    if (!next.bounces) model.inFlight++;
  }
}

function arrive(model: Model, { limiter, waiting, admitted }: Real, bounces = 0): void {
  const id = ++model.ids;
  const free = model.inFlight < model.limit && model.queue.length === 0;
  assert.equal(limiter.tryTake(), free, 'a place is taken exactly where one is free and nobody waits');
  if (free) {
    model.inFlight++;
    return;
  }
  const fits = model.queue.length < model.queueSize;
  const waiter = {
    admitted: () => {
      admitted.push(id);
      waiting.delete(id);
      if (bounces === 1) limiter.release();
    },
  };
  assert.equal(limiter.enqueue(waiter), fits, 'whoever fits waits');
  if (!fits) return;
  waiting.set(id, waiter);
  model.queue.push({ id, bounces: bounces === 1 });
}

export const limiterMachine: Machine<Rules, Model, Real> = {
  rules: fc.record({ limit: fc.integer({ min: 1, max: 4 }), queueSize: fc.nat(4) }),
  steps: [
    step('arrive', fc.constantFrom(0, 0, 1)),
    step('arrive', fc.constant(0)),
    step('finish'),
    step('leave', fc.nat(3)),
    step('limit', fc.integer({ min: 1, max: 6 })),
    step('take-anyway'),
  ],
  setup({ limit, queueSize }) {
    const rule = { limit, sample: () => undefined };
    return {
      model: { limit, queueSize, inFlight: 0, queue: [], admitted: [], ids: 0 },
      real: { rule, limiter: new Limiter(rule, queueSize), waiting: new Map(), admitted: [] },
    };
  },
  ways: {
    arrive: { run: arrive },
    finish: {
      can: ({ inFlight }) => inFlight > 0,
      run(model, { limiter }) {
        limiter.release();
        model.inFlight--;
        admit(model);
      },
    },
    leave: {
      can: ({ queue }, which = 0) => which < queue.length,
      run(model, { limiter, waiting }, which = 0) {
        const [left] = model.queue.splice(which, 1);
        limiter.leave(waiting.get(left!.id)!);
        waiting.delete(left!.id);
      },
    },
    limit: {
      run(model, { rule, limiter }, limit = 1) {
        rule.limit = limit;
        model.limit = limit;
        limiter.sample(0, 1, 1, false);
        admit(model);
      },
    },
    'take-anyway': {
      run(model, { limiter }) {
        limiter.takeAnyway();
        model.inFlight++;
      },
    },
  },
  agree(model, { limiter, admitted }) {
    assert.equal(limiter.inFlight, model.inFlight, 'places in use');
    assert.equal(limiter.queued, model.queue.length, 'who waits');
    assert.deepEqual(admitted, model.admitted, 'who was let in, in which order');
    assert.equal(limiter.isFull, model.inFlight >= model.limit + model.queueSize, 'whether it is full');
  },
};
