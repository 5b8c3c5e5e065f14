/**
 * A load that lasts, at half of what the proxy can do, against an upstream that fails (plan.ts): does anything grow?
 * `npm run soak -- [--seconds 600] [--rate CALLS_PER_SECOND] [--window SECONDS]`; exits with 1 when memory, descriptors or
 * p99 grew, or Node complained.
 *
 * The proxy is pinned to one core, load and upstream to the other. What it can do is found out at the beginning, with the
 * same faults. Percentiles are those of calls that took one attempt, from sending to the head.
 * /metrics is scraped every five seconds.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { answers, CONTENDER_CORE, endAll, freePort, LOAD_CORE, startPinned } from '../lib/children.js';
import { asCommand } from '../lib/command-line.js';
import { loadGenerator } from '../lib/load.js';
import { AS_IN_THE_IMAGE, node, outriggerAlone } from '../lib/programs.js';
import { machine } from '../lib/taking-part.js';
import { judge, mean, SPARE_DESCRIPTORS, verdictTable, windowTable } from './judge.js';
import { FAULTS, type LoadWindow, type Measure, type SoakWindow } from './plan.js';

const WARM_UP_SECONDS = 15;
/** Idle connections and what waits for them are gone after so long. */
const SETTLE_MS = 7_000;
/** A machine that is busy with other things may need longer; what is still there after so long is a leak. */
const LONGEST_SETTLE_MS = 60_000;
/** Enough for those that hang, or wait for their next attempt. */
const SATURATING_CONNECTIONS = 512;
const SAMPLE_EVERY_MS = 250;
const SCRAPE_EVERY_MS = 5_000;

interface Proxy {
  readonly process: ChildProcess;
  readonly port: number;
  readonly adminPort: number;
}

interface Load {
  readonly callsPerSecond: number;
  readonly seconds: number;
  readonly windowSeconds: number;
}

async function startProxy(upstreamPort: number): Promise<Proxy> {
  const [port, adminPort] = [await freePort(), await freePort()];
  const { file, args } = node('bench/soak/proxy.js', port, adminPort, upstreamPort);
  // taskset becomes node, which keeps the channel.
  const process = spawn(
    'taskset',
    ['-c', String(CONTENDER_CORE), file, '--expose-gc', ...AS_IN_THE_IMAGE.flags, ...args],
    { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], env: { ...globalThis.process.env, ...AS_IN_THE_IMAGE.env } },
  );
  await answers(process, port);
  return { process, port, adminPort };
}

async function measure({ process }: Proxy, collect: boolean): Promise<Measure> {
  const answered = once(process, 'message');
  process.send({ collect });
  const [told] = (await answered) as [Measure];
  return told;
}

/** Measured when the load is over and no more descriptors are open than that, or when that takes too long. */
async function atRest(proxy: Proxy, descriptors: number): Promise<Measure> {
  const until = Date.now() + LONGEST_SETTLE_MS;
  await delay(SETTLE_MS);
  for (;;) {
    const measured = await measure(proxy, true);
    if (measured.descriptors <= descriptors || Date.now() > until) return measured;
    await delay(1_000);
  }
}

/** Calls per second that it can do, faults included. */
async function saturation({ port }: Proxy): Promise<number> {
  const load = loadGenerator();
  const url = `http://127.0.0.1:${port}/item`;
  await load.run(url, SATURATING_CONNECTIONS, 3);
  const { calls, seconds } = await load.run(url, SATURATING_CONNECTIONS, 5);
  return calls / seconds;
}

/** Puts the proxy under load, and looks at it meanwhile. */
async function soak(proxy: Proxy, load: Load): Promise<SoakWindow[]> {
  const { callsPerSecond, seconds, windowSeconds } = load;
  const command = node('bench/soak/load.js', proxy.port, callsPerSecond, seconds, windowSeconds);
  const child = startPinned(LOAD_CORE, command);
  const windows: SoakWindow[] = [];
  let samples: Measure[] = [];
  createInterface({ input: child.stdout! }).on('line', (line) => {
    const window = { ...(JSON.parse(line) as LoadWindow), ...summary(samples) };
    windows.push(window);
    samples = [];
    process.stderr.write(`${windowTable([window]).split('\n').at(-1)}\n`);
  });
  const sampling = setInterval(
    () => void measure(proxy, false).then((sample) => samples.push(sample)),
    SAMPLE_EVERY_MS,
  );
  const scraping = setInterval(() => void scrape(proxy), SCRAPE_EVERY_MS);
  await once(child, 'close');
  clearInterval(sampling);
  clearInterval(scraping);
  // The calls that were still under way at the end are no window of their own.
  return windows.slice(0, Math.max(1, Math.floor(seconds / windowSeconds)));
}

function summary(samples: readonly Measure[]): Pick<SoakWindow, 'rss' | 'heapFloor' | 'descriptors'> {
  return {
    rss: Math.max(...samples.map(({ rss }) => rss)),
    heapFloor: Math.min(...samples.map(({ heap }) => heap)),
    descriptors: mean(samples.map(({ descriptors }) => descriptors)),
  };
}

async function scrape({ adminPort }: Proxy): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${adminPort}/metrics`);
  await response.text();
}

async function main(seconds: number, rate: number | undefined, windowSeconds: number): Promise<boolean> {
  const upstreamPort = await freePort();
  const upstream = startPinned(LOAD_CORE, node('bench/soak/upstream.js', upstreamPort, 1));
  await answers(upstream, upstreamPort);
  const proxy = await startProxy(upstreamPort);
  try {
    const { descriptors } = await measure(proxy, true);
    const most = await saturation(proxy);
    const callsPerSecond = rate ?? Math.round(most / 2);
    process.stderr.write(`at most ${most.toFixed(0)} calls/s; the load is ${callsPerSecond}\n`);
    await soak(proxy, { callsPerSecond, seconds: WARM_UP_SECONDS, windowSeconds: WARM_UP_SECONDS });
    const before = await atRest(proxy, descriptors + SPARE_DESCRIPTORS);
    const windows = await soak(proxy, { callsPerSecond, seconds, windowSeconds });
    const after = await atRest(proxy, before.descriptors + SPARE_DESCRIPTORS);
    const verdicts = judge(windows, before, after);
    const faults = Object.entries(FAULTS).map(([name, share]) => `${name} ${(share * 100).toFixed(1)} %`);
    process.stdout.write(
      `${windowTable(windows)}\n\n${verdictTable(verdicts)}\n\n` +
        `${callsPerSecond} calls/s of ${most.toFixed(0)} that it can do, ${seconds} s in windows of ${windowSeconds} s. ` +
        `Attempts that go wrong: ${faults.join(', ')}.\n${after.complaints.join('\n')}\n` +
        `${machine(outriggerAlone())}\n`,
    );
    return verdicts.every(({ holds }) => holds);
  } finally {
    proxy.process.kill();
    await endAll();
  }
}

await asCommand('soak', 'npm run soak -- [--seconds S] [--rate CALLS_PER_SECOND] [--window S]', async () => {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '600' },
      rate: { type: 'string' },
      window: { type: 'string', default: '30' },
    },
  });
  const rate = values.rate === undefined ? undefined : Number(values.rate);
  if (!(await main(Number(values.seconds), rate, Number(values.window)))) process.exitCode = 1;
});
