/** The dashboard as it is sent: one file, small, and allowed to do nothing but what it is for. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test, type TestContext } from 'node:test';
import { adminWith } from '../../support/admin.js';

/** Bytes, before any compression; raised on purpose only. */
const MAX_BYTES = 100_000;

const BROWSER = { accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8' };

async function startAdmin(t: TestContext): Promise<string> {
  const admin = adminWith();
  t.after(() => admin.close());
  return `http://${await admin.listen()}`;
}

async function page(t: TestContext) {
  const response = await fetch(await startAdmin(t), { headers: BROWSER });
  return { response, html: await response.text(), policy: response.headers.get('content-security-policy') ?? '' };
}

describe('GET /', () => {
  test('is the dashboard for a browser, and a list of paths for everybody else', async (t) => {
    const url = await startAdmin(t);
    for (const [accept, type] of [
      [BROWSER.accept, 'text/html; charset=utf-8'],
      ['*/*', 'text/plain; charset=utf-8'],
      ['application/json', 'text/plain; charset=utf-8'],
    ] as const) {
      const response = await fetch(url, { headers: { accept } });
      assert.deepEqual([response.status, response.headers.get('content-type')], [200, type]);
      assert.deepEqual([response.headers.get('vary'), response.headers.get('cache-control')], ['accept', 'no-store']);
      await response.text();
    }
  });

  test('is refused to the page of another site', async (t) => {
    const headers = { ...BROWSER, origin: 'http://evil.test' };
    assert.equal((await fetch(await startAdmin(t), { headers })).status, 403);
  });
});

describe('the page', () => {
  test(`is smaller than ${MAX_BYTES} bytes`, async (t) => {
    const { html } = await page(t);
    assert.ok(Buffer.byteLength(html) < MAX_BYTES, String(Buffer.byteLength(html)));
  });

  test('names nothing that would have to be loaded', async (t) => {
    const { html } = await page(t);
    const links = [...html.matchAll(/\b(?:src|href|action|srcset)=["']?([^"'\s>]*)/g)].map(([, target]) => target!);
    assert.deepEqual(
      links.filter((target) => !target.startsWith('data:') && !target.startsWith('#')),
      [],
    );
    assert.doesNotMatch(html, /@import|url\((?!data:)/);
  });

  test('may run its own script and no other, and talk to where it came from', async (t) => {
    const { html, policy } = await page(t);
    const directives = new Map(policy.split('; ').map((directive) => directive.split(/ (.*)/) as [string, string]));
    assert.equal(directives.get('default-src'), "'none'");
    assert.equal(directives.get('connect-src'), "'self'");
    assert.equal(directives.get('frame-ancestors'), "'none'");
    assert.equal(directives.get('require-trusted-types-for'), "'script'");
    for (const element of ['script', 'style'] as const) {
      const texts = [...html.matchAll(new RegExp(`<${element}>(.*?)</${element}>`, 'gs'))].map(([, text]) => text!);
      assert.equal(texts.length, 1);
      const digest = createHash('sha256').update(texts[0]!).digest('base64');
      assert.equal(directives.get(`${element}-src`), `'sha256-${digest}'`);
    }
    assert.doesNotMatch(policy, /unsafe|\*/);
    assert.doesNotMatch(html, /\son\w+=|\sstyle=/);
  });

  test('says besides that it is no other site’s, and nothing of where one was', async (t) => {
    const { response } = await page(t);
    for (const [name, value] of [
      ['x-content-type-options', 'nosniff'],
      ['referrer-policy', 'no-referrer'],
      ['cross-origin-resource-policy', 'same-origin'],
    ] as const) {
      assert.equal(response.headers.get(name), value, name);
    }
  });
});
