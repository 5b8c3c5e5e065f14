/** The processes of a run: started on a core each, ended without fail. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { get } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** The contender has a core to itself; load and upstream share the other. */
export const CONTENDER_CORE = 0;
export const LOAD_CORE = 1;

const READY_WITHIN_MS = 10_000;
const END_WITHIN_MS = 2_000;

export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

const running = new Set<ChildProcess>();

/** Starts a process that runs on one core only. taskset becomes the command, so the pid is the command's own. */
export function startPinned(core: number, { file, args, env }: Command): ChildProcess {
  const child = spawn('taskset', ['-c', String(core), file, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  // The last of what it says explains why it ended, should it do so.
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => (said = `${said}${chunk.toString()}`.slice(-2_000)));
  }
  running.add(child);
  child.once('exit', (code, signal) => {
    if (running.delete(child) && signal === null && code !== 0) {
      process.stderr.write(`${file} ended with ${code}:\n${said}\n`);
    }
  });
  return child;
}

/** Ends all processes started here. */
export async function endAll(): Promise<void> {
  await Promise.all(
    [...running].map(async (child) => {
      running.delete(child);
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      const late = setTimeout(() => child.kill('SIGKILL'), END_WITHIN_MS);
      await ended;
      clearTimeout(late);
    }),
  );
}

/** Waits until a GET is answered with 200. Rejects after 10 s, or when the process has ended. */
export async function answers(child: ChildProcess, port: number, path = '/'): Promise<void> {
  const until = Date.now() + READY_WITHIN_MS;
  let last = 'no answer';
  while (Date.now() < until && child.exitCode === null) {
    try {
      const status = await statusOf(port, path);
      if (status === 200) return;
      last = `status ${status}`;
    } catch (error) {
      last = error instanceof Error ? error.message : String(error);
    }
    await delay(50);
  }
  throw new Error(`not ready on port ${port}: ${child.exitCode === null ? last : `it ended with ${child.exitCode}`}`);
}

function statusOf(port: number, path: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const request = get({ port, path, host: '127.0.0.1', agent: false, timeout: 1_000 }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    request.once('timeout', () => request.destroy(new Error('timeout')));
    request.once('error', reject);
  });
}

/** A port that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** The version that a program tells, or undefined if it is not installed. */
export function versionOf(file: string, args: readonly string[], pattern: RegExp): string | undefined {
  try {
    // nginx says it on stderr, wrk ends with 1: a shell joins the former and forgives the latter.
    const said = execFileSync('sh', ['-c', '"$@" 2>&1 || true', 'sh', file, ...args], { encoding: 'utf8' });
    return pattern.exec(said)?.[1];
  } catch {
    return undefined;
  }
}
