/**
 * What becomes of an app's calls while its upstream fails in four ways: of Outrigger, of peers where they are installed, and
 * of no proxy at all, one after the other under the same load. --check holds Outrigger to its bounds.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { answers, CONTENDER_CORE, endAll, freePort, LOAD_CORE, startPinned } from '../lib/children.js';
import { asCommand } from '../lib/command-line.js';
import { inFolder } from '../lib/folder.js';
import { node } from '../lib/programs.js';
import { machine, type Participant, takingPart } from '../lib/taking-part.js';
import { missed } from './bounds.js';
import { type Contender, contenders } from './contenders.js';
import { figures } from './judge.js';
import { readOptions, type ScoreboardOptions, USAGE } from './options.js';
import { ATTEMPT_TIMEOUT_MS, BROWNOUT, GIVE_UP_MS, longestSeconds, type Phase, phases, URLS } from './plan.js';
import type { LoadReport } from './records.js';
import { type Row, scoreboard } from './report.js';

/** A load that sends its calls later than this was too slow: what it measured is its own doing. */
const LATEST_MS = 250;

/** A load that hangs is ended so long after it should have. */
const GRACE_SECONDS = 10;

/** The most that the load may print. */
const MOST_BYTES = 16 * 1024 * 1024;

const execute = promisify(execFile);

/** Runs one contender through all phases, with an upstream of its own, so that each meets the same seed. */
async function run(contender: Contender, plan: readonly Phase[], seed: number, folder: string): Promise<Row> {
  try {
    const upstreamPort = await freePort();
    const upstream = startPinned(LOAD_CORE, node('bench/scoreboard/upstream.js', upstreamPort, seed));
    await answers(upstream, upstreamPort);
    let port = upstreamPort;
    if (contender.command !== undefined) {
      port = await freePort();
      const place = { port, upstreamPort, folder: join(folder, contender.name.replaceAll(/\W/g, '-')) };
      await answers(startPinned(CONTENDER_CORE, contender.command(place)), port);
    }
    const { giveUpMs = GIVE_UP_MS } = contender;
    const script = [port, upstreamPort, giveUpMs, JSON.stringify(plan)] as const;
    const report = await load(script, longestSeconds(plan) + GRACE_SECONDS);
    if (report.latestMs > LATEST_MS) {
      process.stderr.write(
        `${contender.name}: a call was sent ${report.latestMs.toFixed(0)} ms late: a busy machine\n`,
      );
    }
    return { contender: contender.name, figures: figures(plan, report) };
  } finally {
    await endAll();
  }
}

async function load(script: readonly [number, number, number, string], mostSeconds: number): Promise<LoadReport> {
  const { file, args } = node('bench/scoreboard/load.js', ...script);
  const options = { timeout: mostSeconds * 1_000, maxBuffer: MOST_BYTES };
  const { stdout } = await execute('taskset', ['-c', String(LOAD_CORE), file, ...args], options);
  return JSON.parse(stdout) as LoadReport;
}

async function main(options: ScoreboardOptions): Promise<void> {
  const taking = takingPart(contenders, options.only);
  const plan = phases(options.quick);
  const rows: Row[] = [];
  await inFolder('scoreboard', async (folder) => {
    for (const { contender } of taking) {
      process.stderr.write(`${contender.name}: about ${longestSeconds(plan)} s\n`);
      rows.push(await run(contender, plan, options.seed, folder));
    }
  });
  process.stdout.write(`${scoreboard(rows)}\n\n${method(options, plan, taking)}\n`);
  if (options.check) check(taking, rows);
}

/** Says which bounds Outrigger misses, and fails then. */
function check(taking: readonly Participant<Contender>[], rows: readonly Row[]): void {
  for (const [index, { contender }] of taking.entries()) {
    if (contender.bounds === undefined) continue;
    for (const each of missed(rows[index]!.figures, contender.bounds)) {
      process.stderr.write(`${contender.name} misses a bound: ${each}\n`);
      process.exitCode = 1;
    }
  }
}

/** How it was measured, and on what. */
function method(options: ScoreboardOptions, plan: readonly Phase[], taking: readonly Participant<Contender>[]): string {
  const { unavailable, reset, never } = BROWNOUT;
  const percent = (share: number): string => `${share * 100} %`;
  const told = plan.map(({ name, seconds, callsPerSecond }) => `${name} ${seconds} s at ${callsPerSecond} calls/s`);
  return [
    `Open loop: GETs of ${URLS} URLs in turn, each sent when it is due and timed from then, given up after ${GIVE_UP_MS / 1_000} s;`,
    `${told.join(', ')}. Brownout: ${percent(unavailable)} of attempts 503, ${percent(reset)} reset,`,
    `${percent(never)} never answered (seed ${options.seed}); outage: all 503; hang: none answered. An attempt may take ${ATTEMPT_TIMEOUT_MS / 1_000} s with all.`,
    'Success: a whole 200. Attempts are counted by the upstream; times are of all calls, good or not. Recovery: from the',
    "upstream's return until each following second has 99 % success; 0: from the first second on.",
    `The proxy has core ${CONTENDER_CORE}, load and upstream core ${LOAD_CORE}; one after the other.`,
    '',
    ...taking.map(({ contender }) => `- ${contender.name}: ${contender.configured}`),
    '',
    machine(taking),
  ].join('\n');
}

await asCommand('scoreboard', USAGE, () => main(readOptions(process.argv.slice(2))));
