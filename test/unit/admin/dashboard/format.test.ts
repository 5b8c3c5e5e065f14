import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { duration, percent, plural, rate, timeSpan } from '../../../../src/admin/dashboard/format.js';

describe('what the dashboard shows of', () => {
  for (const [what, show, cases] of [
    [
      'rates',
      rate,
      [
        [undefined, '–'],
        [0, '0'],
        [0.004, '< 0.01'],
        [0.25, '0.25'],
        [3.14159, '3.1'],
        [12_345.6, '12,346'],
      ],
    ],
    [
      'shares: nearly all is not all',
      percent,
      [
        [null, '–'],
        [0, '0 %'],
        [0.0004, '< 0.1 %'],
        [0.123, '12.3 %'],
        [0.99951, '> 99.9 %'],
        [1, '100 %'],
      ],
    ],
    [
      'durations',
      duration,
      [
        [null, '–'],
        [0.42, '0.4 ms'],
        [12.3, '12 ms'],
        [1_250, '1.25 s'],
        [12_340, '12.3 s'],
        [90_000, '1 min 30 s'],
      ],
    ],
    [
      'time spans',
      timeSpan,
      [
        [0, '0 s'],
        [4_400, '4 s'],
        [200_000, '3 min 20 s'],
        [3_600_000, '1 h'],
        [7_500_000, '2 h 5 min'],
        [273_600_000, '3 d 4 h'],
      ],
    ],
  ] as const) {
    it(what, () => {
      const of = show as (value: number | null | undefined) => string;
      for (const [value, text] of cases) assert.equal(of(value), text);
    });
  }

  it('counts', () => {
    assert.deepEqual([plural(1, 'event'), plural(1_000, 'event')], ['1 event', '1,000 events']);
  });
});
