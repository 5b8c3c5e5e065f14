import { Type, type Static } from '@sinclair/typebox';
import { classes, durationOrOff, integer, keyTemplate, mode, positiveDuration, ratio } from './rules/option-types.js';

/** Refuses attempts at an endpoint that keeps failing, so that it can recover and callers need not wait. Inside retry and the endpoint choice: it counts attempts, each at its own endpoint. */
export const CircuitBreakerOptions = Type.Object(
  {
    failureRate: ratio('50%', 'The share of failed attempts at or above which the circuit opens.'),
    slowCallRate: ratio('100%', 'The share of slow attempts at or above which the circuit opens.'),
    slowCallDuration: durationOrOff('off', 'An attempt whose head took longer is slow; off: none is.'),
    consecutiveFailures: integer(
      20,
      'The circuit also opens after so many failures in a row within the window; 0: off.',
      {
        minimum: 0,
      },
    ),
    minimumCalls: integer(20, 'Attempts in the window before a rate counts.', { minimum: 1 }),
    window: positiveDuration('10s', 'The time over which attempts are counted, in 10 buckets.'),
    openFor: positiveDuration('1s', 'How long the circuit is open the first time; doubles at each re-opening.'),
    maxOpenFor: positiveDuration('5s', 'It is never open longer before it lets calls through again.'),
    probeShare: ratio(
      '5%',
      'The share of the calls that arrive while open that go through as probes: load that does not grow with the fleet.',
    ),
    halfOpenProbes: integer(3, 'Calls let through at once while half-open; it closes when all succeed.', {
      minimum: 1,
    }),
    failOn: classes(
      ['connect-failure', 'reset', 'timeout', 'bad-response'],
      ['connect-failure', 'reset', 'timeout', 'bad-response', '5xx'],
      'What counts as a failure: classes and statuses.',
    ),
    key: keyTemplate('{endpoint}', 'What has a circuit of its own.'),
    maxKeys: integer(1000, 'Circuits kept at most; the least recently used closed one is forgotten.', { minimum: 1 }),
    mode: mode(),
  },
  { additionalProperties: false, description: 'Refuses attempts at an endpoint that keeps failing.' },
);
export type CircuitBreakerOptions = Static<typeof CircuitBreakerOptions>;
