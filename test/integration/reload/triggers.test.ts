import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { selfSigned } from '../../support/certificate.js';
import type { Child } from '../../support/child.js';
import { folder, spawnProxy } from '../../support/proxy-process.js';

/** A policy whose only route answers with a text of its own. */
const answering = (text: string, more = '') => `listen: 127.0.0.1:0
admin: { listen: 127.0.0.1:0 }
${more}
upstreams: { nowhere: { url: "http://127.0.0.1:9" } }
routes:
  - name: all
    match: {}
    upstream: nowhere
    retry: false
    fallback: { steps: [{ response: { status: 200, ${text} } }] }
`;

interface Proxy {
  readonly child: Child;
  readonly url: string;
  readonly admin: string;
  readonly answer: () => Promise<string>;
  /** Waits until the answer is this, for longer than it may take: the machine may be busy. */
  readonly becomes: (text: string) => Promise<void>;
  /** How many lines of the log hold all of these. */
  readonly lines: (...texts: string[]) => number;
}

async function start(t: TestContext, file: string): Promise<Proxy> {
  const child = spawnProxy(t, ['run', '--config', file]);
  const url = (await child.says(/"address":"([^"]+)","msg":"listening"/))[1]!;
  const admin = (await child.says(/"address":"([^"]+)","msg":"admin listening"/))[1]!;
  await child.says(/"msg":"started"/);
  const answer = async () => (await fetch(url)).text();
  return {
    child,
    url,
    admin,
    answer,
    async becomes(text) {
      const end = performance.now() + 15_000;
      let last = await answer();
      while (last !== text && performance.now() < end) {
        await sleep(20);
        last = await answer();
      }
      assert.equal(last, text);
    },
    lines: (...texts) => child.stdout.split('\n').filter((line) => texts.every((text) => line.includes(text))).length,
  };
}

/** A proxy that answers `one`, in a folder of its own. */
async function startOne(t: TestContext, more?: string): Promise<Proxy & { readonly file: string }> {
  const file = path.join(folder(), 'outrigger.yaml');
  writeFileSync(file, answering('body: one', more));
  const proxy = await start(t, file);
  assert.equal(await proxy.answer(), 'one');
  return { ...proxy, file };
}

/** They wait more than they work. */
const AT_ONCE = { concurrency: 4 };

describe('a policy file that changes is taken up', AT_ONCE, () => {
  test('when it is written in place', async (t) => {
    const { file, becomes, child } = await startOne(t);
    writeFileSync(file, answering('body: two'));
    await becomes('two');
    await child.says(/"by":"file","routes":\{"changed":\["all"\]\},"msg":"reloaded"/);
  });

  test('with what the log is to hide', async (t) => {
    const { file, child } = await startOne(t);
    writeFileSync(file, answering('body: one', 'log: { redact: [by] }'));
    await child.says(/"by":"\*\*\*","settings":\["log"\],"msg":"reloaded"/);
  });

  test('when another is moved over it, and again', async (t) => {
    const { file, becomes } = await startOne(t);
    for (const body of ['two', 'three']) {
      writeFileSync(`${file}.new`, answering(`body: ${body}`));
      renameSync(`${file}.new`, file);
      await becomes(body);
    }
  });

  test('when Kubernetes swaps what ..data points to, and again', async (t) => {
    const mount = folder();
    const put = (version: string, body: string) => {
      mkdirSync(path.join(mount, version));
      writeFileSync(path.join(mount, version, 'outrigger.yaml'), answering(`body: ${body}`));
      symlinkSync(version, path.join(mount, '..data_tmp'));
      renameSync(path.join(mount, '..data_tmp'), path.join(mount, '..data'));
    };
    put('..2026_01', 'one');
    symlinkSync('..data/outrigger.yaml', path.join(mount, 'outrigger.yaml'));
    const { becomes } = await start(t, path.join(mount, 'outrigger.yaml'));
    await becomes('one');
    put('..2026_02', 'two');
    rmSync(path.join(mount, '..2026_01'), { recursive: true });
    await becomes('two');
    put('..2026_03', 'three');
    rmSync(path.join(mount, '..2026_02'), { recursive: true });
    await becomes('three');
  });

  test('when a file that it names does: a bodyFile, one in ${file:…}', async (t) => {
    const home = folder();
    const put = (name: string, text: string) => writeFileSync(path.join(home, name), text);
    put('body', 'one');
    put('outrigger.yaml', answering('bodyFile: body'));
    const { becomes } = await start(t, path.join(home, 'outrigger.yaml'));
    await becomes('one');
    put('body', 'two');
    await becomes('two');
    put('secret', 'three\n');
    put('outrigger.yaml', answering('body: "${file:secret}"'));
    await becomes('three');
    put('secret', 'four\n');
    await becomes('four');
  });

  test('when a file of its TLS does: with the new authority the upstream is believed', async (t) => {
    const [right, wrong] = [selfSigned('IP:127.0.0.1'), selfSigned('IP:127.0.0.1')];
    const server = createTlsServer(right, (_request, response) => response.end('secure'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.after(() => server.close());
    const { port } = server.address() as AddressInfo;
    const home = folder();
    writeFileSync(path.join(home, 'ca.pem'), wrong.cert);
    const file = path.join(home, 'outrigger.yaml');
    writeFileSync(
      file,
      `listen: 127.0.0.1:0
admin: { listen: 127.0.0.1:0 }
upstreams: { service: { url: "https://127.0.0.1:${port}", tls: { ca: ca.pem }, circuitBreaker: false } }
routes: [{ name: all, match: {}, upstream: service, retry: false }]
`,
    );
    const { answer, becomes, child } = await start(t, file);
    assert.match(await answer(), /"code":"connect-failure"/);
    writeFileSync(path.join(home, 'ca.pem'), right.cert);
    await becomes('secure');
    await child.says(/"upstreams":\{"changed":\["service"\]\}/);
  });

  test('by SIGHUP and by the API alone when reload is manual', async (t) => {
    const { file, child, admin, answer, becomes, lines } = await startOne(t, 'reload: manual');
    writeFileSync(file, answering('body: two', 'reload: manual'));
    // Longer than the file would be looked at.
    await sleep(2_000);
    assert.equal(await answer(), 'one');
    child.kill('SIGHUP');
    await becomes('two');
    writeFileSync(file, answering('body: three'));
    const response = await fetch(`${admin}/-/reload`, { method: 'POST' });
    assert.deepEqual(await response.json(), {
      result: 'changed',
      routes: { added: [], removed: [], changed: ['all'] },
      upstreams: { added: [], removed: [], changed: [] },
      settings: ['reload'],
      restart: [],
    });
    assert.equal(await answer(), 'three');
    // From here on by itself.
    writeFileSync(file, answering('body: four'));
    await becomes('four');
    // The line may come later than the answer.
    await child.says(/"by":"file".*"msg":"reloaded"/);
    assert.deepEqual(
      ['SIGHUP', '127.0.0.1', 'file'].map((by) => lines(`"by":"${by}"`, '"msg":"reloaded"')),
      [1, 1, 1],
    );
    child.kill('SIGTERM');
    assert.equal(await child.ended(), 0);
  });
});

describe('what can not be taken leaves the policies as they are', AT_ONCE, () => {
  test('a file that is written in two goes, slowly, is complained of at neither', async (t) => {
    const { file, becomes, lines } = await startOne(t);
    const text = answering('body: two');
    writeFileSync(file, text.slice(0, text.indexOf('upstream: nowhere')));
    await sleep(600);
    writeFileSync(file, text);
    await becomes('two');
    assert.equal(lines('"level":"error"'), 0);
  });

  test('a mistake: one line with its place, counted; put right, it is taken', async (t) => {
    const { file, child, admin, answer, becomes, lines } = await startOne(t);
    writeFileSync(file, answering('body: two', 'drainTimeout: 3'));
    await child.says(/"line":3,"column":15,"path":"drainTimeout"[^\n]*"msg":"reload failed"/);
    assert.equal(await answer(), 'one');
    const metrics = await (await fetch(`${admin}/metrics`)).text();
    assert.match(metrics, /config_reloads_total\{result="failure"\} 1\n/);
    writeFileSync(file, answering('body: two'));
    await becomes('two');
    assert.equal(lines('"msg":"reload failed"'), 1);
  });

  test('a mistake that is taken back: valid again, though nothing changed, by itself; the metrics say so too', async (t) => {
    const { file, child, admin, lines } = await startOne(t);
    const successful = async () =>
      /^outrigger_config_last_reload_successful (\d)$/m.exec(await (await fetch(`${admin}/metrics`)).text())?.[1];
    writeFileSync(file, answering('body: one', 'drainTimeout: 3'));
    await child.says(/"msg":"reload failed"/);
    assert.equal(await successful(), '0');
    writeFileSync(file, answering('body: one'));
    await child.says(/"level":"info"[^\n]*"by":"file","msg":"configuration is valid again; nothing changed"/);
    assert.equal(await successful(), '1');
    assert.equal(lines('"msg":"nothing changed"'), 0);
  });

  test('asked for over the API: one line with the place, and who asked', async (t) => {
    const { file, admin, lines, child } = await startOne(t, 'reload: manual');
    writeFileSync(file, answering('body: two', 'drainTimeout: 3'));
    const response = await fetch(`${admin}/-/reload`, { method: 'POST' });
    assert.equal(response.status, 422);
    assert.match(await response.text(), /"line":3,"column":15/);
    await child.says(/"by":"127\.0\.0\.1"[^\n]*"line":3,"column":15[^\n]*"msg":"reload failed"/);
    child.kill('SIGTERM');
    await child.ended();
    assert.deepEqual([lines('"level":"error"'), lines('admin change refused')], [1, 0]);
  });

  test('a file that is deleted, or a folder in its place: told once each, and what comes after is taken', async (t) => {
    const { file, child, answer, becomes, lines } = await startOne(t);
    rmSync(file);
    await child.says(/there is no such file/);
    mkdirSync(file);
    await child.says(/it is a folder/);
    await sleep(1_000);
    assert.deepEqual([await answer(), lines('"msg":"reload failed"')], ['one', 2]);
    rmSync(file, { recursive: true });
    writeFileSync(file, answering('body: two'));
    await becomes('two');
  });

  const skip = process.getuid?.() === 0 ? 'root may read everything' : false;
  test('a file that may not be read', { skip }, async (t) => {
    const { file, child, answer } = await startOne(t);
    chmodSync(file, 0);
    await child.says(/no permission/);
    assert.equal(await answer(), 'one');
  });
});

test('a file that was only touched, or says the same in other words, changes nothing', async (t) => {
  const { file, child, lines } = await startOne(t);
  writeFileSync(file, answering('body: one'));
  await sleep(1_500);
  assert.equal(lines('"by":"file"'), 0);
  writeFileSync(file, `${answering('body: one')}# a remark\n`);
  await child.says(/"by":"file","msg":"nothing changed"/);
});

test('a file without measure, a device and a link to itself are told once each; what comes after is taken', async (t) => {
  const { file, child, answer, becomes, lines } = await startOne(t);
  // A terabyte that takes no room on the disk.
  truncateSync(file, 1024 ** 4);
  await child.says(/it is larger than 1 MiB/);
  rmSync(file);
  symlinkSync('/dev/zero', file);
  await child.says(/it is no regular file/);
  rmSync(file);
  symlinkSync(file, file);
  await child.says(/symbolic links lead round in a circle/);
  await sleep(1_000);
  assert.deepEqual([await answer(), lines('"msg":"reload failed"')], ['one', 3]);
  rmSync(file);
  writeFileSync(file, answering('body: two'));
  await becomes('two');
});

test('a pipe in place of the file is not waited for, and what is in force stays', async (t) => {
  const { file, child, answer } = await startOne(t);
  rmSync(file);
  execFileSync('mkfifo', [file]);
  await child.says(/it is no regular file/);
  assert.equal(await answer(), 'one');
});
