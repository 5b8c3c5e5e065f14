import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { UsageError } from '../../../src/cli/command.js';
import { schemaCommand } from '../../../src/cli/schema.js';
import { validateCommand } from '../../../src/cli/validate.js';
import { policyFile } from '../../support/policy-file.js';
import { projectRoot } from '../../support/project-root.js';

const folder = mkdtempSync(join(tmpdir(), 'outrigger-'));
after(() => {
  rmSync(folder, { recursive: true });
});

const file = join(folder, 'policy.yaml');

async function run(command: typeof validateCommand, args: readonly string[], env: Record<string, string> = {}) {
  const written = { stdout: '', stderr: '' };
  const code = await command.run(args, {
    stdout: { write: (text) => (written.stdout += text) },
    stderr: { write: (text) => (written.stderr += text) },
    env,
  });
  return { code, ...written };
}

function validate(text: string, ...flags: string[]) {
  writeFileSync(file, text);
  return run(validateCommand, [file, ...flags]);
}

describe('outrigger validate', () => {
  test('says that a good file is fine: 0', async () => {
    assert.deepEqual(await validate(policyFile()), {
      code: 0,
      stdout: `${file}: fine (1 upstream, 1 route)\n`,
      stderr: '',
    });
  });

  test('prints all errors of a bad one on stderr: 2', async () => {
    const { code, stdout, stderr } = await validate(policyFile({ root: 'drainTimeout: 5', route: 'retires: {}' }));
    assert.equal(code, 2);
    assert.equal(stdout, '');
    assert.match(stderr, /policy\.yaml:1:15: drainTimeout: found 5;/);
    assert.match(stderr, /policy\.yaml:9:5: routes\[0\]\.retires: did you mean 'retry'\?/);
    assert.match(stderr, /policy\.yaml: 2 errors\n$/);
  });

  test('prints warnings: 0, and 1 with --strict', async () => {
    const text = policyFile({ route: 'timeout: 20s' });
    const { code, stdout } = await validate(text);
    assert.equal(code, 0);
    assert.match(stdout, /^warning: .*policy\.yaml:8:14: routes\[0\]\.timeout: /);
    assert.match(stdout, /: fine \(1 upstream, 1 route\)\n$/);
    assert.equal((await validate(text, '--strict')).code, 1);
    assert.equal((await validate(policyFile(), '--strict')).code, 0);
  });

  test('prints JSON with --json', async () => {
    const bad = await validate(policyFile({ root: 'drainTimeout: 5' }), '--json');
    assert.equal(bad.code, 2);
    assert.equal(bad.stderr, '');
    assert.deepEqual(JSON.parse(bad.stdout), {
      file,
      valid: false,
      errors: [
        {
          file,
          line: 1,
          column: 15,
          path: 'drainTimeout',
          message: 'found 5; allowed: a duration such as 250ms, 3s, 1m30s or 1h',
          suggestion: 'write 5ms or 5s',
        },
      ],
      warnings: [],
    });
    const doubtful = await validate(policyFile({ route: 'timeout: 20s' }), '--json', '--strict');
    assert.equal(doubtful.code, 1);
    const report = JSON.parse(doubtful.stdout) as { valid: boolean; warnings: { path: string }[] };
    assert.equal(report.valid, true);
    assert.deepEqual(
      report.warnings.map((warning) => warning.path),
      ['routes[0].timeout'],
    );
  });

  test('a file that is not there: 2', async () => {
    const { code, stderr } = await run(validateCommand, [join(folder, 'none.yaml')]);
    assert.equal(code, 2);
    assert.match(stderr, /none\.yaml:1:1: the file can not be read: there is no such file/);
  });

  test('takes the file and its variables from the environment', async () => {
    writeFileSync(file, policyFile({ route: 'timeout: ${T}' }));
    assert.equal((await run(validateCommand, [], { OUTRIGGER_CONFIG: file, T: '40s' })).code, 0);
    assert.equal((await run(validateCommand, [], { OUTRIGGER_CONFIG: file })).code, 2);
  });

  test('refuses a second file', async () => {
    await assert.rejects(async () => run(validateCommand, ['a', 'b']), UsageError);
  });
});

test('outrigger schema prints the schema that is committed', async () => {
  const { code, stdout } = await run(schemaCommand, []);
  assert.equal(code, 0);
  assert.equal(stdout, readFileSync(`${projectRoot}config/outrigger.schema.json`, 'utf8'));
});

test('outrigger schema --markdown prints the reference that is committed; `npm run reference` makes it', async () => {
  const { code, stdout } = await run(schemaCommand, ['--markdown']);
  assert.equal(code, 0);
  assert.equal(stdout, readFileSync(`${projectRoot}docs/reference.md`, 'utf8'));
});
