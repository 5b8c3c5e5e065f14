import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import { runCommandLine } from '../../../src/cli/commands.js';
import { MOST_BYTES, readAgain, readInput } from '../../../src/config/input-file.js';
import { errorsOf, load, policyFile } from '../../support/policy-file.js';

const TOO_LARGE = /^it is larger than 1 MiB, which is the most that is read$/;

const folder = mkdtempSync(path.join(tmpdir(), 'outrigger-input-'));
after(() => rmSync(folder, { recursive: true }));
const at = (name: string) => path.join(folder, name);

function file(name: string, bytes: number): string {
  writeFileSync(at(name), 'a'.repeat(Math.min(bytes, MOST_BYTES)));
  truncateSync(at(name), bytes);
  return at(name);
}

function pipe(name: string): string {
  execFileSync('mkfifo', [at(name)]);
  return at(name);
}

function loop(name: string): string {
  symlinkSync(name, at(name));
  return at(name);
}

const most = file('most', MOST_BYTES);
const more = file('more', MOST_BYTES + 1);
// Takes no room on the disk, and would take all of the memory.
const huge = file('huge', 1024 ** 4);
const round = loop('round');
const fifo = pipe('fifo');

const skip = process.platform === 'linux' ? false : 'has no /dev/zero';

describe('a file', { skip }, () => {
  test('is read up to 1 MiB, whatever it is', async () => {
    assert.deepEqual([readInput(most).bytes.length, readInput(most).regular], [MOST_BYTES, true]);
    assert.equal((await readAgain(most))?.length, MOST_BYTES);
    for (const name of [more, huge]) {
      assert.throws(() => readInput(name), { code: 'file-too-large', message: TOO_LARGE }, name);
      assert.throws(() => readInput(name, 'refuse'), { code: 'file-too-large' }, name);
      await assert.rejects(readAgain(name), { code: 'file-too-large' }, name);
    }
    assert.throws(() => readInput('/dev/zero'), { code: 'file-too-large' });
    // It has no length of its own, and is none to be refused.
    assert.match(Buffer.from(readInput('/proc/self/status', 'refuse').bytes).toString(), /^Name:/);
  });

  test('that is a pipe is read to its end, and not while calls are served', async () => {
    const writer = spawn('sh', ['-c', 'for i in 1 2 3; do echo $i; done > "$0"', fifo]);
    const { bytes, regular } = readInput(fifo);
    assert.deepEqual([Buffer.from(bytes).toString(), regular], ['1\n2\n3\n', false]);
    await new Promise((resolve) => writer.once('close', resolve));
    for (const name of [fifo, '/dev/zero']) {
      assert.throws(() => readInput(name, 'refuse'), { message: 'it is no regular file' });
      assert.equal(await readAgain(name), undefined);
    }
  });

  test('that is a folder, or a link to itself, says so in the same way each time', async () => {
    for (const [name, code] of [
      [folder, 'EISDIR'],
      [round, 'ELOOP'],
    ] as const) {
      assert.throws(() => readInput(name), { code });
      assert.throws(() => readInput(name, 'refuse'), { code });
      await assert.rejects(readAgain(name), { code });
    }
  });
});

describe('a policy file that names a file', { skip }, () => {
  const naming = (body: string) => policyFile({ route: `fallback: { steps: [{ response: { ${body} } }] }` });

  for (const [what, name, reason] of [
    ['that is too large', huge, 'it is larger than 1 MiB, which is the most that is read'],
    ['that has no end', '/dev/zero', 'it is larger than 1 MiB, which is the most that is read'],
    ['that is a link to itself', round, 'its symbolic links lead round in a circle'],
  ] as const) {
    test(`${what} is told so, with the file's name`, () => {
      const [bodyFile] = errorsOf(naming(`bodyFile: ${name}`));
      assert.equal(bodyFile?.message, `'${name}' can not be read: ${reason}`);
      const [substituted] = errorsOf(naming(`body: "\${file:${name}}"`));
      assert.equal(substituted?.message, `'${name}' can not be read: ${reason}`);
      const [ca] = errorsOf(policyFile({ upstream: `tls: { ca: ${name} }` }));
      assert.equal(ca?.message, `'${name}' can not be read: ${reason}`);
    });
  }

  test('of the largest size has it', () => {
    const [route] = load(naming(`bodyFile: ${most}`)).routes;
    assert.deepEqual(route?.fallback && route.fallback.steps, [
      {
        response: { status: 200, headers: { 'content-type': 'application/json' }, body: Buffer.alloc(MOST_BYTES, 'a') },
      },
    ]);
  });
});

describe('what has no end ends a command at once, with exit code 2:', { skip }, () => {
  for (const args of [
    ['validate', '/dev/zero'],
    ['explain', '/dev/zero', 'GET', '/'],
    ['test', '/dev/zero'],
    ['simulate', '/dev/zero'],
  ]) {
    test(args.join(' '), async () => {
      let stderr = '';
      const code = await runCommandLine(args, {
        stdout: { write: () => undefined },
        stderr: { write: (text) => (stderr += text) },
        env: {},
      });
      assert.equal(code, 2);
      assert.match(stderr, /^\/dev\/zero:1:1: the file can not be read: it is larger than 1 MiB, /);
    });
  }
});
