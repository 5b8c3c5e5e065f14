/** Runs the program with a terminal of its own for its standard output; util-linux's `script` has one. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { freePort, oneRoute, policyFileOf } from './proxy-process.js';
import { until } from './running-app.js';

export const skipWithoutScript = spawnSync('script', ['--version']).status === 0 ? false : 'script is not installed';

/** What it writes in its life, in which it takes one call that fails. */
export async function writtenOnTerminal(
  t: TestContext,
  main: string,
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const [listen, adminListen] = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`];
  const file = policyFileOf(oneRoute(`http://127.0.0.1:${await freePort()}`, '', ', timeout: 5s'), {
    listen,
    adminListen,
  });
  const command = `exec ${process.execPath} ${main} run --config ${file}`;
  const terminal = spawn('script', ['-qefc', command, '/dev/null'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: process.env.PATH, TERM: 'xterm-256color', ...env },
  });
  t.after(() => terminal.kill('SIGKILL'));
  let written = '';
  terminal.stdout.setEncoding('utf8').on('data', (text: string) => (written += text));
  const closed = once(terminal, 'close');
  await until(async () => (await fetch(`http://${adminListen}/readyz`).catch(() => undefined))?.ok === true, 'ready');
  await (await fetch(`http://${listen}/some/where?secret=1`)).text();
  await fetch(`http://${adminListen}/-/quit`, { method: 'POST' });
  await closed;
  return written;
}
