/**
 * What a call costs: CPU time, latency and memory of Outrigger, of stock @fastify/http-proxy, of raw TCP forwarding in Node,
 * and of other proxies where they are installed. In each scenario all are started afresh, run side by side and are measured
 * in turn, in several rounds, and compared within each round: on a machine with other work to do, only ratios mean something.
 */
import { join } from 'node:path';
import { type Contender, contenders, upstreamCommand } from './contenders.js';
import { answers, CONTENDER_CORE, endAll, freePort, LOAD_CORE, startPinned } from './lib/children.js';
import { asCommand } from './lib/command-line.js';
import { inFolder } from './lib/folder.js';
import { type LoadGenerator, loadGenerator } from './lib/load.js';
import { measure, type Measured } from './lib/measure.js';
import { type BenchOptions, readOptions, USAGE } from './lib/options.js';
import { aimTable, type Measurement, resultTable } from './lib/table.js';
import { machine, type Participant, takingPart } from './lib/taking-part.js';
import { chosen, type Scenario } from './scenarios.js';

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

interface Bench {
  readonly options: BenchOptions;
  readonly load: LoadGenerator;
  readonly taking: readonly Participant<Contender>[];
  /** For everybody's files. */
  readonly folder: string;
}

function measuredOf({ name, pid, port }: Runner, scenario: Scenario, { warmup, seconds }: BenchOptions): Measured {
  const { connections, uploadBytes } = scenario;
  const url = `http://127.0.0.1:${port}/`;
  return { contender: name, pid, url, connections, requests: { uploadBytes }, warmup, seconds };
}

/** All contenders in one scenario. Returns what goes out. */
async function play(scenario: Scenario, bench: Bench): Promise<string> {
  const { options, load } = bench;
  const folder = join(bench.folder, scenario.name);
  const upstreamPort = await freePort();
  const upstream = upstreamCommand(upstreamPort, join(folder, 'upstream'), scenario);
  await answers(startPinned(LOAD_CORE, upstream.command), upstreamPort);
  const runners: Runner[] = [];
  for (const { contender } of bench.taking) {
    if (!scenario.without.includes(contender.name)) runners.push(await start(contender, upstreamPort, folder));
  }
  const all: Measurement[] = [];
  for (let round = 0; round < options.rounds; round++) {
    // Each round starts with another one, so that none is always the first after a pause.
    for (let turn = 0; turn < runners.length; turn++) {
      const runner = runners[(round + turn) % runners.length]!;
      const measurement = await measure(load, measuredOf(runner, scenario, options), round);
      const { contender, cpuPerCallUs } = measurement;
      process.stderr.write(`${scenario.name} ${round + 1}: ${contender}: ${cpuPerCallUs.toFixed(1)} µs a call\n`);
      all.push(measurement);
    }
  }
  await endAll();
  return [
    `## ${scenario.name}: ${scenario.title}`,
    resultTable(all, scenario.columns, scenario.order),
    aimTable(all, scenario.aims),
    `Load ${load.name}, upstream ${upstream.name}.`,
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

async function main(options: BenchOptions): Promise<void> {
  const wanted = chosen(options.scenarios);
  const taking = takingPart(contenders, options.only);
  await inFolder('bench', async (folder) => {
    for (const scenario of wanted) {
      process.stdout.write(`${await play(scenario, { options, load: loadGenerator(), taking, folder })}\n\n`);
    }
    process.stdout.write(`${method(options)}\n\n${machine(taking)}\n`);
  });
}

/** How it was measured: a number without it means nothing. */
function method({ rounds, warmup, seconds }: BenchOptions): string {
  return [
    `CPU: user and system time of the proxy's process from /proc, per call, connections kept alive; the proxy pinned to core`,
    `${CONTENDER_CORE}, load and upstream to core ${LOAD_CORE}; ${rounds} round(s), all in turn in each, ${warmup} s of warm-up and ${seconds} s counted. Figures are medians`,
    'over the rounds, comparisons medians of those within each round; memory is the highest that the process, started for',
    'this scenario, has ever held; errors are summed up. nginx hands bodies on as they come, as the others do; "buffering to',
    'disk" is nginx as it comes.',
  ].join('\n');
}

await asCommand('bench', USAGE, () => main(readOptions(process.argv.slice(2))));
