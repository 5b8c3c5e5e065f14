import { Type, type Static } from '@sinclair/typebox';
import { keyTemplate, positiveDuration, ratio } from './rules/option-types.js';

/** Bounds the retries of all calls to an upstream together, so that retries never make an outage worse. Asked by retry and hedge before each extra attempt; it stands per upstream, since the load is the upstream's. */
export const RetryBudgetOptions = Type.Object(
  {
    failedRatio: ratio('20%', 'Retries that failed too or are not back yet, per call over the window.'),
    totalRatio: ratio('50%', 'All retries, per call over the window.'),
    minPerSecond: Type.Number({
      description:
        'Retries a second that are always allowed, so that a quiet sidecar can retry; kept low, since a fleet multiplies it.',
      default: 1,
      minimum: 0,
    }),
    window: positiveDuration('10s', 'The time over which calls and retries are counted.'),
    key: keyTemplate('{upstream}', 'What has a budget of its own.'),
  },
  { additionalProperties: false, description: 'Bounds the retries of all calls to the upstream together.' },
);
export type RetryBudgetOptions = Static<typeof RetryBudgetOptions>;
