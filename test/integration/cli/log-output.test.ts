/** Whoever reads the log may go away, stand still, or run out of space: calls go on, and the process still ends when told. */
import assert from 'node:assert/strict';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { describe, test, type TestContext } from 'node:test';
import { startUpstream } from '../../support/http-upstream.js';
import { load } from '../../support/load.js';
import { endOf, freePort, oneRoute, startProxy, type ProxyProcess } from '../../support/proxy-process.js';
import { until } from '../../support/running-app.js';

const DROPPED = 'log_lines_dropped_total';

/** Each call's line is over 2 kB, so that these are more than may wait. */
const LONG_PATH = `/${'a'.repeat(2_000)}`;
const CALLS = 3_000;

async function startLogging(t: TestContext, stdout?: number): Promise<ProxyProcess> {
  const upstream = await startUpstream();
  t.after(() => upstream.close());
  const addresses =
    stdout === undefined
      ? {}
      : { stdout, listen: `127.0.0.1:${await freePort()}`, adminListen: `127.0.0.1:${await freePort()}` };
  return startProxy(t, oneRoute(upstream.origin, 'log: { access: all }'), addresses);
}

async function makeCalls(url: string, calls: number): Promise<void> {
  const { sent, answered } = await load(url, { path: LONG_PATH, calls, concurrency: 20 });
  assert.deepEqual([sent, Object.fromEntries(answered)], [calls, { 200: calls }]);
}

async function endsWell({ child }: ProxyProcess): Promise<void> {
  child.kill('SIGTERM');
  const { code, ms } = await endOf(child);
  assert.equal(code, 0);
  assert.ok(ms < 5_000, `it took ${ms} ms to end`);
}

function residentMiB(child: ProxyProcess['child']): number {
  const status = readFileSync(`/proc/${child.process.pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
}

describe('the log', () => {
  test('whose reader goes away: calls go on, lines that are lost are counted, SIGTERM ends it with 0', async (t) => {
    const proxy = await startLogging(t);
    proxy.child.process.stdout?.destroy();
    await makeCalls(proxy.url, 200);
    await until(async () => (await proxy.metric(DROPPED)) === 200, 'all lines are counted as lost');
    await endsWell(proxy);
  });

  test('whose reader stands still: calls go on, memory is bounded, and every line is written or counted', async (t) => {
    const proxy = await startLogging(t);
    const stdout = proxy.child.process.stdout!;
    const before = residentMiB(proxy.child);
    stdout.pause();
    await makeCalls(proxy.url, CALLS);
    const dropped = await proxy.metric(DROPPED);
    assert.ok(dropped > 0 && dropped < CALLS, `${dropped} lines dropped`);
    const grown = residentMiB(proxy.child) - before;
    assert.ok(grown < 120, `${grown} MiB more`);
    stdout.resume();
    await proxy.child.says(/"msg":"log lines dropped"/);
    const lines = proxy.child.lines();
    const said = lines.find(({ msg }) => msg === 'log lines dropped');
    assert.equal(said?.dropped, dropped);
    assert.equal(lines.filter(({ msg }) => msg === 'call').length + dropped, CALLS);
    await endsWell(proxy);
  });

  test('whose reader stands still does not keep it from ending', async (t) => {
    const proxy = await startLogging(t);
    proxy.child.process.stdout?.pause();
    await makeCalls(proxy.url, 1_000);
    proxy.child.kill('SIGTERM');
    await new Promise((resolve) => proxy.child.process.once('exit', resolve));
    assert.equal(proxy.child.process.exitCode, 0);
  });

  test('on a full disk: calls go on, lines that are lost are counted, SIGTERM ends it with 0', async (t) => {
    const full = openSync('/dev/full', 'w');
    t.after(() => closeSync(full));
    const proxy = await startLogging(t, full);
    await makeCalls(proxy.url, CALLS);
    assert.ok((await proxy.metric(DROPPED)) > 0);
    await endsWell(proxy);
  });
});
