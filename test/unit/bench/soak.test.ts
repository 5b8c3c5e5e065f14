import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Histogram } from '../../../bench/lib/histogram.js';
import { judge, windowTable } from '../../../bench/soak/judge.js';
import type { Measure, SoakWindow } from '../../../bench/soak/plan.js';

const REST: Measure = { heap: 20e6, rss: 100e6, descriptors: 20, complaints: [] };
const WINDOW: SoakWindow = {
  calls: 1_000,
  good: 990,
  unmade: 0,
  p50Ms: 0.5,
  p99Ms: 2,
  latestMs: 3,
  rss: 120e6,
  heapFloor: 22e6,
  descriptors: 100,
};
const LAST = 8;

/** Nine windows; `grown` is what the last third of them has otherwise. */
function windows(grown: Partial<SoakWindow> = {}): SoakWindow[] {
  return Array.from({ length: LAST + 1 }, (_, index) => (index > LAST - 3 ? { ...WINDOW, ...grown } : WINDOW));
}

const missed = (...parameters: Parameters<typeof judge>): string[] =>
  judge(...parameters)
    .filter(({ holds }) => !holds)
    .map(({ what }) => what);

test('a soak in which nothing changes holds', () => {
  assert.deepEqual(missed(windows(), REST, REST), []);
});

test('whatever grows over the load is told, and what swings in a single window is not', () => {
  assert.match(missed(windows({ rss: 140e6 }), REST, REST).join(), /^resident memory/);
  assert.match(missed(windows({ heapFloor: 25e6 }), REST, REST).join(), /^heap, its lowest/);
  assert.match(missed(windows({ descriptors: 140 }), REST, REST).join(), /^descriptors/);
  assert.match(missed(windows({ p99Ms: 3.1 }), REST, REST).join(), /^p99/);
  assert.deepEqual(missed(windows().with(LAST, { ...WINDOW, rss: 140e6, p99Ms: 4 }), REST, REST), []);
});

test('what is left when the load is over is told, and so are complaints', () => {
  assert.deepEqual(missed(windows(), REST, { ...REST, heap: 23e6 }), ['heap at rest, collected, MB']);
  assert.deepEqual(missed(windows(), REST, { ...REST, descriptors: 30 }), ['descriptors at rest']);
  assert.deepEqual(missed(windows(), REST, { ...REST, complaints: ['a leak'] }), ['complaints of Node']);
});

test('a soak without a measured window holds no bound', () => {
  assert.ok(missed(windows({ p99Ms: NaN }), REST, REST).length > 0);
});

test('a window is a row', () => {
  assert.equal(
    windowTable([WINDOW]).split('\n').at(-1),
    '| 1 | 1000 | 99.00 % | 0.50 | 2.00 | 120 | 22.0 | 100 | 3 | 0 |',
  );
});

test('percentiles are right within a hundredth', () => {
  const times = new Histogram();
  for (let ms = 1; ms <= 1_000; ms++) times.add(ms);
  for (const share of [0.01, 0.5, 0.99]) {
    assert.ok(Math.abs(times.percentile(share) / (share * 1_000) - 1) < 0.011, `${share}: ${times.percentile(share)}`);
  }
  assert.ok(Number.isNaN(new Histogram().percentile(0.5)));
});
