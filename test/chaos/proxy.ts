import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { answers, freePort } from '../../bench/lib/children.js';
import { compiled } from '../support/child.js';
import { projectRoot } from '../support/project-root.js';
import { TIMEOUT_MS } from './calls.js';
import type { Measure } from './measure.js';

/** What the proxy's process holds. */
export interface Holding extends Measure {
  readonly descriptors: number;
  /** The most memory that it has had, in bytes. */
  readonly peak: number;
}

/** Short times, so that there is much to see in two minutes. */
const policies = (listen: number, admin: number, upstream: number): string => `
listen: 127.0.0.1:${listen}
admin: { listen: 127.0.0.1:${admin} }
log: { level: error }
defaults:
  route: { timeout: ${TIMEOUT_MS}ms, attemptTimeout: 300ms, idleTimeout: 500ms, retry: { backoff: { base: 10ms } } }
upstreams:
  far:
    url: http://127.0.0.1:${upstream}
    connectTimeout: 300ms
    circuitBreaker: { openFor: 100ms, maxOpenFor: 500ms }
  unguarded: { url: http://127.0.0.1:${upstream}, circuitBreaker: false }
routes:
  - { name: hedged, match: { path: /hedged/* }, upstream: far, hedge: { delay: 40ms } }
  - { name: stale, match: { path: /stale/* }, upstream: far, fallback: { steps: [{ stale: { maxAge: 1m } }] } }
  - { name: patient, match: { path: /patient/* }, upstream: unguarded, attemptTimeout: 5s }
  - { name: plain, match: { path: /plain/* }, upstream: far }
`;

/** The program as it is shipped, started as the image starts it, but that it can be asked what it holds. */
export class ProxyProcess {
  readonly port: number;
  readonly pid: number;
  /** Its log: errors only. */
  errors = '';
  readonly #process: ChildProcess;
  readonly #folder: string;

  private constructor(child: ChildProcess, port: number, folder: string) {
    this.#process = child;
    this.#folder = folder;
    this.port = port;
    this.pid = child.pid ?? 0;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => (this.errors += text));
    }
  }

  static async start(upstream: number): Promise<ProxyProcess> {
    const [port, admin] = [await freePort(), await freePort()];
    const folder = mkdtempSync(path.join(tmpdir(), 'outrigger-chaos-'));
    const file = path.join(folder, 'policy.yaml');
    writeFileSync(file, policies(port, admin, upstream));
    const flags = [...imageFlags(), '--expose-gc', '--import', compiled('test/chaos/measure')];
    const child = spawn(process.execPath, [...flags, `${projectRoot}dist/main.js`, 'run', '--config', file], {
      env: { PATH: process.env.PATH, MALLOC_ARENA_MAX: '1' },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    const proxy = new ProxyProcess(child, port, folder);
    await answers(child, admin, '/readyz');
    return proxy;
  }

  get lives(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  async holds(): Promise<Holding> {
    const answered = once(this.#process, 'message');
    this.#process.send('measure');
    const [measure] = (await answered) as [Measure];
    const status = readFileSync(`/proc/${this.pid}/status`, 'utf8');
    return {
      ...measure,
      descriptors: readdirSync(`/proc/${this.pid}/fd`).length,
      peak: Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1]) * 1024,
    };
  }

  /** Ends it as Kubernetes would; its exit code. */
  async end(): Promise<number | null> {
    if (this.lives) {
      const ended = once(this.#process, 'exit');
      this.#process.kill('SIGTERM');
      const late = setTimeout(() => this.#process.kill('SIGKILL'), 10_000);
      await ended;
      clearTimeout(late);
    }
    rmSync(this.#folder, { recursive: true, force: true });
    return this.#process.exitCode;
  }
}

function imageFlags(): string[] {
  const dockerfile = readFileSync(`${projectRoot}Dockerfile`, 'utf8');
  const [, entrypoint = ''] = /^ENTRYPOINT \["node", (.*)"dist\/main\.js"\]$/m.exec(dockerfile) ?? [];
  return [...entrypoint.matchAll(/"(--[^"]+)"/g)].map(([, flag]) => flag!);
}
