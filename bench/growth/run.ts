/**
 * What a call costs as things grow: connections, bodies, routes, upstreams, keys; and how long /metrics takes then. The
 * points of a curve are started together and measured in turn, in several rounds: a cliff shows in the ratios.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { upstreamCommand } from '../contenders.js';
import { answers, CONTENDER_CORE, endAll, freePort, LOAD_CORE, startPinned, type Command } from '../lib/children.js';
import { asCommand } from '../lib/command-line.js';
import { inFolder } from '../lib/folder.js';
import { loadGenerator, type Requests } from '../lib/load.js';
import { measure, type Measured } from '../lib/measure.js';
import { nginx, node, outrigger, versions } from '../lib/programs.js';
import { compared, markdown, type Measurement, median } from '../lib/table.js';
import { machine, takingPart } from '../lib/taking-part.js';
import { type Curve, curveNamed, curves, type Point, type Proxy } from './curves.js';
import { type GrowthOptions, readGrowthOptions, USAGE } from './options.js';
import { METRICS, scrapeTable } from './scrape.js';

interface Runner {
  readonly point: Point;
  readonly pid: number;
  readonly url: string;
  readonly requests: Requests;
}

/** The upstream of a curve's points by what it is to do. */
type Upstreams = Map<string, number>;

async function start(point: Point, folder: string, upstreams: Upstreams): Promise<Runner> {
  mkdirSync(folder, { recursive: true });
  const port = await freePort();
  const upstreamPort = await upstreamFor(point, folder, upstreams);
  const child = startPinned(CONTENDER_CORE, commandFor(point.proxy, folder, port, upstreamPort));
  await answers(child, port);
  const { uploadBytes, requests } = point;
  const file = join(folder, 'requests');
  if (requests !== undefined) writeFileSync(file, `${requests.join('\n')}\n`);
  return {
    point,
    pid: child.pid ?? 0,
    url: `http://127.0.0.1:${port}/r0/item`,
    requests: requests === undefined ? { uploadBytes } : { file },
  };
}

function commandFor(proxy: Proxy, folder: string, port: number, upstreamPort: number): Command {
  if (proxy.name === 'raw TCP') return node('bench/contenders/tcp-forward.js', port, upstreamPort);
  if (proxy.name === 'Outrigger') {
    const policyFile = join(folder, 'policy.yaml');
    writeFileSync(policyFile, proxy.policy(upstreamPort));
    return outrigger(policyFile, port, {});
  }
  const each = (line: (i: number) => string): string =>
    Array.from({ length: proxy.upstreams }, (_, i) => line(i)).join('\n');
  return nginx('bench/contenders/nginx-many.conf', folder, {
    PORT: port,
    UPSTREAMS: each(
      (i) => `upstream u${i} { server 127.0.0.1:${upstreamPort}; keepalive 64; keepalive_requests 1000000000; }`,
    ),
    LOCATIONS: each((i) => `location /r${i}/ { proxy_pass http://u${i}; }`),
  });
}

async function upstreamFor(point: Point, folder: string, upstreams: Upstreams): Promise<number> {
  const { answerBytes, uploadBytes } = point;
  const kind = `${answerBytes} ${uploadBytes > 0}`;
  const known = upstreams.get(kind);
  if (known !== undefined) return known;
  const port = await freePort();
  const { command } = upstreamCommand(port, join(folder, 'upstream'), { answerBytes, uploadBytes });
  await answers(startPinned(LOAD_CORE, command), port);
  upstreams.set(kind, port);
  return port;
}

function measuredOf({ point, pid, url, requests }: Runner, { warmup, seconds }: GrowthOptions): Measured {
  const { label, connections, warmups = 1 } = point;
  return { contender: label, pid, url, connections, requests, warmup: warmup * warmups, seconds };
}

async function measureCurve(curve: Curve, options: GrowthOptions, folder: string): Promise<string> {
  const upstreams: Upstreams = new Map();
  const runners: Runner[] = [];
  for (const [i, point] of curve.points.filter(canTakePart).entries()) {
    runners.push(await start(point, join(folder, `${curve.name}-${i}`), upstreams));
  }
  const load = loadGenerator();
  const all: Measurement[] = [];
  for (let round = 0; round < options.rounds; round++) {
    for (let turn = 0; turn < runners.length; turn++) {
      const one = await measure(load, measuredOf(runners[(round + turn) % runners.length]!, options), round);
      process.stderr.write(`${curve.name} ${round + 1}: ${one.contender}: ${one.cpuPerCallUs.toFixed(1)} µs a call\n`);
      all.push(one);
    }
  }
  await endAll();
  return `## ${curve.title}\n\n${table(curve, all)}`;
}

function canTakePart({ proxy }: Point): boolean {
  return proxy.name !== 'nginx' || versions.nginx() !== undefined;
}

/** A row for each point; what raw TCP forwarding costs is in the ratios. */
function table({ base, points }: Curve, all: readonly Measurement[]): string {
  const head = ['', 'CPU per call, µs', 'lowest–highest', base, 'calls/s', 'p50, ms', 'p99, ms', 'peak memory, MB'];
  const rows = points
    .filter((point) => point.proxy.name !== 'raw TCP' && canTakePart(point))
    .map((point) => {
      const own = all.filter(({ contender }) => contender === point.label);
      const middle = (pick: (one: Measurement) => number, digits: number) => median(own.map(pick)).toFixed(digits);
      const costs = own.map((one) => one.cpuPerCallUs);
      const ratio = compared(all, point.label, point.base, (one, other) => one.cpuPerCallUs / other.cpuPerCallUs);
      const errors = own.reduce((sum, one) => sum + one.errors, 0);
      return [
        errors === 0 ? point.label : `${point.label} (${errors} errors)`,
        middle((one) => one.cpuPerCallUs, 1),
        `${Math.min(...costs).toFixed(1)}–${Math.max(...costs).toFixed(1)}`,
        ratio?.toFixed(2) ?? '',
        middle((one) => one.callsPerSecond, 0),
        middle((one) => one.p50Ms, 2),
        middle((one) => one.p99Ms, 2),
        Math.max(...own.map((one) => one.peakMemoryMb)).toFixed(0),
      ];
    });
  return markdown(head, rows);
}

async function main(options: GrowthOptions): Promise<void> {
  const all = options.curves.length === 0;
  const wanted = all ? curves : options.curves.filter((name) => name !== METRICS).map(curveNamed);
  const taking = takingPart([{ name: 'Outrigger', version: versions.outrigger }], []);
  await inFolder('growth', async (folder) => {
    for (const curve of wanted) process.stdout.write(`${await measureCurve(curve, options, folder)}\n\n`);
    if (all || options.curves.includes(METRICS)) process.stdout.write(`${await scrapeTable(folder)}\n\n`);
    process.stdout.write(`${method(options)}\n\n${machine(taking)}\n`);
  });
}

/** How it was measured: a number without it means nothing. */
function method({ rounds, warmup, seconds }: GrowthOptions): string {
  return [
    "CPU: user and system time of the proxy's process from /proc, per call. GETs of 1 KiB over 32 kept connections where",
    `nothing else is said, bodies over 1 MiB over 4; the proxy pinned to core ${CONTENDER_CORE}, load (${loadGenerator().name}) and upstream to`,
    `core ${LOAD_CORE}; ${rounds} round(s), all points of a curve in turn in each, ${warmup} s of warm-up (more where calls are spread over upstreams) and ${seconds} s counted. Figures are medians over`,
    'the rounds, ratios medians of those within each round; memory is the highest ever.',
  ].join('\n');
}

await asCommand('bench', USAGE, () => main(readGrowthOptions(process.argv.slice(2))));
