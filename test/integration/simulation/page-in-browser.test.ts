/** The page of `outrigger simulate` in a real browser: whether it can be read by everybody, and loads nothing. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import axe from 'axe-core';
import { simulationPage } from '../../../src/fleet/html/page.js';
import { simulate } from '../../../src/fleet/result.js';
import { VARIANTS } from '../../../src/fleet/variants.js';
import { openPage, skipWithoutChromium } from '../../support/chromium.js';
import { load, policyFile } from '../../support/policy-file.js';
import { scenario } from '../../support/scenario.js';

function content(): string {
  const config = load(policyFile({ route: 'attemptTimeout: 1s' }));
  const variants = VARIANTS.map((name) => simulate(name, config.routes[0]!, config, scenario));
  return simulationPage({ file: 'policy.yaml', route: 'r', scenario, variants });
}

test('the page of a simulation can be read by everybody', { skip: skipWithoutChromium }, async (t) => {
  const html = content();
  for (const colorScheme of ['light', 'dark'] as const) {
    for (const width of [360, 1400]) {
      await t.test(`${colorScheme}, ${width} wide`, async () => {
        // axe is put in by the test, against which the page's own rules would stand.
        const page = await openPage({ colorScheme, bypassCSP: true, viewport: { width, height: 900 } });
        const requests: string[] = [];
        page.on('request', (request) => requests.push(request.url()));
        await page.setContent(html);
        await page.evaluate(axe.source);
        const found = await page.evaluate<axe.AxeResults>(`axe.run(document, { resultTypes: ['violations'] })`);
        assert.deepEqual(
          found.violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html}`)),
          [],
        );
        assert.equal(await page.evaluate('document.documentElement.scrollWidth'), width);
        assert.deepEqual(requests, []);
        await page.context().close();
      });
    }
  }
});
