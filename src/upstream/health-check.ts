import { Type, type Static } from '@sinclair/typebox';
import { integer, positiveDuration, ratio, statusRanges } from '../policies/rules/option-types.js';

/** Asks each endpoint by itself whether it is well, and keeps calls away from those that are not. */
export const HealthCheckOptions = Type.Object(
  {
    path: Type.String({
      description: 'The path that is asked with GET.',
      unit: 'path',
      pattern: '^/[\\u0021-\\u007e]*$',
    }),
    interval: positiveDuration('10s', 'Between two checks of an endpoint.'),
    timeout: positiveDuration('2s', 'For one check.'),
    healthyAfter: integer(2, 'Good checks in a row until it counts as healthy.', { minimum: 1 }),
    unhealthyAfter: integer(3, 'Failed checks in a row until it counts as unhealthy.', { minimum: 1 }),
    expect: statusRanges(['200-299'], 'Statuses of a good check.'),
    panicThreshold: ratio('50%', 'Fewer healthy than this share: the checks are not believed, all endpoints are used.'),
  },
  { additionalProperties: false, description: 'Asks each endpoint by itself whether it is well.' },
);
export type HealthCheckOptions = Static<typeof HealthCheckOptions>;
