/** A real browser for what only a browser does: Debian's Chromium, driven by playwright-core. .ci/run installs it. */
import { spawnSync } from 'node:child_process';
import { after } from 'node:test';
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';

/** Debian's name first, then others'. */
const executable = ['chromium', 'chromium-browser', 'google-chrome'].find(
  (name) => spawnSync(name, ['--version']).error === undefined,
);

/** For a test's `skip`: where there is no Chromium, a test is skipped and says so; in CI it runs, and fails. */
export const skipWithoutChromium =
  executable !== undefined || process.env.CI === 'true' ? false : 'Chromium (Debian package chromium) is not here';

let browser: Promise<Browser> | undefined;

/** A page in a browser that all tests of a file share. Names that end in .test are this machine's loopback. */
export async function openPage(options: BrowserContextOptions = {}): Promise<Page> {
  browser ??= launch();
  const context = await (await browser).newContext(options);
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  return page;
}

async function launch(): Promise<Browser> {
  if (executable === undefined) throw new Error('there is no Chromium: install the Debian package chromium');
  const path = spawnSync('which', [executable], { encoding: 'utf8' }).stdout.trim();
  return chromium.launch({
    executablePath: path,
    args: ['--host-resolver-rules=MAP *.test 127.0.0.1'],
  });
}

after(async () => {
  await (await browser)?.close();
});
