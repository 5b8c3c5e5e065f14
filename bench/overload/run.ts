/**
 * What becomes of an app's calls when there are three times as many as Outrigger can answer: as it comes, and without load
 * shedding. `npm run bench:overload`.
 */
import { execFile, execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { answers, CONTENDER_CORE, endAll, freePort, LOAD_CORE, startPinned } from '../lib/children.js';
import { asCommand } from '../lib/command-line.js';
import { inFolder } from '../lib/folder.js';
import { loadGenerator } from '../lib/load.js';
import { node, outrigger, outriggerAlone } from '../lib/programs.js';
import { markdown } from '../lib/table.js';
import { machine } from '../lib/taking-part.js';
import type { OverloadReport } from './report.js';

/** How many times what it can do. */
const TIMES = 3;

/** Connections of the app, open before the load begins. */
const CONNECTIONS = 2_000;
const SECONDS = 10;

/** When an answer is of no use any more, and when the app hangs up, in milliseconds. */
const IN_TIME_MS = 500;
const GIVE_UP_MS = 3_000;

/** What it can do is measured with so many connections for so many seconds. */
const CAPACITY = { connections: 64, seconds: 4 };

/** A load that hangs is ended so long after it should have. */
const GRACE_MS = 15_000;

const VARIANTS = [
  { name: 'Outrigger', maxEventLoopDelay: '100ms' },
  { name: 'without load shedding', maxEventLoopDelay: 'off' },
] as const;

const execute = promisify(execFile);

interface Row {
  readonly name: string;
  readonly capacity: number;
  readonly report: OverloadReport;
}

async function run({ name, maxEventLoopDelay }: (typeof VARIANTS)[number], folder: string): Promise<Row> {
  try {
    const upstreamPort = await freePort();
    startPinned(LOAD_CORE, node('bench/overload/upstream.js', upstreamPort, join(folder, 'cert'), join(folder, 'key')));
    const port = await freePort();
    const values = { UPSTREAM_PORT: upstreamPort, MAX_EVENT_LOOP_DELAY: maxEventLoopDelay };
    await answers(startPinned(CONTENDER_CORE, outrigger('bench/overload/outrigger.yaml', port, values)), port);
    const { calls, seconds } = await loadGenerator().run(
      `http://127.0.0.1:${port}/`,
      CAPACITY.connections,
      CAPACITY.seconds,
    );
    const capacity = calls / seconds;
    return { name, capacity, report: await overload(port, Math.round(capacity * TIMES)) };
  } finally {
    await endAll();
  }
}

async function overload(port: number, callsPerSecond: number): Promise<OverloadReport> {
  const script = [port, callsPerSecond, SECONDS, CONNECTIONS, IN_TIME_MS, GIVE_UP_MS];
  const { file, args } = node('bench/overload/load.js', ...script);
  const { stdout } = await execute('taskset', ['-c', String(LOAD_CORE), file, ...args], {
    timeout: SECONDS * 1_000 + GRACE_MS,
  });
  return JSON.parse(stdout) as OverloadReport;
}

const HEAD = ['', 'can do, calls/s', 'calls/s', 'in time/s', 'late', 'refused', 'failed', 'p50, ms', 'p99, ms'];

function cells({ name, capacity, report }: Row): string[] {
  const { calls, goodPerSecond, late, refused, failed, p50Ms, p99Ms, latestMs } = report;
  if (latestMs > IN_TIME_MS / 2) process.stderr.write(`${name}: a call was sent ${latestMs.toFixed(0)} ms late\n`);
  const percent = (count: number): string => `${((count * 100) / calls).toFixed(1)} %`;
  const shares = [late, refused, failed].map(percent);
  const numbers = [capacity, calls / SECONDS, goodPerSecond].map((value) => value.toFixed(0));
  return [name, ...numbers, ...shares, p50Ms.toFixed(0), p99Ms.toFixed(0)];
}

await asCommand('overload', 'npm run bench:overload', async () => {
  const rows: string[][] = [];
  await inFolder('overload', async (folder) => {
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-subj', '/CN=overload'];
    const files = ['-keyout', join(folder, 'key'), '-out', join(folder, 'cert')];
    execFileSync('openssl', ['req', '-x509', ...curve, ...files], { stdio: 'pipe' });
    for (const variant of VARIANTS) rows.push(cells(await run(variant, folder)));
  });
  process.stdout.write(`${markdown(HEAD, rows)}\n
Open loop, ${SECONDS} s: GETs of 1 KiB, ${TIMES} times as many as ${CAPACITY.connections} connections got answered in turn; ${CONNECTIONS} connections of the app, open
before. In time: a whole 200 within ${IN_TIME_MS} ms of when the call was due; refused: 503; failed: no answer in ${GIVE_UP_MS / 1_000} s. p50 and
p99 of all 200s. The upstream speaks TLS and closes its connection
after each answer. The proxy has core ${CONTENDER_CORE}, load and upstream core ${LOAD_CORE}.

${machine(outriggerAlone())}\n`);
});
