/**
 * What a start costs, and what is held after it without any call: Outrigger beside the least that serves HTTP in Node and
 * stock @fastify/http-proxy. `npm run bench:start -- [--rounds N] [--rest SECONDS]`
 */
import { execFileSync } from 'node:child_process';
import { get } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { CONTENDER_CORE, endAll, freePort, LOAD_CORE, startPinned } from '../lib/children.js';
import { asCommand } from '../lib/command-line.js';
import { markdown, median } from '../lib/table.js';
import { machine, takingPart } from '../lib/taking-part.js';
import { type Starter, starters } from './contenders.js';
import { cpuMsOf, memoryOf } from './figures.js';

const USAGE = 'npm run bench:start -- [--rounds N] [--rest SECONDS]';
const READY_WITHIN_MS = 10_000;
/** Between two looks whether it is ready: what the figure is out by. Each look is an answer that a start has to give. */
const LOOK_EVERY_MS = 4;

interface Start {
  readonly readyMs: number;
  readonly cpuMs: number;
  readonly residentMb: number;
  readonly ownMb: number;
}

/** The status of an answer; undefined if nobody listens yet. */
function ask(port: number, path: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    const request = get({ host: '127.0.0.1', port, path, agent: false }, (response) => {
      response.resume();
      response.once('end', () => resolve(response.statusCode));
    });
    request.once('error', () => resolve(undefined));
  });
}

async function measure(starter: Starter, restSeconds: number): Promise<Start> {
  const port = await freePort();
  const command = starter.command(port, await freePort());
  const begun = performance.now();
  const child = startPinned(CONTENDER_CORE, command);
  for (;;) {
    const status = await ask(port, starter.path);
    if (status !== undefined && (starter.status ?? status) === status) break;
    if (performance.now() - begun > READY_WITHIN_MS)
      throw new Error(`${starter.name} is not ready: ${status ?? 'no answer'}`);
    await delay(LOOK_EVERY_MS);
  }
  const readyMs = performance.now() - begun;
  const pid = child.pid ?? 0;
  const cpuMs = cpuMsOf(pid);
  await delay(restSeconds * 1_000);
  const memory = memoryOf(pid);
  await endAll();
  return { readyMs, cpuMs, ...memory };
}

async function main(rounds: number, restSeconds: number): Promise<void> {
  // This process looks on from the other core.
  execFileSync('taskset', ['-a', '-c', '-p', String(LOAD_CORE), String(process.pid)]);
  const taking = takingPart(starters, []);
  const all = taking.map(({ contender }) => ({ starter: contender, starts: [] as Start[] }));
  for (let round = 0; round < rounds; round++) {
    // Each round starts with another one.
    for (let turn = 0; turn < all.length; turn++) {
      const { starter, starts } = all[(round + turn) % all.length]!;
      starts.push(await measure(starter, restSeconds));
    }
  }
  const columns = ['start to ready, ms', 'CPU to ready, ms', 'memory at rest, MB', 'of it not of files, MB'];
  const rows = all.map(({ starter, starts }) => [
    starter.name,
    ...(['readyMs', 'cpuMs', 'residentMb', 'ownMb'] as const).map((figure) =>
      median(starts.map((start) => start[figure])).toFixed(figure.endsWith('Mb') ? 1 : 0),
    ),
  ]);
  process.stdout.write(
    `${markdown(['', ...columns], rows)}\n\n` +
      `Each pinned to core ${CONTENDER_CORE}, started anew ${rounds} times in turn, medians. Ready: the first answer (Outrigger: 200 of /readyz),\n` +
      `looked for every ${LOOK_EVERY_MS} ms. At rest: ${restSeconds} s later, without a call. Memory that is of files is Node's own and shared by the\n` +
      `processes that run the same one.\n\n${machine(taking)}\n`,
  );
}

async function readAndRun(): Promise<void> {
  const { values } = parseArgs({
    options: { rounds: { type: 'string', default: '11' }, rest: { type: 'string', default: '2' } },
  });
  const [rounds, rest] = [Number(values.rounds), Number(values.rest)];
  if (!(rounds >= 1 && rounds <= 100 && rest >= 0 && rest <= 60))
    throw new RangeError('--rounds: 1 to 100; --rest: 0 to 60');
  try {
    await main(rounds, rest);
  } finally {
    await endAll();
  }
}

await asCommand('bench:start', USAGE, readAndRun);
