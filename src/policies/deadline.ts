import { Type, type Static } from '@sinclair/typebox';
import { positiveDuration } from './rules/option-types.js';

/** Ends a call that has no answer in time, and tells the upstream how long is left. Outside retry and concurrency: it covers attempts, back-off and queueing. */
export const DeadlineOptions = Type.Object(
  {
    timeout: positiveDuration(
      '30s',
      "The whole call: queueing, attempts and back-off, until the head of the answer; starts when the request's body is in.",
    ),
  },
  { additionalProperties: false },
);
export type DeadlineOptions = Static<typeof DeadlineOptions>;
