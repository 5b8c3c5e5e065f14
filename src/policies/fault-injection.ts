import { Type, type Static } from '@sinclair/typebox';
import { choice, duration, integer, ratio } from './rules/option-types.js';

const percent = ratio(undefined, 'The share of attempts it happens to.');

/** One fault; which one is told by its key. */
export const Fault = Type.Union(
  [
    Type.Object(
      { percent, delay: duration(undefined, 'A wait; the attempt then goes on.') },
      { additionalProperties: false },
    ),
    Type.Object(
      {
        percent,
        status: integer(undefined, "The status of an answer in place of the upstream's.", {
          minimum: 200,
          maximum: 599,
        }),
      },
      { additionalProperties: false },
    ),
    Type.Object(
      { percent, abort: choice(['reset', 'refuse'], undefined, 'A broken or a refused connection.') },
      { additionalProperties: false },
    ),
  ],
  { byKey: ['delay', 'status', 'abort'] },
);
export type Fault = Static<typeof Fault>;

/** Injects faults on purpose in place of the upstream's answer. Innermost, so that all other policies meet them. */
export const FaultInjectionOptions = Type.Object(
  { faults: Type.Array(Fault, { description: 'Drawn in this order; a delay then goes on.' }) },
  { additionalProperties: false },
);
export type FaultInjectionOptions = Static<typeof FaultInjectionOptions>;
