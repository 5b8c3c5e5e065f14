import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { runCommandLine } from '../../../src/cli/commands.js';
import { projectRoot } from '../../support/project-root.js';

async function run(...args: string[]) {
  const written = { stdout: '', stderr: '' };
  const code = await runCommandLine(args, {
    stdout: { write: (text) => (written.stdout += text) },
    stderr: { write: (text) => (written.stderr += text) },
    env: {},
  });
  return { code, ...written };
}

describe('the command line', () => {
  test('--help lists the commands', async () => {
    const { code, stdout, stderr } = await run('--help');
    assert.equal(code, 0);
    assert.equal(stderr, '');
    for (const command of ['run', 'validate', 'schema', 'healthcheck']) {
      assert.match(stdout, new RegExp(`^ {2}${command} +\\w`, 'm'));
    }
  });

  test('a command has its own help, with its flags', async () => {
    for (const args of [
      ['healthcheck', '--help'],
      ['healthcheck', '-h', '--config', 'x'],
    ]) {
      const { code, stdout } = await run(...args);
      assert.equal(code, 0);
      assert.match(stdout, /^outrigger healthcheck \[--config FILE\]/);
      assert.match(stdout, /^ {2}--admin-listen ADDRESS {2}\w/m);
    }
  });

  test('--version says the version of package.json', async () => {
    const { version } = JSON.parse(readFileSync(`${projectRoot}package.json`, 'utf8')) as { version: string };
    assert.deepEqual(await run('--version'), { code: 0, stdout: `outrigger ${version}\n`, stderr: '' });
    assert.equal((await run('schema', '--version')).stdout, `outrigger ${version}\n`);
  });

  for (const [args, message] of [
    [['vaildate', 'x'], "unknown command 'vaildate': did you mean 'validate'?; see outrigger --help"],
    [['zzzzzzzzzz'], "unknown command 'zzzzzzzzzz'; see outrigger --help"],
    [['toString'], "unknown command 'toString'; see outrigger --help"],
    [['healthcheck', '--conf', 'x'], 'unknown flag --conf: did you mean --config?'],
    [['healthcheck', 'extra'], "unexpected 'extra'"],
  ] as const) {
    test(`${args.join(' ')}: exit code 2 and one line`, async () => {
      assert.deepEqual(await run(...args), { code: 2, stdout: '', stderr: `outrigger: ${message}\n` });
    });
  }
});
