import { Type, type Static } from '@sinclair/typebox';
import { positiveDuration } from './rules/option-types.js';

/** Ends an attempt that has no head in time, so that the next one can be made. Inside the circuit breaker: the circuit counts what timed out. */
export const AttemptTimeoutOptions = Type.Object(
  {
    attemptTimeout: positiveDuration(
      '9s',
      "One attempt, from its dispatch until its response's head; starts when the request's body is in.",
    ),
  },
  { additionalProperties: false },
);
export type AttemptTimeoutOptions = Static<typeof AttemptTimeoutOptions>;
