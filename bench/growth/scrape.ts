/** How long /metrics takes with many routes and upstreams, and what becomes of calls meanwhile. */
import { type ChildProcess, execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { upstreamCommand } from '../contenders.js';
import { answers, CONTENDER_CORE, endAll, freePort, LOAD_CORE, startPinned } from '../lib/children.js';
import { markdown, median } from '../lib/table.js';
import { policyFile, type Size } from './policies.js';
import type { Probe } from './probed-proxy.js';
import type { Scraped } from './scraper.js';

/** The name of this curve. */
export const METRICS = 'metrics';

const SIZES: readonly Size[] = [
  { routes: 1, upstreams: 1, endpoints: 1 },
  { routes: 200, upstreams: 200, endpoints: 3 },
  { routes: 1_000, upstreams: 200, endpoints: 3 },
];
const WARM_UP_SCRAPES = 5;
const SCRAPES = 20;
/** Between two scrapes, long enough for one to end. */
const PAUSE_MS = 150;

/** One scrape, or as long without one. */
interface Watched {
  readonly scraped: Scraped | undefined;
  readonly longestTurnMs: number;
  readonly slowestCallMs: number;
}

async function ask<Answer>(child: ChildProcess, message: string): Promise<Answer> {
  const answered = once(child, 'message');
  child.send(message);
  const [answer] = (await answered) as [Answer];
  return answer;
}

function started(
  script: string,
  args: readonly string[],
  core: number,
  execArgv: readonly string[] = [],
): ChildProcess {
  const child = fork(fileURLToPath(new URL(script, import.meta.url)), args, { execArgv: [...execArgv] });
  execFileSync('taskset', ['-acp', String(core), String(child.pid)]);
  return child;
}

/** Calls in turn over one connection while something runs; the time that the slowest took, in milliseconds. */
async function slowestCall(url: string, agent: Agent, meanwhile: Promise<unknown>): Promise<number> {
  const over = new AbortController();
  void meanwhile.finally(() => over.abort());
  let slowest = 0;
  while (!over.signal.aborted) {
    const from = performance.now();
    await new Promise((resolve, reject) => {
      get(url, { agent }, (response) => response.resume().once('end', resolve)).once('error', reject);
    });
    slowest = Math.max(slowest, performance.now() - from);
  }
  return slowest;
}

async function measureSize(size: Size, folder: string, upstreamPort: number): Promise<string[]> {
  const file = join(folder, `metrics-${size.routes}.yaml`);
  writeFileSync(file, policyFile(upstreamPort, size));
  const proxy = started('probed-proxy.js', [file], CONTENDER_CORE, ['--max-semi-space-size=2']);
  const scraper = started('scraper.js', [], LOAD_CORE);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  try {
    const [{ listen, admin }] = (await once(proxy, 'message')) as [Extract<Probe, { listen: string }>];
    const watch = async (run: () => Promise<Scraped | undefined>): Promise<Watched> => {
      proxy.send('reset');
      const running = run();
      const slowestCallMs = await slowestCall(listen, agent, running);
      const { longestTurnMs } = await ask<Extract<Probe, { longestTurnMs: number }>>(proxy, 'read');
      return { scraped: await running, longestTurnMs, slowestCallMs };
    };
    const scrape = () => watch(() => ask<Scraped>(scraper, `${admin}/metrics`));
    const first = await scrape();
    for (let i = 1; i < WARM_UP_SCRAPES; i++) await scrape();
    const scrapes: Watched[] = [];
    const quiet: Watched[] = [];
    for (let i = 0; i < SCRAPES; i++) {
      scrapes.push(await scrape());
      quiet.push(await watch(() => delay(PAUSE_MS, undefined)));
    }
    return row(size, first, scrapes, quiet);
  } finally {
    agent.destroy();
    proxy.kill();
    scraper.kill();
  }
}

function row(size: Size, first: Watched, scrapes: readonly Watched[], quiet: readonly Watched[]): string[] {
  const spread = (values: readonly number[]) => `${median(values).toFixed(1)} (${Math.max(...values).toFixed(1)})`;
  const turns = (all: readonly Watched[]) => spread(all.map(({ longestTurnMs }) => longestTurnMs));
  const calls = (all: readonly Watched[]) => spread(all.map(({ slowestCallMs }) => slowestCallMs));
  const { scraped } = scrapes.at(-1)!;
  return [
    `${size.routes.toLocaleString('en')}, ${size.upstreams}, ${size.upstreams * (size.endpoints ?? 1)}`,
    (scraped?.samples ?? 0).toLocaleString('en'),
    ((scraped?.bytes ?? 0) / 1e6).toFixed(2),
    first.scraped?.ms.toFixed(0) ?? '-',
    spread(scrapes.map((one) => one.scraped?.ms ?? NaN)),
    turns(scrapes),
    turns(quiet),
    calls(scrapes),
    calls(quiet),
  ];
}

/** The curve as a table: medians over the scrapes, and the highest in brackets. */
export async function scrapeTable(folder: string): Promise<string> {
  const upstreamPort = await freePort();
  const { command } = upstreamCommand(upstreamPort, join(folder, 'metrics'), { answerBytes: 1_024, uploadBytes: 0 });
  await answers(startPinned(LOAD_CORE, command), upstreamPort);
  const rows: string[][] = [];
  for (const size of SIZES) rows.push(await measureSize(size, folder, upstreamPort));
  await endAll();
  const head = [
    'routes, upstreams, endpoints',
    'samples',
    'MB',
    'first scrape, ms',
    'a scrape, ms',
    'longest turn meanwhile, ms',
    'without',
    'slowest call meanwhile, ms',
    'without',
  ];
  return `## /metrics: medians (and the most) of ${SCRAPES} scrapes, and of pauses of ${PAUSE_MS} ms without\n\n${markdown(head, rows)}`;
}
