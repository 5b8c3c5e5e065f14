import { Type, type Static } from '@sinclair/typebox';
import { duration, integer, keyTemplate, mode } from './rules/option-types.js';

/** Bounds the attempts in flight, so that a slow upstream can not take all of the sidecar's and its own resources. Inside retry and outside the endpoint choice: a place is taken before an endpoint is chosen. */
export const ConcurrencyOptions = Type.Object(
  {
    limit: Type.Union([Type.Integer({ minimum: 1 }), Type.Literal('adaptive')], {
      description: 'Attempts in flight at most: a number, or `adaptive` to find it by the latency seen.',
      default: 1024,
      allowed: ['a whole number from 1', 'adaptive'],
    }),
    key: keyTemplate('{upstream}', 'What has places of its own, so that one tenant can not take all.'),
    queue: integer(0, 'How many may wait for a place, first in, first out.', { minimum: 0 }),
    queueTimeout: duration('100ms', 'How long one may wait for a place.'),
    mode: mode(),
  },
  { additionalProperties: false, description: 'Bounds the attempts in flight.' },
);
export type ConcurrencyOptions = Static<typeof ConcurrencyOptions>;
