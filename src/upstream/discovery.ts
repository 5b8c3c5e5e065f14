import { Type, type Static } from '@sinclair/typebox';
import { choice, positiveDuration } from '../policies/rules/option-types.js';

/** Finds the addresses behind an endpoint's name and follows their changes. */
export const DiscoveryOptions = Type.Object(
  {
    dns: choice(
      ['each', 'one'],
      'each',
      'each: every address of a name is an endpoint (headless services); one: the name is.',
    ),
    refresh: positiveDuration('5s', 'How often names are looked up.'),
  },
  { additionalProperties: false, description: "Finds the addresses behind an endpoint's name." },
);
export type DiscoveryOptions = Static<typeof DiscoveryOptions>;
