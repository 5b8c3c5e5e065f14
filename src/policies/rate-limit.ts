import { Type, type Static } from '@sinclair/typebox';
import { integer, keyTemplate, mode, positiveDuration } from './rules/option-types.js';

const bucket = {
  requests: integer(100, 'How many in each `per`.', { minimum: 1 }),
  per: positiveDuration('1s', 'The time in which the bucket gains `requests`.'),
  burst: Type.Optional(integer(undefined, 'What the bucket holds; `requests` if left out.', { minimum: 1 })),
};

/** Refuses calls beyond a rate. Outermost: what it refuses costs nothing and is not answered by a fallback. */
export const RateLimitOptions = Type.Object(
  { ...bucket, key: keyTemplate('{route}', 'What has a bucket of its own.'), mode: mode() },
  { additionalProperties: false, description: 'Refuses calls beyond a rate.' },
);
export type RateLimitOptions = Static<typeof RateLimitOptions>;

/** Bounds the rate of attempts at an upstream, as a third party counts them. */
export const UpstreamRateLimitOptions = Type.Object(bucket, {
  additionalProperties: false,
  description: 'Bounds the rate of attempts at the upstream, as a third party counts them.',
});
export type UpstreamRateLimitOptions = Static<typeof UpstreamRateLimitOptions>;
