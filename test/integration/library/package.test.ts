/** The package as npm would publish it: what is in it, its types, and the example that uses it by its name. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { startUpstream } from '../../support/http-upstream.js';
import { linksOf, markdownFiles } from '../../support/markdown.js';
import { projectRoot } from '../../support/project-root.js';

const run = promisify(execFile);
const tsc = path.join(projectRoot, 'node_modules/typescript/bin/tsc');

/** How somebody else compiles. */
const asUsersDo = ['--ignoreConfig', '--strict', '--module', 'NodeNext', '--target', 'ES2023', '--types', 'node'];

/** What a user might write, and what the types must refuse. */
const USER = `
import { Agent, fetch } from 'undici';
import { createPolicies, hedge, OutriggerError, retry, retryBudget, withPolicies } from 'outrigger';
import type { Clock, PoliciesOptions, Policy, PolicyEvent, RetryOptions } from 'outrigger';

const options: PoliciesOptions = { retry: { maxAttempts: 2, backoff: { jitter: 'none' } }, hedge: false };
const budgets = retryBudget({ totalRatio: '30%' });
const policies: readonly Policy[] = [retry({}, {}, { budgets }), hedge({ delay: 'p99' }, {}, { budgets })];
export const dispatcher = withPolicies(new Agent(), [...createPolicies(options), ...policies]);
export const answer = () => fetch('http://127.0.0.1', { dispatcher });
export const code = (error: unknown) => (error instanceof OutriggerError ? error.code : undefined);
export const heard = (event: PolicyEvent) => (event.type === 'retry' ? event.delayMs : 0);
export const attempts = (full: RetryOptions): number => full.maxAttempts;
export const now = (clock: Clock): number => clock.now();
// @ts-expect-error -- no jitter is named so
retry({ backoff: { jitter: 'some' } });
// @ts-expect-error -- no option is named so
createPolicies({ retires: {} });
`;

interface Packed {
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly files: readonly string[];
}

/** What tsc says against a project, or a file with a user's options; nothing if all is well. */
async function typeErrors(args: readonly string[], cwd = projectRoot): Promise<string> {
  try {
    await run(process.execPath, [tsc, ...args], { cwd });
    return '';
  } catch (error) {
    return (error as { readonly stdout: string }).stdout;
  }
}

describe('the package', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'outrigger-package-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  const own = path.join(folder, 'package');
  const app = path.join(folder, 'app');
  let packed: Packed;

  before(async () => {
    const manifest = JSON.parse(readFileSync(path.join(projectRoot, 'package.json'), 'utf8')) as Manifest;
    mkdirSync(own);
    for (const file of ['package.json', ...manifest.files.filter((each) => each !== 'dist')]) {
      cpSync(path.join(projectRoot, file), path.join(own, file), { recursive: true });
    }
    // What `npm pack` does first.
    await run(process.execPath, [path.join(projectRoot, 'build/bundle.js'), path.join(own, 'dist')]);
    const types = ['-p', path.join(projectRoot, 'tsconfig.types.json'), '--outDir', path.join(own, 'dist')];
    assert.equal(await typeErrors(types), '');

    const pack = ['pack', '--json', '--offline', '--ignore-scripts', '--pack-destination', folder];
    const { stdout } = await run('npm', pack, { cwd: own });
    [packed] = JSON.parse(stdout) as [Packed];
    const installed = path.join(app, 'node_modules/outrigger');
    mkdirSync(installed, { recursive: true });
    await run('tar', ['-xzf', path.join(folder, packed.filename), '-C', installed, '--strip-components=1']);
    for (const name of [...Object.keys(manifest.dependencies), '@types/node']) {
      const link = path.join(app, 'node_modules', name);
      mkdirSync(path.dirname(link), { recursive: true });
      symlinkSync(path.join(projectRoot, 'node_modules', name), link);
    }
    writeFileSync(path.join(app, 'package.json'), '{ "type": "module" }');
  });

  it('has what it needs, and neither sources nor tests', () => {
    const files = packed.files.map((file) => file.path);
    for (const needed of ['dist/main.js', 'dist/index.js', 'dist/index.d.ts', 'config/outrigger.yaml', 'README.md']) {
      assert.ok(files.includes(needed), needed);
    }
    assert.deepEqual(
      files.filter((file) => /^(src|test|bench|build)\//.test(file)),
      [],
    );
    assert.deepEqual(
      files.filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts') && !file.startsWith('examples/')),
      [],
    );
  });

  it('has what its documents for users link to', () => {
    const inPackage = new Set(packed.files.map((file) => file.path));
    const documents = ['README.md', ...markdownFiles().filter((file) => file.startsWith('docs/'))];
    const missing = documents.flatMap((file) =>
      linksOf(file)
        .map((link) => path.join(path.dirname(file), link.replace(/#.*/, '')))
        .filter((to) => !inPackage.has(to) && ![...inPackage].some((one) => one.startsWith(`${to}/`)))
        .map((to) => `${file}: ${to}`),
    );
    assert.ok(documents.length > 10);
    assert.deepEqual(missing, []);
  });

  it('has types that hold for its users, its README and its example, and in themselves', async () => {
    writeFileSync(path.join(app, 'user.ts'), USER);
    cpSync(path.join(projectRoot, 'examples/in-process-fetch.ts'), path.join(app, 'in-process-fetch.ts'));
    const [shown] = /(?<=^```ts\n).*?(?=^```$)/ms.exec(readFileSync(path.join(projectRoot, 'README.md'), 'utf8')) ?? [];
    assert.match(shown ?? '', /from 'outrigger'/);
    writeFileSync(path.join(app, 'readme.ts'), shown ?? '');
    assert.equal(await typeErrors([...asUsersDo, 'user.ts', 'readme.ts', 'in-process-fetch.ts'], app), '');
  });

  it('lets the example, which was compiled with it, do what it says', async () => {
    const failures = new Map<string, number>();
    const flaky = await startUpstream((response, { method, url, body }) => {
      const failed = failures.get(method) ?? 0;
      if (url === '/flaky' && failed < 2) {
        failures.set(method, failed + 1);
        response.writeHead(503).end();
      } else if (url === '/flaky') response.end(`fine ${body.toString()}`);
      else if (url === '/big?mb=1') response.end(Buffer.alloc(1024 * 1024));
    });
    const gone = await startUpstream();
    await gone.close();
    try {
      const script = path.join(app, 'in-process-fetch.js');
      const { stdout, stderr } = await run(process.execPath, [script, flaky.origin, gone.origin]);
      assert.equal(stderr, '');
      assert.deepEqual(stdout.trimEnd().split('\n'), [
        'retry after attempt 1: 503',
        'retry after attempt 2: 503',
        'GET: 200 fine ',
        'retry after attempt 1: 503',
        'retry after attempt 2: 503',
        'POST: 200 fine {"amount":1}',
        'stream: 1048576 bytes',
        'abort: TimeoutError',
        'fallback: 200 {"items":[]}',
        'retry after attempt 1: connect-failure',
        'retry after attempt 2: connect-failure',
        'retry after attempt 3: connect-failure',
        `circuit of ${gone.origin}: closed -> open`,
        'call 1: connect-failure',
        'call 2: circuit-open',
      ]);
    } finally {
      await flaky.close();
    }
  });
});
