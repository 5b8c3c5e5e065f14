import { mkdtempSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { Child, compiled } from './child.js';

/** `outrigger run`, in a process of its own. */
export interface ProxyProcess {
  readonly child: Child;
  /** `http://host:port` of the calls' and of the admin server. */
  readonly url: string;
  readonly admin: string;
  /** The policy file. */
  readonly file: string;
  /** The value of a series, as it is written: `name{label="x"}`; NaN if there is none. */
  metric(series: string): Promise<number>;
}

export interface ProxyOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** A descriptor for its log; read by `child` if left out. Without one to read, the addresses must be given. */
  readonly stdout?: number;
  readonly listen?: string;
  readonly adminListen?: string;
  /** How many files and sockets it may have open. */
  readonly descriptors?: number;
  /** The program; left out: as the tests were compiled. */
  readonly main?: string;
}

/** A folder of its own, left to the system to clear away. */
export function folder(): string {
  return mkdtempSync(path.join(tmpdir(), 'outrigger-'));
}

/** A policy file with these lines, on free ports; returns its name. */
export function policyFileOf(lines: string, options: ProxyOptions = {}): string {
  const { listen = '127.0.0.1:0', adminListen = '127.0.0.1:0' } = options;
  const file = path.join(folder(), 'outrigger.yaml');
  writeFileSync(file, `listen: ${listen}\nadmin: { listen: ${adminListen} }\n${lines}`);
  return file;
}

/** One upstream `service` and one route `all`, with short back-offs. */
export function oneRoute(upstream: string, more = '', route = ''): string {
  return `${more.includes('limits:') ? '' : 'limits: { maxEventLoopDelay: off }\n'}${more}
upstreams: { service: { url: "${upstream}" } }
routes: [{ name: all, match: {}, upstream: service, retry: { backoff: { base: 10ms } }${route} }]
`;
}

/** Starts `outrigger ARGS`; it is killed when the test is over. */
export function spawnProxy(
  t: TestContext,
  args: readonly string[],
  env?: Readonly<Record<string, string>>,
  stdout?: number,
  main = compiled('src/main'),
  descriptors?: number,
): Child {
  const child = new Child(main, args, env, stdout, descriptors);
  t.after(() => child.process.kill('SIGKILL'));
  return child;
}

/** Starts `outrigger run` with a policy file of these lines, and waits until it takes calls. */
export async function startProxy(t: TestContext, lines: string, options: ProxyOptions = {}): Promise<ProxyProcess> {
  const file = policyFileOf(lines, options);
  const { env, stdout, main, descriptors } = options;
  const child = spawnProxy(t, ['run', '--config', file], env, stdout, main, descriptors);
  let [url, admin] = [`http://${options.listen}`, `http://${options.adminListen}`];
  if (options.stdout === undefined) {
    url = (await child.says(/"address":"([^"]+)","msg":"listening"/))[1]!;
    admin = (await child.says(/"address":"([^"]+)","msg":"admin listening"/))[1]!;
    await child.says(/"msg":"started"/);
  } else {
    await answers(`${admin}/readyz`);
  }
  return {
    child,
    url,
    admin,
    file,
    async metric(series) {
      const text = await (await fetch(`${admin}/metrics`)).text();
      const line = text.split('\n').find((one) => one.startsWith(`outrigger_${series} `));
      return Number(line?.split(' ').at(-1) ?? Number.NaN);
    },
  };
}

/** Waits until something answers 200 there. */
async function answers(url: string): Promise<void> {
  for (;;) {
    const response = await fetch(url).catch(() => undefined);
    await response?.body?.cancel();
    if (response?.status === 200) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Waits until it has ended; its exit code, and how long that took, in milliseconds. */
export async function endOf(child: Child): Promise<{ readonly code: number | string | null; readonly ms: number }> {
  const start = performance.now();
  const code = await child.ended();
  return { code, ms: performance.now() - start };
}

/** A port of loopback that was free a moment ago. */
export function freePort(): Promise<number> {
  const server = createServer();
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = address !== null && typeof address === 'object' ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}
