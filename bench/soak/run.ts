/**
 * A load that lasts, against an upstream that fails a quarter of its attempts: does anything grow?
 * `npm run soak -- [--seconds 60] [--rate 2000]`; exits with 1 when the heap after a forced collection is over 10 % above
 * where it was after the warm-up, or when Node complained.
 */
import { execFile, fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cpus } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { answers, endAll, freePort, LOAD_CORE, startPinned } from '../lib/children.js';
import { node } from '../lib/programs.js';
import { GIVE_UP_MS, type Phase } from '../scoreboard/plan.js';
import type { LoadReport } from '../scoreboard/records.js';
import type { Measure } from './proxy.js';

const WARM_UP_SECONDS = 10;
/** Idle connections and what waits for them are gone after so long. */
const SETTLE_MS = 7_000;
const MOST_GROWTH = 1.1;
const SAMPLE_EVERY_MS = 5_000;
const MOST_BYTES = 512 * 1024 * 1024;

const execute = promisify(execFile);

async function measure(proxy: ChildProcess): Promise<Measure> {
  const answered = once(proxy, 'message');
  proxy.send('measure');
  const [told] = (await answered) as [Measure];
  return told;
}

async function load(port: number, upstreamPort: number, seconds: number, callsPerSecond: number): Promise<LoadReport> {
  const phase: Phase = { name: 'brownout', mode: 'brownout', seconds, callsPerSecond };
  const { file, args } = node('bench/scoreboard/load.js', port, upstreamPort, GIVE_UP_MS, JSON.stringify([phase]));
  const options = { timeout: (seconds + 30) * 1_000, maxBuffer: MOST_BYTES };
  const { stdout } = await execute('taskset', ['-c', String(LOAD_CORE), file, ...args], options);
  return JSON.parse(stdout) as LoadReport;
}

const mib = (bytes: number): string => (bytes / 1024 / 1024).toFixed(1);

async function main(seconds: number, rate: number): Promise<number> {
  const [port, upstreamPort] = [await freePort(), await freePort()];
  const upstream = startPinned(LOAD_CORE, node('bench/scoreboard/upstream.js', upstreamPort, 1));
  await answers(upstream, upstreamPort);
  const proxy = fork(fileURLToPath(new URL('proxy.js', import.meta.url)), [String(port), String(upstreamPort)], {
    execArgv: ['--expose-gc'],
  });
  let peak = 0;
  try {
    await answers(proxy, port);
    await load(port, upstreamPort, WARM_UP_SECONDS, rate);
    await delay(SETTLE_MS);
    const before = await measure(proxy);
    const watch = setInterval(
      () => void measure(proxy).then(({ rss }) => (peak = Math.max(peak, rss))),
      SAMPLE_EVERY_MS,
    );
    const report = await load(port, upstreamPort, seconds, rate);
    clearInterval(watch);
    await delay(SETTLE_MS);
    const after = await measure(proxy);
    const answered = report.calls.filter(([, , , status]) => status === 200).length;
    const growth = after.heap / before.heap;
    process.stdout.write(
      `| | before | after |\n| --- | ---: | ---: |\n` +
        `| heap after a forced collection, MiB | ${mib(before.heap)} | ${mib(after.heap)} |\n` +
        `| resident memory, MiB | ${mib(before.rss)} | ${mib(after.rss)} |\n` +
        `| open resources | ${before.resources} | ${after.resources} |\n\n` +
        `${report.calls.length} calls in ${seconds} s, ${((answered / report.calls.length) * 100).toFixed(2)} % answered with 200; ` +
        `peak resident memory ${mib(peak)} MiB; heap ${((growth - 1) * 100).toFixed(1)} %; ` +
        `${after.complaints.length} complaints of Node.\n${after.complaints.join('\n')}\nNode ${process.version}, ${cpus().length} cores.\n`,
    );
    return growth <= MOST_GROWTH && after.complaints.length === 0 ? 0 : 1;
  } finally {
    proxy.kill();
    await endAll();
  }
}

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '60' }, rate: { type: 'string', default: '2000' } },
});
process.exitCode = await main(Number(values.seconds), Number(values.rate));
