/** What must not end the process, and what it leaves behind when something does. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import path from 'node:path';
import { describe, test } from 'node:test';
import { startUpstream } from '../../support/http-upstream.js';
import {
  endOf,
  folder,
  freePort,
  oneRoute,
  policyFileOf,
  spawnProxy,
  startProxy,
} from '../../support/proxy-process.js';

const statusOf = async (url: string) => (await fetch(url)).status;

describe('the process lives', () => {
  test('after SIGHUP, which says that nothing was reloaded, and after SIGPIPE', async (t) => {
    const upstream = await startUpstream();
    t.after(() => upstream.close());
    const { child, url } = await startProxy(t, oneRoute(upstream.origin));
    child.kill('SIGPIPE');
    child.kill('SIGHUP');
    await child.says(/"msg":"reload not available"/);
    const said = child.lines().find(({ msg }) => msg === 'reload not available');
    assert.equal(said?.level, 'warn');
    assert.match(String(said.detail), /restart/);
    assert.equal(await statusOf(url), 200);
    child.kill('SIGTERM');
    assert.equal((await endOf(child)).code, 0);
  });

  test('when its policy file and the folder around it are deleted', async (t) => {
    const upstream = await startUpstream();
    t.after(() => upstream.close());
    const { child, url, admin, file } = await startProxy(t, oneRoute(upstream.origin));
    rmSync(path.dirname(file), { recursive: true });
    child.kill('SIGHUP');
    await child.says(/"msg":"reload not available"/);
    assert.deepEqual([await statusOf(url), await statusOf(`${admin}/readyz`)], [200, 200]);
    child.kill('SIGTERM');
    assert.equal((await endOf(child)).code, 0);
  });
});

describe('a process that is killed', () => {
  test('leaves no file behind, and its addresses to the next one', async (t) => {
    const upstream = await startUpstream();
    t.after(() => upstream.close());
    const temporary = folder();
    const sockets = path.join(folder(), 'sockets');
    mkdirSync(sockets);
    const file = policyFileOf(oneRoute(upstream.origin), {
      listen: `[127.0.0.1:${await freePort()}, "unix:${sockets}/calls.sock"]`,
      adminListen: `unix:${sockets}/admin.sock`,
    });
    for (let life = 0; life < 3; life++) {
      const child = spawnProxy(t, ['--config', file], { TMPDIR: temporary });
      await child.says(/"msg":"started"/);
      const [response] = (await once(get({ socketPath: `${sockets}/calls.sock` }), 'response')) as [IncomingMessage];
      response.resume();
      assert.equal(response.statusCode, 200);
      child.kill('SIGKILL');
      assert.equal(await child.ended(), 'SIGKILL');
    }
    assert.deepEqual(readdirSync(temporary), []);
    assert.deepEqual(readdirSync(path.dirname(file)), ['outrigger.yaml']);
    assert.deepEqual(readdirSync(sockets), ['admin.sock', 'calls.sock']);
  });
});
