/** Whoever reads the log may go away, stand still, or run out of space: calls go on, and the process still ends when told. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { compiled } from '../../support/child.js';
import { startUpstream } from '../../support/http-upstream.js';
import { load } from '../../support/load.js';
import { skipWithoutScript, writtenOnTerminal } from '../../support/on-terminal.js';
import { endOf, freePort, oneRoute, policyFileOf, startProxy, type ProxyProcess } from '../../support/proxy-process.js';
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

  test('on a terminal that was stopped: calls go on, and SIGTERM ends it', { skip: skipWithoutScript }, async (t) => {
    const upstream = await startUpstream();
    t.after(() => upstream.close());
    const [listen, adminListen] = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`];
    const file = policyFileOf(oneRoute(upstream.origin, 'log: { access: all }'), { listen, adminListen });
    const pidFile = path.join(path.dirname(file), 'pid');
    const command = `echo $$ > ${pidFile}; exec ${process.execPath} ${compiled('src/main')} run --config ${file}`;
    // It has a terminal of its own, whose contents it would hand on to us, had we not stopped reading.
    const terminal = spawn('script', ['-qfc', command, '/dev/null'], { stdio: ['ignore', 'pipe', 'inherit'] });
    t.after(() => terminal.kill('SIGKILL'));
    terminal.stdout.pause();
    await until(async () => (await fetch(`http://${adminListen}/readyz`).catch(() => undefined))?.ok === true, 'ready');
    await makeCalls(`http://${listen}`, 300);
    const pid = Number(readFileSync(pidFile, 'utf8'));
    process.kill(pid, 'SIGTERM');
    await until(() => !isRunning(pid), 'it has ended');
  });
});

describe('the log on a terminal', { skip: skipWithoutScript }, () => {
  test('is written for people, in colours', async (t) => {
    const written = await writtenOnTerminal(t, compiled('src/main'));
    assert.match(written, /\x1b\[\d+mWARN/);
    assert.doesNotMatch(written, /secret|"level":/);
  });

  test('is written without colours where NO_COLOR asks for that, a line each', async (t) => {
    const written = await writtenOnTerminal(t, compiled('src/main'), { NO_COLOR: '1' });
    assert.doesNotMatch(written, /\x1b/);
    const lines = written.trimEnd().split('\r\n');
    for (const line of lines) assert.match(line, /^\[\d\d:\d\d:\d\d\.\d{3}\] [A-Z]+: /);
    const call = lines.find((line) => line.includes('WARN: call '));
    assert.match(call ?? '', /"path":"\/some\/where".*"tries":\[\{.*"traceId":null/);
  });
});

/** Whether a process is there and no zombie that nobody has asked for its exit code. */
function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
