import { Type, type Static } from '@sinclair/typebox';
import { durationOrPercentile, integer, methods } from './rules/option-types.js';

/** Makes a second attempt while a slow first one still runs, and takes the first good head. Inside retry, outside the endpoint choice: each hedge is an attempt of its own, at another endpoint if there is one. */
export const HedgeOptions = Type.Object(
  {
    delay: durationOrPercentile(
      'p95',
      'When the second attempt is made: a duration, or a percentile of the times seen.',
    ),
    max: integer(1, 'Extra attempts at most.', { minimum: 1, maximum: 10 }),
    methods: methods(['GET', 'HEAD'], 'Methods that may be sent twice at once.'),
  },
  { additionalProperties: false, description: 'Makes a second attempt while a slow first one still runs.' },
);
export type HedgeOptions = Static<typeof HedgeOptions>;
