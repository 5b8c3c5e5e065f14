/**
 * What a call costs: CPU time of Outrigger, of stock @fastify/http-proxy, of raw TCP forwarding in Node, and of other
 * proxies where they are installed. All run side by side and are measured in turn, in several rounds, as ratios: on a
 * machine with other work to do, only these mean something.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Contender, contenders, DEFAULTS, STOCK, TCP, upstreamCommand } from './contenders.js';
import { answers, CONTENDER_CORE, endAll, freePort, LOAD_CORE, startPinned } from './lib/children.js';
import { type LoadGenerator, loadGenerator } from './lib/load.js';
import { type BenchOptions, readOptions, USAGE } from './lib/options.js';
import { cpuMicroseconds, peakMemoryMiB } from './lib/proc-cpu.js';
import { type Measurement, resultTable } from './lib/table.js';
import { machine, type Participant, takingPart } from './lib/taking-part.js';

const BODY_BYTES = 1_024;

interface Runner {
  readonly name: string;
  readonly pid: number;
  readonly port: number;
}

async function start(contender: Contender, upstreamPort: number, folder: string): Promise<Runner> {
  const port = await freePort();
  const place = { port, upstreamPort, folder: join(folder, contender.name.replaceAll(/\W/g, '-')) };
  const child = startPinned(CONTENDER_CORE, contender.command(place));
  await answers(child, port);
  return { name: contender.name, pid: child.pid ?? 0, port };
}

async function measure(
  runner: Runner,
  round: number,
  load: LoadGenerator,
  options: BenchOptions,
): Promise<Measurement> {
  const url = `http://127.0.0.1:${runner.port}/`;
  await load.run(url, options.connections, options.warmup);
  const before = cpuMicroseconds(runner.pid);
  const result = await load.run(url, options.connections, options.seconds);
  const used = cpuMicroseconds(runner.pid) - before;
  return {
    contender: runner.name,
    round,
    cpuPerCallUs: used / result.calls,
    callsPerSecond: result.calls / result.seconds,
    p50Ms: result.p50Ms,
    p99Ms: result.p99Ms,
    errors: result.errors,
    peakMemoryMiB: peakMemoryMiB(runner.pid),
  };
}

async function bench(options: BenchOptions): Promise<void> {
  const taking = takingPart(contenders, options.only);
  const load = loadGenerator();
  const folder = mkdtempSync(join(tmpdir(), 'outrigger-bench-'));
  try {
    const upstreamPort = await freePort();
    const upstream = upstreamCommand(upstreamPort, join(folder, 'upstream'), 'x'.repeat(BODY_BYTES));
    await answers(startPinned(LOAD_CORE, upstream.command), upstreamPort);
    const runners: Runner[] = [];
    for (const { contender } of taking) runners.push(await start(contender, upstreamPort, folder));

    const all: Measurement[] = [];
    for (let round = 0; round < options.rounds; round++) {
      // Each round starts with another one, so that none is always the first after a pause.
      for (let turn = 0; turn < runners.length; turn++) {
        const measurement = await measure(runners[(round + turn) % runners.length]!, round, load, options);
        process.stderr.write(
          `round ${round + 1}: ${measurement.contender}: ${measurement.cpuPerCallUs.toFixed(1)} µs a call\n`,
        );
        all.push(measurement);
      }
    }
    process.stdout.write(
      `${resultTable(all, [TCP, STOCK, DEFAULTS])}\n\n${method(options, load, upstream.name, taking)}\n`,
    );
  } finally {
    await endAll();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** How it was measured, and on what: a number without it means nothing. */
function method(
  options: BenchOptions,
  load: LoadGenerator,
  upstream: string,
  taking: readonly Participant<Contender>[],
): string {
  return [
    `CPU: user and system time of the proxy's process from /proc, per call. GET of ${BODY_BYTES} bytes, keep-alive,`,
    `${options.connections} connections; the proxy pinned to core ${CONTENDER_CORE}, load (${load.name}) and upstream (${upstream}) to core`,
    `${LOAD_CORE}; ${options.rounds} round(s), all in turn in each, ${options.warmup} s of warm-up and ${options.seconds} s counted. Figures are medians over the rounds,`,
    'ratios medians of the ratios within each round, memory and errors the highest and the sum.',
    '',
    machine(taking),
  ].join('\n');
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void endAll().finally(() => process.exit(1)));
}

try {
  if (process.platform !== 'linux' || cpus().length < 2) throw new Error('it needs Linux and two cores');
  await bench(readOptions(process.argv.slice(2)));
} catch (error) {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n${USAGE}\n`);
  process.exitCode = 1;
}
