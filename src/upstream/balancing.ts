import { Type, type Static } from '@sinclair/typebox';
import { choice } from '../policies/rules/option-types.js';

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
