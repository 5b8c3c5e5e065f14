/** The dashboard in a real browser, as whoever is called at night would use it. */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { describe, test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import axe from 'axe-core';
import type { BrowserContextOptions, Locator, Page } from 'playwright-core';
import type { Operations } from '../../../src/admin/operations.js';
import { RefusedError } from '../../../src/admin/problem.js';
import type { CircuitShape, HistoryShape, RouteShape, UpstreamShape } from '../../../src/admin/shapes.js';
import type { AdminOptions } from '../../../src/admin/server.js';
import { EventFeed } from '../../../src/observability/event-feed.js';
import { systemClock } from '../../../src/runtime/clock.js';
import { adminWith, at, NO_OPERATIONS } from '../../support/admin.js';
import { openPage, skipWithoutChromium } from '../../support/chromium.js';
import { startUpstream } from '../../support/http-upstream.js';
import { projectRoot } from '../../support/project-root.js';
import { startApp, type RunOptions } from '../../support/running-app.js';

/** For people to look at, after a run. */
const SCREENSHOTS = `${projectRoot}.build/screenshots`;

interface Opened {
  readonly page: Page;
  /** Texts of a table's rows, cell by cell. */
  readonly rows: (table: string) => Promise<readonly (readonly string[])[]>;
}

type Open = (url: string, options?: BrowserContextOptions, expected?: RegExp) => Promise<Opened>;

/**
 * Opens dashboards. At the test's end nothing must have gone wrong in them but what is `expected`, and nothing have been
 * asked for elsewhere. To be called before a server is started, so that pages are closed before it is.
 */
function pagesOf(t: TestContext): Open {
  const pages: Page[] = [];
  const wrong: string[] = [];
  t.after(async () => {
    await Promise.all(pages.map((page) => page.context().close()));
    assert.deepEqual(wrong, []);
  });
  return async (url, options = {}, expected = /^$/) => {
    const page = await openPage({ viewport: { width: 1280, height: 900 }, ...options });
    pages.push(page);
    page.on('pageerror', (error) => wrong.push(String(error)));
    page.on('console', (message) => {
      if (message.type() === 'error' && !expected.test(message.text())) wrong.push(message.text());
    });
    page.on('request', (request) => {
      if (!request.url().startsWith(`${url}/`) && !request.url().startsWith('data:')) wrong.push(request.url());
    });
    await page.goto(url);
    const rows = (table: string) =>
      page.evaluate<string[][]>(
        `[...document.querySelectorAll('#${table} tbody tr:not(.empty)')]
          .map((row) => [...row.children].map((cell) => cell.textContent))`,
      );
    return { page, rows };
  };
}

/** A screenshot of all of it, to look at. */
async function shoot(page: Page, name: string): Promise<void> {
  mkdirSync(SCREENSHOTS, { recursive: true });
  const { length } = await page.screenshot({ path: `${SCREENSHOTS}/${name}.png`, fullPage: true });
  assert.ok(length > 20_000, `${name}: ${length} bytes are an empty page`);
}

async function hasFocus(locator: Locator): Promise<boolean> {
  return (await locator.and(locator.page().locator(':focus')).count()) === 1;
}

/** Waits until something holds: as long as two looks of the page at the proxy take on a busy machine. */
async function eventually(condition: () => Promise<boolean>, what: string): Promise<void> {
  for (let i = 0; i < 400; i++) {
    if (await condition()) return;
    await sleep(25);
  }
  assert.fail(`never: ${what}`);
}

/** Waits until a locator's text is right. */
async function says(locator: Locator, expected: RegExp): Promise<void> {
  await eventually(async () => expected.test((await locator.textContent()) ?? ''), `${String(expected)} on the page`);
}

/** The proxy before an upstream that can fail. */
async function startFailing(t: TestContext, options: RunOptions = {}) {
  const open = pagesOf(t);
  let failing = true;
  const upstream = await startUpstream((response) => response.writeHead(failing ? 503 : 200).end());
  t.after(() => upstream.close());
  const app = await startApp(
    t,
    `upstreams:
  payments:
    url: ${upstream.origin}
    circuitBreaker: { minimumCalls: 4, window: 2s, openFor: 300ms, maxOpenFor: 300ms, halfOpenProbes: 1 }
routes:
  - { name: charge, match: {}, upstream: payments, retry: { backoff: { base: 1ms } }, fallback: { steps: [{ response: { status: 200 } }] } }
`,
    options,
  );
  const origin = new URL(upstream.origin).origin;
  return { open, app, origin, call: async () => (await fetch(app.url)).text(), recover: () => (failing = false) };
}

describe('while an upstream fails', { skip: skipWithoutChromium }, () => {
  test('the page shows the circuit open, why, and what the fallback answered; and then that it is closed again', async (t) => {
    const { open, app, origin, call, recover } = await startFailing(t);
    await call();
    await call();
    const { page, rows } = await open(app.admin, { colorScheme: 'light' });
    for (let i = 0; i < 4; i++) await call();
    await eventually(async () => (await rows('circuits'))[0]?.[2] === 'open', 'the circuit is open');
    const [circuit] = await rows('circuits');
    assert.deepEqual(circuit?.slice(0, 3), [origin, 'payments', 'open']);
    await says(page.locator('#circuits-sum'), /^1 of 1 circuit not closed$/);
    await says(page.locator('#tile-circuits'), /^1$/);
    assert.match(await page.title(), /^\(1 circuit not closed\) Outrigger$/);
    await eventually(async () => (await rows('routes'))[0]?.[7] === '100 % response', 'what the fallback answered');
    const [route] = await rows('routes');
    assert.deepEqual(route?.slice(0, 2), ['charge', 'payments']);
    for (const time of [route?.[5], route?.[6]]) assert.match(time ?? '', /^[\d.]+ m?s$/);
    await eventually(async () => (await rows('events')).some(([, kind]) => kind === 'circuit'), 'the event of it');
    const events = await rows('events');
    const opened = events.find(([, kind, , what]) => kind === 'circuit' && what?.startsWith('closed → open'));
    assert.deepEqual([opened?.[2], opened?.[4]], [`payments · ${origin}`, 'failure-rate']);
    assert.ok(events.some(([, kind, , , reason]) => kind === 'retry' && reason === '503'));
    await shoot(page, 'failing-light');
    await page.emulateMedia({ colorScheme: 'dark' });
    await shoot(page, 'failing-dark');
    recover();
    await eventually(async () => {
      await call();
      return (await rows('circuits'))[0]?.[2] === 'closed';
    }, 'the circuit is closed again');
    await says(page.locator('#circuits-sum'), /^all closed$/);
    await eventually(async () => (await page.title()) === 'Outrigger', 'the title is as before');
  });

  test('events can be paused, chosen by kind and found', async (t) => {
    const { open, app, call } = await startFailing(t);
    await call();
    const { page, rows } = await open(app.admin);
    const kinds = async () => new Set((await rows('events')).map(([, kind]) => kind));
    await eventually(async () => (await kinds()).has('retry'), 'a retry');
    await page.getByLabel('retry', { exact: true }).uncheck();
    await eventually(async () => !(await kinds()).has('retry'), 'no retries');
    await page.getByLabel('retry', { exact: true }).check();
    await page.getByLabel('Find events').fill('response answered');
    await eventually(async () => [...(await kinds())].join() === 'fallback', 'what is looked for');
    await page.getByLabel('Find events').fill('');
    await page.getByRole('button', { name: 'Pause' }).click();
    const before = (await rows('events')).length;
    const sum = page.locator('#events-sum');
    const told = await sum.textContent();
    for (let i = 0; i < 3; i++) await call();
    await eventually(async () => (await sum.textContent()) !== told, 'more events are there');
    assert.equal((await rows('events')).length, before);
    await page.getByRole('button', { name: 'Go on' }).click();
    await eventually(async () => (await rows('events')).length > before, 'they are shown');
    await page.getByRole('button', { name: 'Clear' }).click();
    await eventually(async () => (await rows('events')).length === 0, 'all are gone');
  });
});

describe('an operator', { skip: skipWithoutChromium }, () => {
  /** Presses Tab until something has the focus. */
  async function tabTo(page: Page, target: Locator): Promise<void> {
    for (let i = 0; i < 60; i++) {
      if (await hasFocus(target)) return;
      await page.keyboard.press('Tab');
    }
    assert.fail('Tab does not lead there');
  }

  const count = (change: string) => `admin_changes_total{change="${change}",result="done"}`;

  test('forces a circuit open for a while with the keyboard only, having been asked first', async (t) => {
    const { open, app, origin, recover } = await startFailing(t);
    recover();
    const { page, rows } = await open(app.admin);
    const button = page.getByRole('button', { name: `Force open the circuit ${origin} of payments` });
    await button.waitFor();
    await tabTo(page, button);
    await page.keyboard.press('Enter');
    const dialog = page.getByRole('dialog', { name: `Force the circuit ${origin} of payments open?` });
    await dialog.waitFor();
    // Who presses Enter once too often has done nothing.
    assert.ok(await hasFocus(page.getByRole('button', { name: 'Cancel' })));
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'hidden' });
    assert.equal(await app.metric(count('circuits')), 0);

    await tabTo(page, button);
    await page.keyboard.press('Enter');
    await tabTo(page, page.getByLabel('5 minutes'));
    await page.keyboard.press('ArrowDown');
    await tabTo(page, dialog.getByRole('button', { name: 'Force open' }));
    await shoot(page, 'asking');
    await page.keyboard.press('Enter');
    await dialog.waitFor({ state: 'hidden' });
    await eventually(async () => (await rows('circuits'))[0]?.[2] === 'forced-open', 'it is forced open');
    assert.match((await rows('circuits'))[0]?.[4] ?? '', /^(?:15 min|14 min \d+ s)$/);
    assert.ok(await hasFocus(button), 'the focus is where it was');
    await says(page.getByRole('status').filter({ hasText: 'Done' }), /Done: Force the circuit/);
    const { headers } = await fetch(app.url);
    assert.equal(headers.get('x-outrigger-attempts'), '0');
    assert.equal(await app.metric(count('circuits')), 1);

    await page.getByRole('button', { name: `Reset the circuit ${origin}` }).press('Enter');
    await page.getByRole('dialog').getByRole('button', { name: 'Reset' }).press('Enter');
    await eventually(async () => (await rows('circuits'))[0]?.[2] === 'closed', 'it is closed');
  });

  test('forces all circuits of an upstream closed, until they are reset', async (t) => {
    const { open, app, recover } = await startFailing(t);
    recover();
    const { page, rows } = await open(app.admin);
    await page.getByRole('button', { name: 'Force closed all circuits of payments' }).click();
    await page.getByLabel('Until changed again').check();
    await page.getByRole('dialog').getByRole('button', { name: 'Force closed' }).click();
    await eventually(async () => (await rows('circuits'))[0]?.[2] === 'forced-closed', 'it is forced closed');
    assert.equal((await rows('circuits'))[0]?.[4], 'until reset');
  });

  test('switches the retries of a route off and on', async (t) => {
    const { open, app, recover } = await startFailing(t);
    recover();
    const { page } = await open(app.admin);
    const made = page.getByRole('switch', { name: 'Retries of charge' });
    assert.equal(await made.getAttribute('aria-checked'), 'true');
    await made.click();
    await page.getByRole('dialog').getByRole('button', { name: 'Switch off' }).click();
    await says(made, /^off, (?:5 min|4 min \d+ s) left$/);
    assert.equal(await app.metric('retries_enabled{route="charge"}'), 0);
    await page.getByRole('button', { name: 'All retries on' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Switch on' }).click();
    await says(made, /^on$/);
  });

  test('has the policy file read anew, and is told what is wrong in it', async (t) => {
    const errors = [{ file: 'outrigger.yaml', line: 3, column: 7, path: 'routes', message: `is ${HOSTILE}` }];
    const none = { added: [], removed: [], changed: [] };
    const done = { result: 'changed', routes: none, upstreams: none, settings: ['log'], restart: [] } as const;
    let right = false;
    const reload = () => {
      if (right) return Promise.resolve(done);
      throw new RefusedError({ status: 422, code: 'invalid-policy-file', detail: 'It is wrong.', errors });
    };
    const { open, url } = await startStill(t, { reload });
    const { page } = await open(url, {}, /status of 422/);
    await page.getByRole('button', { name: 'Reload policy' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('button', { name: 'Reload' }).click();
    await says(dialog.getByRole('alert'), /^It is wrong\.\noutrigger\.yaml:3:7: routes: is <img/);
    right = true;
    await dialog.getByRole('button', { name: 'Reload' }).click();
    await dialog.waitFor({ state: 'hidden' });
    await says(page.getByRole('status').filter({ hasText: 'Done' }), /^Done: Reload the policy file\.$/);
  });

  test('is asked for the token where there is one; it is kept as long as the tab', async (t) => {
    const { open, app, origin, recover } = await startFailing(t, { admin: 'token: s3cret' });
    recover();
    const { page, rows } = await open(app.admin, {}, /status of 401/);
    const button = page.getByRole('button', { name: `Force open the circuit ${origin}` });
    const dialog = page.getByRole('dialog');
    const yes = dialog.getByRole('button', { name: 'Force open' });
    await button.click();
    assert.ok(await page.getByLabel('Admin token').isHidden());
    await yes.click();
    await says(dialog.getByRole('alert'), /^Changes need the admin token/);
    await page.getByLabel('Admin token').fill('wrong');
    await yes.click();
    await says(dialog.getByRole('alert'), /^That is not the admin token\.$/);
    assert.equal(await page.evaluate('sessionStorage.length'), 0);
    await page.getByLabel('Admin token').fill('s3cret');
    await page.keyboard.press('Enter');
    await dialog.waitFor({ state: 'hidden' });
    await eventually(async () => (await rows('circuits'))[0]?.[2] === 'forced-open', 'it is forced open');

    await page.reload();
    await page.getByRole('button', { name: `Reset the circuit ${origin}` }).click();
    await dialog.getByRole('button', { name: 'Reset' }).click();
    await dialog.waitFor({ state: 'hidden' });
    assert.equal(await page.evaluate('localStorage.length'), 0);
    await page.getByRole('button', { name: 'Forget token' }).click();
    assert.equal(await page.evaluate('sessionStorage.length'), 0);
  });
});

const HOSTILE = `<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>`;

const ROUTE: RouteShape = {
  name: 'charge',
  upstream: 'payments',
  requestsPerSecond: 12.5,
  retryRatio: 0.12,
  failureRatio: 0.02,
  p50Ms: 12,
  p99Ms: 340,
  fallbacks: { stale: 0.01, upstream: 0, response: 0 },
  retriesEnabled: true,
  retriesRemainingMs: null,
};

const CIRCUIT: CircuitShape = {
  upstream: 'payments',
  key: 'https://payments.internal:8443',
  state: 'closed',
  since: '2026-01-01T00:00:00.000Z',
  failureRate: 0,
  slowCallRate: 0,
  calls: 10,
  remainingMs: null,
};

const UPSTREAM: UpstreamShape = {
  name: 'payments',
  endpoints: [{ url: 'https://payments.internal:8443', healthy: true, inFlight: 1, circuit: 'closed' }],
  inFlight: 1,
  limit: 1_024,
  queued: 0,
  retryBudget: { remaining: 10 },
  healthPanic: false,
};

const STEPS = Array.from({ length: 180 }, (_, step) => step);

const HISTORY: HistoryShape = {
  route: null,
  startedAt: '2026-01-01T00:00:00.000Z',
  times: STEPS.map((step) => Date.UTC(2026, 0, 1, 3) + step * 5_000),
  requestsPerSecond: STEPS.map((step) => 40 + 10 * Math.sin(step / 9)),
  failureRatio: STEPS.map((step) => (step > 90 && step < 120 ? 0.2 : 0)),
  retryRatio: STEPS.map((step) => (step % 20 === 0 ? null : 0.1 + (step % 7) / 50)),
  fallbackRatio: STEPS.map(() => 0),
  p50Ms: STEPS.map(() => 10),
  p99Ms: STEPS.map((step) => (step > 90 && step < 120 ? 2_000 : 80)),
};

const STILL: Operations = {
  ...NO_OPERATIONS,
  routes: () => [ROUTE],
  circuits: () => [CIRCUIT],
  upstreams: () => [UPSTREAM],
  history: () => HISTORY,
};

/** An admin server that shows what a test says. */
async function startStill(t: TestContext, operations: Partial<Operations>, options: Partial<AdminOptions> = {}) {
  const open = pagesOf(t);
  const admin = adminWith({ operations: { ...STILL, ...operations }, ...options });
  t.after(() => admin.close());
  return { open, url: `http://${await admin.listen()}` };
}

describe('the page', { skip: skipWithoutChromium }, () => {
  test('takes no text for HTML, wherever it comes from', async (t) => {
    const feed = new EventFeed(systemClock);
    feed.record({ type: 'health', upstream: HOSTILE, endpoint: HOSTILE, healthy: false, reason: HOSTILE });
    feed.change({ change: 'circuits', by: HOSTILE, upstream: HOSTILE, key: HOSTILE, to: HOSTILE });
    const { open, url } = await startStill(
      t,
      {
        routes: () => [{ ...ROUTE, name: HOSTILE, upstream: HOSTILE }],
        circuits: () => [{ ...CIRCUIT, upstream: HOSTILE, key: HOSTILE }],
        upstreams: () => [{ ...UPSTREAM, name: HOSTILE, endpoints: [{ ...UPSTREAM.endpoints[0]!, url: HOSTILE }] }],
      },
      { feed },
    );
    const { page, rows } = await open(url, {}, /requires 'TrustedHTML'/);
    await eventually(async () => (await rows('events')).length === 2, 'the events');
    const texts = [await rows('routes'), await rows('circuits'), await rows('upstreams'), await rows('events')].flat(2);
    assert.equal(texts.filter((text) => text.includes(HOSTILE)).length, 11);
    await page.getByRole('button', { name: 'Force open the circuit' }).click();
    await says(page.getByRole('dialog').getByRole('heading'), /onerror/);
    assert.equal(await page.locator('img, body script ~ script').count(), 0);
    assert.equal(await page.evaluate('window.hacked'), undefined);
    // And were there a mistake in the page, the browser would not follow it.
    const injected = page.evaluate(`document.body.innerHTML = ${JSON.stringify(HOSTILE)}`);
    await assert.rejects(injected, /TrustedHTML/);
  });

  test('shows the 15 minutes before it was opened, of all calls or of a route', async (t) => {
    const asked: (string | undefined)[] = [];
    const history = (route: string | undefined) => {
      asked.push(route);
      const p99Ms = route === undefined ? HISTORY.p99Ms : HISTORY.p99Ms.map(() => 7);
      return { ...HISTORY, route: route ?? null, p99Ms };
    };
    const { open, url } = await startStill(t, { history });
    const { page } = await open(url);
    const plot = (name: string) => page.getByRole('img', { name });
    await plot('p99 over the last 15 minutes: 80 ms to 2 s, now 80 ms').waitFor();
    await plot('Success over the last 15 minutes: 80 % to 100 %, now 100 %').waitFor();
    await plot('Calls per second over the last 15 minutes: 30 to 50, now').waitFor();
    await shoot(page, 'history');
    await page.getByLabel('Of', { exact: true }).selectOption('charge');
    await plot('p99 over the last 15 minutes: 7 ms to 7 ms, now 7 ms').waitFor();
    assert.ok(asked.includes('charge'));
  });

  test('says when the proxy drains, when it is gone, and when another one is there', async (t) => {
    const open = pagesOf(t);
    let readiness = { ready: true, reason: '' };
    const first = adminWith({ operations: STILL, ready: () => readiness });
    const address = await first.listen();
    const { page } = await open(`http://${address}`, {}, /ERR_|status of 503/);
    const state = page.locator('#state');
    await says(state, /^Taking calls$/);
    readiness = { ready: false, reason: 'draining' };
    await eventually(async () => (await state.textContent()) === 'Draining', 'that it drains');
    await says(page.getByRole('alert'), /^The proxy is draining/);
    await first.close();
    await eventually(async () => (await state.textContent()) === 'No connection', 'that it is gone');
    await says(page.getByRole('alert'), /^No answer since \d\d:\d\d:\d\d/);
    const feed = new EventFeed(systemClock);
    feed.record({ type: 'health', upstream: 'payments', endpoint: 'a', healthy: true, reason: 'status 200' });
    const [host = '', port] = address.split(':');
    const startedAt = '2026-01-01T04:00:00.000Z';
    const second = adminWith({
      operations: { ...STILL, history: () => ({ ...HISTORY, startedAt }) },
      bind: at({ host, port: Number(port) }),
      feed,
    });
    t.after(() => second.close());
    await second.listen();
    await state.filter({ hasText: 'Taking calls' }).waitFor();
    assert.ok(await page.getByRole('alert').isHidden());
    await page.getByRole('status').filter({ hasText: 'The proxy was restarted at' }).waitFor();
    await page.getByRole('cell', { name: 'status 200' }).waitFor();
  });

  test('explains why it is refused', async (t) => {
    let rules = { token: undefined, hosts: [] as string[] };
    const { open, url } = await startStill(t, {}, { rules: () => rules });
    rules = { token: undefined, hosts: ['ops.test'] };
    const { page } = await open(url.replace('127.0.0.1', 'ops.test'), {}, /status of 403/);
    await says(page.locator('#state'), /^Taking calls$/);
    rules = { token: undefined, hosts: [] };
    await page.locator('#state').filter({ hasText: 'Refused' }).waitFor();
    await says(page.getByRole('alert'), /admin\.hosts/);
  });

  test('finds and sorts among a thousand routes', async (t) => {
    const routes = Array.from({ length: 1_000 }, (_, i) => ({ ...ROUTE, name: `route-${i}`, requestsPerSecond: i }));
    const { open, url } = await startStill(t, { routes: () => routes });
    const { page, rows } = await open(url);
    await eventually(async () => (await rows('routes')).length === 1_000, 'all of them');
    await page.getByLabel('Find routes').fill('route-7');
    await eventually(async () => (await rows('routes')).length === 111, 'some of them');
    const names = async () => (await rows('routes')).slice(0, 2).map(([name]) => name);
    const head = page.getByRole('columnheader', { name: 'Calls/s' });
    await head.getByRole('button').click();
    assert.deepEqual(await names(), ['route-799', 'route-798']);
    assert.equal(await head.getAttribute('aria-sort'), 'descending');
    await head.getByRole('button').click();
    assert.deepEqual(await names(), ['route-7', 'route-70']);
    await head.getByRole('button').click();
    assert.equal(await head.getAttribute('aria-sort'), null);
  });

  test('stays light or dark when told to', async (t) => {
    const { open, url } = await startStill(t, {});
    const { page } = await open(url, { colorScheme: 'dark' });
    const background = () => page.evaluate<string>('getComputedStyle(document.body).backgroundColor');
    const dark = await background();
    const theme = page.getByRole('button', { name: 'Theme' });
    await theme.click();
    const light = await background();
    assert.notEqual(light, dark);
    await page.reload();
    assert.equal(await background(), light);
    await theme.click();
    assert.equal(await background(), dark);
  });

  for (const [what, width, colorScheme] of [
    ['light', 1_280, 'light'],
    ['dark', 1_280, 'dark'],
    ['narrow', 360, 'light'],
    ['narrow-dark', 360, 'dark'],
  ] as const) {
    test(`is for everybody to read and use (${what}), also while it asks`, async (t) => {
      const feed = new EventFeed(systemClock);
      for (const healthy of [false, true]) {
        feed.record({ type: 'health', upstream: 'payments', endpoint: 'https://a', healthy, reason: 'status 500' });
      }
      feed.change({ change: 'retries', by: '127.0.0.1', to: 'off', forMs: 60_000 });
      const states = ['open', 'half-open', 'ramping', 'forced-open', 'forced-closed', 'closed'] as const;
      const { open, url } = await startStill(
        t,
        {
          circuits: () => states.map((state) => ({ ...CIRCUIT, state, key: `https://${state}.internal` })),
          routes: () => [ROUTE, { ...ROUTE, name: 'off', retriesEnabled: false, failureRatio: 0.2 }],
        },
        { feed, ready: () => ({ ready: false, reason: 'draining' }) },
      );
      const { page, rows } = await open(url, { viewport: { width, height: 800 }, colorScheme }, /status of 503/);
      await eventually(async () => (await rows('events')).length === 3, 'the events');
      const complaints = async () => {
        await page.evaluate(axe.source);
        const found = await page.evaluate<axe.AxeResults>(`axe.run(document, { resultTypes: ['violations'] })`);
        return found.violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
      };
      assert.deepEqual(await complaints(), []);
      assert.equal(await page.evaluate('document.documentElement.scrollWidth'), width);
      await shoot(page, what);
      await page.getByRole('button', { name: 'Force open the circuit https://closed.internal' }).click();
      assert.deepEqual(await complaints(), []);
      assert.equal(await page.evaluate('document.documentElement.scrollWidth'), width);
    });
  }
});
