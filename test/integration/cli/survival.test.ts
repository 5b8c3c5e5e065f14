/** What must not end the process, and what it leaves behind when something does. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import path from 'node:path';
import { describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { compiled } from '../../support/child.js';
import { startUpstream } from '../../support/http-upstream.js';
import { load } from '../../support/load.js';
import {
  endOf,
  folder,
  freePort,
  oneRoute,
  policyFileOf,
  spawnProxy,
  startProxy,
} from '../../support/proxy-process.js';
import { until } from '../../support/running-app.js';

const statusOf = async (url: string) => (await fetch(url)).status;

describe('the process lives', () => {
  test('after SIGHUP, which has the policy file read again, and after SIGPIPE', async (t) => {
    const upstream = await startUpstream();
    t.after(() => upstream.close());
    const { child, url } = await startProxy(t, oneRoute(upstream.origin));
    child.kill('SIGPIPE');
    child.kill('SIGHUP');
    await child.says(/"by":"SIGHUP","msg":"nothing changed"/);
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
    await child.says(/"by":"SIGHUP".*"msg":"reload failed"/);
    assert.deepEqual([await statusOf(url), await statusOf(`${admin}/readyz`)], [200, 200]);
    child.kill('SIGTERM');
    assert.equal((await endOf(child)).code, 0);
  });
});

describe('a process whose wall clock jumps by days, twenty times a second', () => {
  test('keeps its timeouts, opens and closes its circuit, and ends in time', async (t) => {
    let down = false;
    const upstream = await startUpstream((response, { url }) => {
      if (url === '/hang') return;
      response.writeHead(down ? 503 : 200, { 'cache-control': 'max-age=60' }).end('hello');
    });
    t.after(() => upstream.close());
    const proxy = await startProxy(
      t,
      `upstreams: { service: { url: "${upstream.origin}", circuitBreaker: { openFor: 300ms, maxOpenFor: 300ms } } }
routes: [{ name: all, match: {}, upstream: service, timeout: 1s, attemptTimeout: 400ms, retry: { backoff: { base: 5ms } } }]`,
      { env: { NODE_OPTIONS: `--import=${pathToFileURL(compiled('test/support/jumping-clock')).href}` } },
    );
    const fine = await load(proxy.url, { calls: 300, concurrency: 10 });
    assert.deepEqual(Object.fromEntries(fine.answered), { 200: 300 });
    assert.ok(fine.slowestMs < 1_000, `${fine.slowestMs} ms`);

    const hanging = await load(proxy.url, { path: '/hang', calls: 4, concurrency: 4 });
    assert.deepEqual(Object.fromEntries(hanging.answered), { 504: 4 });
    assert.ok(hanging.slowestMs > 800 && hanging.slowestMs < 3_000, `${hanging.slowestMs} ms`);

    const state = (name: string) =>
      proxy.metric(`circuit_state{upstream="service",key="${upstream.origin}",state="${name}"}`);
    down = true;
    await load(proxy.url, { calls: 100, concurrency: 10 });
    assert.equal(await state('closed'), 0);
    down = false;
    await until(async () => {
      await statusOf(proxy.url);
      return (await state('closed')) === 1;
    }, 'the circuit has closed');

    proxy.child.kill('SIGTERM');
    const { code, ms } = await endOf(proxy.child);
    assert.equal(code, 0);
    assert.ok(ms < 3_000, `${ms} ms`);
    const days = new Set(proxy.child.lines().map(({ time }) => String(time).slice(0, 10)));
    assert.ok(days.size > 1, 'the clock did jump');
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
