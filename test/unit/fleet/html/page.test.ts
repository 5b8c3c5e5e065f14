import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { simulationPage } from '../../../../src/fleet/html/page.js';
import { linearTicks, logTicks } from '../../../../src/fleet/html/ticks.js';
import { simulate } from '../../../../src/fleet/result.js';
import { VARIANTS } from '../../../../src/fleet/variants.js';
import { load, policyFile } from '../../../support/policy-file.js';
import { scenario } from '../../../support/scenario.js';

const config = load(policyFile({ route: 'attemptTimeout: 1s' }));
const route = config.routes[0]!;
const variants = VARIANTS.map((name) => simulate(name, route, config, scenario));
const page = simulationPage({ file: 'a<b>.yaml', route: 'r & s', scenario, variants });

describe('the page of a simulation', () => {
  test('loads nothing and runs nothing', () => {
    assert.doesNotMatch(
      page,
      /<(script|link|img|iframe|object|embed|base|form)\b|@import|url\(|\bsrc=|\bhref=|https?:/i,
    );
    assert.match(
      page,
      /<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">/,
    );
  });

  test('says first what each variant did', () => {
    const said = [
      ...page.matchAll(/<h2>([a-z-]+)<\/h2>\n<p class="muted">[^<]+<\/p>\n<p class="verdict (\w+)">([^<]+)/g),
    ];
    assert.deepEqual(
      said.map(([, name, look]) => [name, look]),
      [
        ['policy', 'back'],
        ['none', 'down'],
        ['plain-retries', 'down'],
      ],
    );
    assert.match(said[0]![3]!, /^It came back (at once when|\d+ s after) the upstream was well again\.$/);
    assert.match(said[1]![3]!, /^It did not come back, though the upstream was well again for 60 s\.$/);
  });

  test('has five figures, each for all three variants by name, on one scale', () => {
    const sections = page.split('<section>').slice(1, 6);
    assert.deepEqual(
      sections.map((section) => /<h2>([^<]+)/.exec(section)?.[1]),
      ['Calls a second', 'Load on the upstream', 'Attempts per call', 'Circuits of the fleet', 'Latency'],
    );
    for (const [at, section] of sections.entries()) {
      const plots = section.split('<svg').slice(1);
      assert.equal(plots.length, at === 3 ? 1 : 3);
      assert.deepEqual(
        [...section.matchAll(/<h3>([^<]+)/g)].map(([, name]) => name),
        VARIANTS,
      );
      const axes = plots.map((plot) => [...plot.matchAll(/text-anchor="end">([^<]+)/g)].map(([, text]) => text));
      for (const axis of axes) assert.deepEqual(axis, axes[0]);
    }
  });

  test('draws what was seen, within the plot', () => {
    for (const [, path] of page.matchAll(/class="(?:line|area) \w+" d="([^"]+)"/g)) {
      const points = [...path!.matchAll(/[ML]([\d.]+) ([\d.]+)/g)];
      assert.ok(points.length > 100, path);
      for (const [, x, y] of points) {
        assert.ok(Number(x) >= 46 && Number(x) <= 392 && Number(y) >= 8 && Number(y) <= 136, `${x} ${y}`);
      }
      assert.doesNotMatch(path!, /NaN|undefined|Infinity|e-/);
    }
  });

  test('shows names as they are', () => {
    assert.match(page, /<h1>Route r &amp; s of a&lt;b&gt;\.yaml in an outage<\/h1>/);
    assert.ok(!page.includes('a<b>'));
  });
});

describe('an axis', () => {
  test('ends at or above the most, at round numbers', () => {
    const ends: [number, readonly number[]][] = [
      [0, [0, 0.25]],
      [1, [0, 0.25, 0.5, 0.75, 1]],
      [3, [0, 1, 2, 3]],
      [4_132, [0, 2_000, 4_000, 6_000]],
      [23_632, [0, 10_000, 20_000, 30_000]],
    ];
    for (const [most, values] of ends) assert.deepEqual(linearTicks(most).values, values, String(most));
    assert.equal(linearTicks(4_132).at(3_000), 0.5);
    assert.equal(linearTicks(4_132).at(7_000), 1);
  });

  test('has powers of ten where it is logarithmic', () => {
    const { values, at } = logTicks(6_200);
    assert.deepEqual(values, [1, 10, 100, 1_000, 10_000]);
    assert.deepEqual([0, 1, 100, 10_000].map(at), [0, 0, 0.5, 1]);
  });
});
