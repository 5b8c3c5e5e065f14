import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import { Child, compiled } from '../../support/child.js';

const STUB = compiled('test/support/stub-process');

const POLICY = `
upstreams: { demo: { url: http://127.0.0.1:1 } }
routes: [{ name: all, match: {}, upstream: demo }]
`;

function policy(text = POLICY): string {
  const file = path.join(mkdtempSync(path.join(tmpdir(), 'outrigger-')), 'outrigger.yaml');
  writeFileSync(file, text);
  return file;
}

function start(stub: string, args: readonly string[] = ['--config', policy()]): Child {
  return new Child(STUB, args, { STUB: stub });
}

describe('the process', () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    test(`${signal} drains and ends with 0`, async () => {
      const child = start('drains at once');
      await child.says(/"msg":"started"/);
      child.kill(signal);
      assert.equal(await child.ended(), 0);
      assert.deepEqual(
        child.lines().map(({ msg }) => msg),
        ['listening', 'admin listening', 'started', 'draining', 'drained'],
      );
      assert.doesNotMatch(child.stderr, /closed now/);
    });
  }

  for (const [signal, code] of [
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const) {
    test(`a second signal, ${signal}, ends at once with ${code}`, async () => {
      const child = start('never drains');
      await child.says(/"msg":"started"/);
      child.kill('SIGTERM');
      await child.says(/"msg":"draining"/);
      child.kill(signal);
      assert.equal(await child.ended(), code);
      assert.match(child.stderr, /closed now/);
      assert.match(child.stdout, /"msg":"ending at once"/);
    });
  }

  test('a signal while it still starts ends it', async () => {
    const child = start('never starts');
    await child.says(/up/, 'stderr');
    // Its handlers are there once the log could be written; until then the signal kills it, which is fine too.
    child.kill('SIGTERM');
    assert.ok([0, 'SIGTERM'].includes((await child.ended()) ?? ''));
  });

  test('what fails to start says so in one line and ends with 1', async () => {
    const child = start('fails to start');
    assert.equal(await child.ended(), 1);
    assert.equal(child.stderr, 'up\noutrigger: listen 127.0.0.1:8080: the address is in use\n');
    assert.equal(child.stdout, '');
  });

  test('what a reviewer would ask about, and faults, are warned of at the start', async () => {
    const faults = 'faults: [{ percent: 5%, delay: 2s }], retry: { methods: [GET, POST] }';
    const child = start('drains at once', ['--config', policy(POLICY.replace('match: {}', `match: {}, ${faults}`))]);
    await child.says(/"msg":"started"/);
    child.kill('SIGTERM');
    await child.ended();
    const warned = child.lines().filter(({ level }) => level === 'warn');
    assert.deepEqual(
      warned.map(({ msg, route, path: key }) => [msg, route ?? key]),
      [
        ['policy file', 'routes[0].retry.methods[1]'],
        ['faults are injected on purpose', 'all'],
      ],
    );
    assert.equal(warned[1]?.faults, '5% delay 2s');
  });

  test('a policy file with mistakes: all of them, and 2', async () => {
    const child = start('', ['--config', policy('upstreams: {}\nretires: 3\nroutes: []\n')]);
    assert.equal(await child.ended(), 2);
    assert.match(child.stderr, /outrigger\.yaml:1:\d+: upstreams/);
    assert.match(child.stderr, /outrigger\.yaml:2:1: retires/);
    assert.equal(child.stdout, '');
  });

  test('a policy file that is not there: how to name another, and 2', async () => {
    const child = start('', ['--config', '/nonexistent/outrigger.yaml']);
    assert.equal(await child.ended(), 2);
    assert.match(
      child.stderr,
      /^up\n\/nonexistent\/outrigger\.yaml:1:1: the file can not be read: .+\n {2}write --config FILE, .+\n$/,
    );
  });

  for (const [stub, message] of [
    ['throws', 'x is not a function'],
    ['rejects unseen', 'y is not a function'],
    ['fails to drain', 'the drain broke'],
  ] as const) {
    test(`a bug (${stub}) is logged with its stack, and ends it with 1`, async () => {
      const child = start(stub);
      await child.says(/"msg":"started"/);
      child.kill('SIGTERM');
      assert.equal(await child.ended(), 1);
      const last = child.lines().at(-1);
      assert.equal(last?.level, 'fatal');
      assert.match(JSON.stringify(last), new RegExp(`${message}.*stub-process`));
    });
  }

  for (const [what, log] of [
    ['whose log is silent', 'log: { level: silent }'],
    ['whose log nobody reads', ''],
  ] as const) {
    test(`a bug in a process ${what} is told on stderr`, async () => {
      const child = start('throws', ['--config', policy(`${POLICY}${log}`)]);
      await child.says(/listening/, 'stderr');
      if (log === '') {
        await child.says(/"msg":"started"/);
        child.process.stdout?.destroy();
        // By the first line that nobody takes it knows that nobody will.
        child.kill('SIGHUP');
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
      child.kill('SIGTERM');
      assert.equal(await child.ended(), 1);
      assert.match(child.stderr, /outrigger: bug: TypeError: x is not a function\n +at .*stub-process/);
    });
  }

  test('a reader of stdout that goes away does not end it', async () => {
    const child = start('never drains');
    await child.says(/"msg":"started"/);
    child.process.stdout?.destroy();
    child.kill('SIGTERM');
    child.kill('SIGINT');
    assert.ok([130, 143].includes(Number(await child.ended())));
    assert.match(child.stderr, /closed now/);
  });
});
