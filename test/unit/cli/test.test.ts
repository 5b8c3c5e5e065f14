import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { UsageError } from '../../../src/cli/command.js';
import { runCommandLine } from '../../../src/cli/commands.js';
import { testCommand } from '../../../src/cli/test.js';
import { policyFile } from '../../support/policy-file.js';
import { projectRoot } from '../../support/project-root.js';

const folder = mkdtempSync(join(tmpdir(), 'outrigger-'));
after(() => {
  rmSync(folder, { recursive: true });
});
writeFileSync(join(folder, 'policy.yaml'), policyFile());

function write(name: string, tests: string): string {
  const file = join(folder, name);
  writeFileSync(file, `config: policy.yaml\ntests:\n${tests}`);
  return file;
}

const good = write('good.yaml', '  - { name: fine, request: {}, expect: { status: 200 } }\n');
const bad = write(
  'bad.yaml',
  `  - { name: "a <b> & \\"c\\"", request: {}, upstreams: { a: [503, 200] }, expect: { attempts: 3, status: 200 } }
  - { name: load, load: { rate: 10/s, for: 10s, request: {} }, upstreams: { a: { 5s: [503] } }, expect: { success: 100% } }
  - { name: fine, request: {}, expect: { status: 200 } }
`,
);
const wrong = write('wrong.yaml', '  - { name: t, request: {}, expect: { statuz: 200 } }\n');

async function run(...args: string[]) {
  const written = { stdout: '', stderr: '' };
  const io = {
    stdout: { write: (text: string) => (written.stdout += text) },
    stderr: { write: (text: string) => (written.stderr += text) },
    env: {},
  };
  return { code: await testCommand.run(args, io), ...written };
}

describe('outrigger test', () => {
  test('holds for the default policy file: 0', async () => {
    const { code, stdout, stderr } = await run(join(projectRoot, 'config/outrigger.test.yaml'));
    assert.equal(code, 0, stdout);
    assert.equal(stderr, '');
    assert.match(stdout, /^✓ a GET is tried again after a 503 \(200, 3 attempts, [\d.]+ms\)$/m);
    assert.match(stdout, /\n\n\d+ passed, 0 failed\n$/);
  });

  test('says what does not hold, with what happened: 1', async () => {
    const { code, stdout } = await run(good, bad);
    assert.equal(code, 1);
    const lines = stdout.split('\n');
    assert.equal(lines[0], '✓ fine (200, 1 attempt, 0ms)');
    assert.equal(lines[1], '✗ a <b> & "c": attempts: expected 3, got 2');
    assert.match(lines[2]!, /^ +0ms {2}GET \/ \(route r, upstream a\)$/);
    assert.match(lines[3]!, /^ +0ms {2}attempt 1 to http:\/\/a\.internal: 503 after 0ms$/);
    assert.match(stdout, /^✗ load: success: expected 100%, got 50%$/m);
    assert.match(stdout, /^ +5s +10 +0% +0% +\d+$/m);
    assert.match(stdout, /^ +the first call that failed or fell back, number 51:\n +5s {2}GET \//m);
    assert.match(stdout, /\n\n2 passed, 2 failed\n$/);
  });

  test('prints what is wrong with a file on stderr, and runs the others: 2', async () => {
    const { code, stdout, stderr } = await run(wrong, good);
    assert.equal(code, 2);
    assert.match(stderr, /wrong\.yaml:3:39: tests\[0\]\.expect\.statuz: did you mean 'status'\?/);
    assert.match(stderr, /\n {4}\| +\^\n/);
    assert.equal(stdout, '✓ fine (200, 1 attempt, 0ms)\n\n1 passed, 0 failed, 1 file not run\n');
  });

  test('prints all of it as JSON', async () => {
    const { code, stdout, stderr } = await run('--json', bad, wrong);
    assert.equal(code, 2);
    assert.equal(stderr, '');
    interface Report {
      passed: number;
      failed: number;
      files: {
        file: string;
        errors: { line: number; path: string }[];
        tests: {
          name: string;
          line: number;
          passed: boolean;
          failures: object[];
          seen: { calls: number };
          timeline: { text: string }[];
        }[];
      }[];
    }
    const { passed, failed, files } = JSON.parse(stdout) as Report;
    assert.deepEqual([passed, failed], [1, 2]);
    const [first, second] = files;
    assert.equal(first?.file, bad);
    assert.deepEqual(first?.tests[0]?.failures, [{ key: 'attempts', expected: '3', actual: '2' }]);
    assert.equal(first?.tests[0]?.line, 3);
    assert.equal(first?.tests[1]?.seen.calls, 100);
    assert.equal(first?.tests[1]?.timeline.at(-1)?.text, 'answered 503');
    assert.deepEqual(first?.tests[2]?.timeline, []);
    assert.deepEqual([second?.tests, second?.errors[0]?.line], [[], 3]);
  });

  test('writes a JUnit report', async () => {
    const file = join(folder, 'report.xml');
    await run('--junit', file, bad, wrong);
    const xml = readFileSync(file, 'utf8').replace(/time="[\d.]+"/g, 'time="T"');
    assert.match(xml, /^<\?xml version="1\.0" encoding="UTF-8"\?>\n<testsuites name="outrigger test">\n/);
    assert.match(xml, /<testsuite name="[^"]+bad\.yaml" tests="3" failures="2" errors="0" time="T">/);
    assert.match(
      xml,
      /<testcase name="a &lt;b&gt; &amp; &quot;c&quot;" classname="[^"]+" file="[^"]+bad\.yaml" line="3" time="T">/,
    );
    assert.match(
      xml,
      /<failure type="attempts" message="attempts: expected 3, got 2">attempts: [^<]*GET \/ \(route r, upstream a\)/,
    );
    assert.match(xml, /<testsuite name="[^"]+wrong\.yaml" tests="1" failures="0" errors="1" time="T">/);
    assert.match(xml, /<error type="tests\[0\]\.expect\.statuz" message="[^"]+wrong\.yaml:3:39: /);
    assert.equal(xml.match(/<testcase /g)?.length, 4);
    assert.equal(xml.match(/<\/testcase>/g)?.length, 3);
  });

  test('says how it is called: 2', async () => {
    await assert.rejects(async () => run(), new UsageError('FILE is missing'));
    await assert.rejects(
      async () => run(good, '--junit', join(folder, 'no/such')),
      /--junit: .*no\/such can not be written/,
    );
    let stderr = '';
    const io = { stdout: { write: () => true }, stderr: { write: (text: string) => (stderr += text) }, env: {} };
    assert.equal(await runCommandLine(['test'], io), 2);
    assert.equal(stderr, 'outrigger: FILE is missing\n');
  });
});
