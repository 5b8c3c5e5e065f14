import { Type, type Static } from '@sinclair/typebox';
import type { Random } from '../policies/policy.js';
import { choice } from '../policies/rules/option-types.js';
import type { Endpoint } from './endpoint.js';

/** Chooses the endpoint of each attempt among those whose circuit admits it. */
export const LoadBalancingOptions = Type.Object(
  {
    loadBalancing: choice(
      ['leastRequest', 'roundRobin', 'random'],
      'leastRequest',
      'How the endpoint of an attempt is chosen: the one with the fewest in flight, in turn, or by chance.',
    ),
  },
  { additionalProperties: false },
);
export type LoadBalancingOptions = Static<typeof LoadBalancingOptions>;

/** Chooses one of the candidates, which are never empty. `all` is the whole list, for an order that lasts. */
export type Balancer = (candidates: readonly Endpoint[], all: readonly Endpoint[]) => Endpoint;

export function createBalancer(kind: LoadBalancingOptions['loadBalancing'], random: Random): Balancer {
  switch (kind) {
    case 'leastRequest':
      return (candidates) => leastBusy(candidates, random);
    case 'roundRobin':
      return inTurn();
    case 'random':
      return (candidates) => candidates[Math.floor(random() * candidates.length)]!;
  }
}

/** The endpoint with the fewest attempts in flight; among equals by chance, so that idle ones share evenly. */
function leastBusy(candidates: readonly Endpoint[], random: Random): Endpoint {
  let best = candidates[0]!;
  let equals = 1;
  for (let i = 1; i < candidates.length; i++) {
    const candidate = candidates[i]!;
    if (candidate.inFlight < best.inFlight) {
      best = candidate;
      equals = 1;
    } else if (candidate.inFlight === best.inFlight) {
      equals++;
      if (random() * equals < 1) best = candidate;
    }
  }
  return best;
}

/** One after the other. The turn goes on behind whoever was chosen, so that the others share evenly when one is out. */
function inTurn(): Balancer {
  let turn = 0;
  return (candidates, all) => {
    for (let step = 0; step < all.length; step++) {
      const at = (turn + step) % all.length;
      const endpoint = all[at]!;
      if (candidates.includes(endpoint)) {
        turn = at + 1;
        return endpoint;
      }
    }
    return candidates[0]!;
  };
}
