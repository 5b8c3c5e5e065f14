import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { Value } from '@sinclair/typebox/value';
import { UsageError } from '../../../src/cli/command.js';
import { runCommandLine } from '../../../src/cli/commands.js';
import { simulateCommand } from '../../../src/cli/simulate.js';
import { SimulationReport } from '../../../src/fleet/json.js';
import { policyFile } from '../../support/policy-file.js';

const folder = mkdtempSync(join(tmpdir(), 'outrigger-'));
after(() => {
  rmSync(folder, { recursive: true });
});

function write(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

const file = write('policy.yaml', policyFile({ route: 'attemptTimeout: 1s' }));
const two = write(
  'two.yaml',
  'upstreams: { a: { url: http://a } }\nroutes: [{ name: charge, match: { path: /c }, upstream: a }, { name: prices, match: {}, upstream: a }]\n',
);
const SMALL = ['--fleet', '5', '--rate', '2', '--outage', '5s'];

async function run(args: readonly string[], isTTY = false) {
  const written = { stdout: '', stderr: '' };
  const io = {
    stdout: { write: (text: string) => (written.stdout += text) },
    stderr: { write: (text: string) => (written.stderr += text), isTTY },
    env: {},
  };
  return { code: await simulateCommand.run(args, io), ...written };
}

describe('outrigger simulate', () => {
  test('prints a table and a verdict for each variant', async () => {
    const { code, stdout, stderr } = await run([file, ...SMALL, '--brownout', '30%', '--fault', 'slow']);
    assert.equal(code, 0);
    assert.equal(stderr, '');
    assert.match(stdout, /^Route r of .*policy\.yaml, seed 1\. 5 sidecars make 2 calls a second each/);
    for (const name of ['policy', 'none', 'plain-retries']) {
      const block = stdout.slice(stdout.indexOf(`\n${name}: `));
      assert.match(block, /\n {2}phase +seconds +success +attempts\/call +peak load +of capacity +p50 +p99\n/);
      assert.match(block, /\n {2}baseline +0–30 +100 %/);
      assert.match(block, /\n {2}brownout +30–60 /);
      assert.match(block, /\n {2}outage +60–65 /);
      assert.match(block, /\n {2}recovery +65–125 /);
      assert.match(block, /\n {2}It (came|did not come) back/);
      assert.match(block, /In the outage it asked the\s+upstream\s+[\d.]+\s+times/);
    }
    for (const line of stdout.split('\n')) assert.ok(line.length <= 110, line);
  });

  test('prints JSON of a shape that does not change', async () => {
    const { code, stdout } = await run([
      file,
      ...SMALL,
      '--json',
      '--seed',
      '7',
      '--capacity',
      '20',
      '--latency',
      '5ms',
    ]);
    assert.equal(code, 0);
    const report: unknown = JSON.parse(stdout);
    assert.deepEqual([...Value.Errors(SimulationReport, report)], []);
    assert.ok(Value.Check(SimulationReport, report));
    const { variants, ...rest } = report;
    assert.deepEqual(rest, { seed: 7, fleet: 5, rate: 2, capacity: 20 });
    assert.deepEqual(
      variants.map(({ name }) => name),
      ['policy', 'none', 'plain-retries'],
    );
    assert.deepEqual(Object.keys(variants[0]!), ['name', 'recoverySeconds', 'phases']);
    assert.deepEqual(Object.keys(variants[0]!.phases[0]!), [
      'name',
      'from',
      'to',
      'calls',
      'success',
      'attemptsPerCall',
      'peakLoad',
      'peakOverCapacity',
      'p50Ms',
      'p99Ms',
    ]);
  });

  test('shows how far it has come on a terminal, and takes it away', async () => {
    const { stderr } = await run([file, ...SMALL], true);
    assert.match(stderr, /^\r░{30} {3}0 % policy, second 1 of 95/);
    assert.match(stderr, /\r█{30} 100 % plain-retries, second 95 of 95/);
    assert.ok(stderr.endsWith('\r\u001b[K'));
  });

  test('writes a page', async () => {
    const page = join(folder, 'report.html');
    const { code, stdout } = await run([file, ...SMALL, '--html', page, '--json']);
    assert.equal(code, 0);
    assert.ok(stdout.startsWith('{'));
    assert.match(readFileSync(page, 'utf8'), /^<!doctype html>\n/);
  });

  test('takes the route that is named', async () => {
    const { stdout } = await run([two, ...SMALL, '--route', 'charge']);
    assert.match(stdout, /^Route charge of /);
  });

  test('says which flag is wrong and what to write', async () => {
    const wrong: readonly (readonly [args: readonly string[], message: RegExp])[] = [
      [[], /^FILE is missing$/],
      [[two], /^--route NAME is missing; in .*two\.yaml there are: charge, prices$/],
      [[two, '--route', 'price'], /^--route: no route of .* is named 'price'; .*; did you mean 'prices'\?$/],
      [[file, '--fleet', '0'], /^--fleet: found '0'; write a whole number from 1 to 100000, such as 200$/],
      [[file, '--fleet', 'x'], /^--fleet: found 'x'; write a whole number/],
      [[file, '--rate', '-'], /^--rate needs R$|^--rate: found '-'; write calls a second/],
      [[file, '--rate', '0'], /^--rate: found '0'; write calls a second as a number above zero, 100000 at most/],
      [[file, '--outage', '1500ms'], /^--outage: found '1500ms'; write whole seconds, 1h at most, such as 30s or 2m$/],
      [[file, '--outage', '2h'], /^--outage: found '2h'/],
      [
        [file, '--fault', 'slwo'],
        /^--fault: found 'slwo'; write one of 503, refuse, hang, slow, restart; did you mean slow\?$/,
      ],
      [[file, '--brownout', '120%'], /^--brownout: found '120%'; write a share above 0% and up to 100%, such as 30%$/],
      [[file, '--capacity', '0'], /^--capacity: found '0'; write calls a second/],
      [[file, '--latency', '20'], /^--latency: found '20'; write a duration above zero, such as 20ms or 1s$/],
      [[file, '--seed', '-1'], /^--seed/],
      [
        [file, '--fleet', '100000', '--rate', '1000'],
        /^--fleet, --rate and --outage make .* calls; at most 50,000,000/,
      ],
      [[file, ...SMALL, '--html', join(folder, 'no/where.html')], /^--html: the file can not be written: ENOENT/],
      [[file, '--flet', '3'], /did you mean --fleet\?$/],
    ];
    for (const [args, message] of wrong) {
      await assert.rejects(
        () => run(args),
        (error) => error instanceof UsageError && message.test(error.message),
        args.join(' '),
      );
    }
  });

  test('exits with 2 for a wrong flag and for a wrong file', async () => {
    const io = { stdout: { write: () => {} }, stderr: { write: () => {} }, env: {} };
    assert.equal(await runCommandLine(['simulate', file, '--fault', 'x'], io), 2);
    const broken = write('broken.yaml', 'upstreams: {}\nroutes: [{ nam: r }]\n');
    const { code, stdout, stderr } = await run([broken]);
    assert.equal(code, 2);
    assert.equal(stdout, '');
    assert.match(stderr, /broken\.yaml:2:\d+: /);
    assert.equal((await run([broken, '--json'])).code, 2);
  });
});
