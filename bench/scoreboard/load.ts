/**
 * The load, open loop: each call is made when it is due, whatever became of those before, and its time counts from then.
 * `node load.js PORT UPSTREAM_PORT GIVE_UP_MS PLAN` prints a LoadReport. PLAN is JSON: Phase[].
 */
import { Agent, get } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { type Phase, PHASE_HEADER, URLS } from './plan.js';
import type { AttemptCounts, CallRecord, LoadReport } from './records.js';

const [port = 0, upstreamPort = 0, giveUpMs = 0] = process.argv.slice(2, 5).map(Number);
const plan = JSON.parse(process.argv[5] ?? '[]') as readonly Phase[];

const agent = new Agent({ keepAlive: true });
const answeredWell = new Set<string>();
const calls: CallRecord[] = [];
const running = new Set<Promise<void>>();
let latestMs = 0;
let made = 0;

/** GET; the status of the whole answer, or 0. */
function statusOf(path: string, phase: string): Promise<number> {
  return new Promise((resolve) => {
    const headers = { [PHASE_HEADER]: phase };
    const request = get({ port, host: '127.0.0.1', path, agent, headers }, (response) => {
      response.resume().once('end', () => done(response.complete ? (response.statusCode ?? 0) : 0));
      response.once('error', () => done(0));
    });
    const late = setTimeout(() => request.destroy(new Error('given up')), giveUpMs);
    request.once('error', () => done(0)).once('close', () => done(0));
    function done(status: number): void {
      clearTimeout(late);
      resolve(status);
    }
  });
}

async function call(index: number, phase: Phase, dueMs: number, dueAt: number): Promise<void> {
  const path = `/item/${made++ % URLS}`;
  const known = answeredWell.has(path) ? 1 : 0;
  latestMs = Math.max(latestMs, performance.now() - dueAt);
  const status = await statusOf(path, phase.name);
  if (status === 200) answeredWell.add(path);
  calls.push([index, dueMs, Math.round((performance.now() - dueAt) * 10) / 10, status, known]);
}

function tellUpstream(command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = get({ port: upstreamPort, host: '127.0.0.1', path: `/_/${command}`, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.once('end', () => resolve(text));
    });
    request.once('error', reject);
  });
}

for (const [index, phase] of plan.entries()) {
  await tellUpstream(`mode/${phase.mode}`);
  const beganAt = performance.now();
  const everyMs = 1_000 / phase.callsPerSecond;
  const count = phase.seconds * phase.callsPerSecond;
  for (let i = 0; i < count; i++) {
    const dueMs = i * everyMs;
    const early = beganAt + dueMs - performance.now();
    if (early > 0) await delay(early);
    const one = call(index, phase, dueMs, beganAt + dueMs);
    running.add(one);
    void one.then(() => running.delete(one));
  }
  await delay(Math.max(0, beganAt + phase.seconds * 1_000 - performance.now()));
}
await Promise.all(running);
const attempts = JSON.parse(await tellUpstream('attempts')) as AttemptCounts;
const report: LoadReport = { calls, attempts, latestMs };
process.stdout.write(JSON.stringify(report), () => process.exit(0));
