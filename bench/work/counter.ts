/**
 * The whole proxy in a process that counts what it does: `node FLAGS counter.js UPSTREAM_ORIGIN TRACING [wasteful]`, started by
 * measure.ts with an IPC channel. Everything but the proxy, upstream and app included, is in another process.
 */
import { createHook } from 'node:async_hooks';
import { subscribe } from 'node:diagnostics_channel';
import { existsSync, openSync, readFileSync, writeSync } from 'node:fs';
import { type HeapProfiler, Session } from 'node:inspector/promises';
import { createApp } from '../../src/app.js';
import { parseConfig } from '../../src/config/load.js';
import { createLogger } from '../../src/observability/logging.js';
import { type Clock, systemClock } from '../../src/runtime/clock.js';
import { tuneCollector } from '../../src/runtime/v8-flags.js';
import type { Answer, Ask, Events, Owner, Site } from './protocol.js';

tuneCollector();
const [origin = '', tracing = '', wasteful] = process.argv.slice(2);

const config = parseConfig(
  `
listen: 127.0.0.1:0
admin: { listen: 127.0.0.1:0 }
log: { level: silent }
tracing: ${tracing}
upstreams: { up: { url: '${origin}' } }
routes:
  - name: all
    match: { path: /* }
    upstream: up
    fallback: { steps: [{ response: { status: 200, body: '{}' } }] }
`,
  'work.yaml',
  { env: {} },
);

/** Resources that were created, by type. */
const created = new Map<string, number>();
const hook = createHook({ init: (_id, type) => void created.set(type, (created.get(type) ?? 0) + 1) });
/** Every allocation is a sample, and stays one when the object is collected: reading the profile collects garbage. */
const SAMPLING = {
  samplingInterval: 1,
  includeObjectsCollectedByMajorGC: true,
  includeObjectsCollectedByMinorGC: true,
};
const IO = '/proc/self/io';
const session = new Session();
session.connect();

/** Read and write system calls of this process so far. */
function systemCalls(): { readonly reads: number; readonly writes: number } {
  const text = existsSync(IO) ? readFileSync(IO, 'utf8') : '';
  const field = (name: string) => Number(new RegExp(`^${name}: (\\d+)`, 'm').exec(text)?.[1] ?? 0);
  return { reads: field('syscr'), writes: field('syscw') };
}

function ownerOf(url: string): Owner | undefined {
  if (url === '') return undefined;
  if (url.startsWith('node:')) return 'node';
  // undici's parser is WebAssembly.
  return url.includes('/node_modules/') || url.startsWith('wasm:') ? 'packages' : 'own';
}

/** Bytes by function. What has no source, built-ins and the like, counts for the nearest caller that has one. */
function sitesOf(head: HeapProfiler.SamplingHeapProfileNode): Site[] {
  const sites = new Map<string, Site>();
  const walk = (node: HeapProfiler.SamplingHeapProfileNode, caller: Pick<Site, 'owner' | 'at'>): void => {
    const { functionName, url, lineNumber } = node.callFrame;
    const owner = ownerOf(url);
    const file = url.replace(/^.*\/(?=\.build\/|node_modules\/)/, '');
    const here = owner === undefined ? caller : { owner, at: `${functionName} ${file}:${lineNumber + 1}` };
    const bytes = (sites.get(here.at)?.bytes ?? 0) + node.selfSize;
    sites.set(here.at, { ...here, bytes });
    for (const child of node.children) walk(child, here);
  };
  walk(head, { owner: 'node', at: '(no script)' });
  return [...sites.values()];
}

/** What ends a count. */
let stop: () => Promise<Answer> = () => Promise.reject(new Error('nothing was started'));

async function start(counting: 'allocations' | 'events'): Promise<void> {
  if (counting === 'allocations') {
    await session.post('HeapProfiler.startSampling', SAMPLING);
    stop = async () => ({ sites: sitesOf((await session.post('HeapProfiler.stopSampling')).profile.head) });
    return;
  }
  created.clear();
  const before = systemCalls();
  hook.enable();
  stop = () => {
    hook.disable();
    const { reads, writes } = systemCalls();
    const of = (type: string) => created.get(type) ?? 0;
    const events: Events = {
      promises: of('PROMISE'),
      timers: of('Timeout'),
      immediates: of('Immediate'),
      ticks: of('TickObject'),
      reads: reads - before.reads,
      writes: writes - before.writes,
    };
    return Promise.resolve({ events });
  };
}

/** What the last call consists of. V8 would forget the shapes of objects that nobody has at a collection, and make them anew. */
export let last: unknown;
/** With `wasteful`: an array, a promise, a timer and a write more for each call, to show that they are seen. */
export let wasted: unknown;
const nowhere = openSync('/dev/null', 'w');
// Node says so once for each request.
subscribe('http.server.request.start', (message) => {
  last = message;
  if (wasteful === undefined) return;
  wasted = new Array<undefined>(32);
  void Promise.resolve();
  setTimeout(() => {}, 60_000).unref();
  writeSync(nowhere, 'x');
});

/** A machine that is busy must not make a call look longer: windows would move on, and work be done for it. */
const STEP_MS = 0.013;
let nowMs = 1_000.5;
const clock: Clock = { ...systemClock, now: () => (nowMs += STEP_MS) };

const say = (answer: Answer): void => void process.send?.(answer);
process.on('message', (ask: Ask) => {
  if (ask === 'stop') void stop().then(say);
  else void start(ask.start).then(() => say({ started: true }));
});
process.on('disconnect', () => process.exit(0));

const app = createApp({
  config,
  logger: createLogger(config.log, process.stdout),
  clock,
  random: () => 0.5,
  version: '0.0.0',
});
const { listen } = await app.start();
say({ port: Number(new URL(listen[0]!).port) });
