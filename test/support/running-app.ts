import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createApp } from '../../src/app.js';
import { parseConfig, type LoadOptions } from '../../src/config/load.js';
import { createLogger } from '../../src/observability/logging.js';
import { systemClock } from '../../src/runtime/clock.js';
import type { Random } from '../../src/runtime/random.js';
import type { Lookup } from '../../src/upstream/discovery.js';

export interface RunningApp {
  /** Where calls go. */
  readonly url: string;
  readonly port: number;
  /** The admin address, as a URL. */
  readonly admin: string;
  /** How often an operator asked the process to end. */
  readonly quits: () => number;
  /** The lines of the log so far. */
  logged(): readonly Readonly<Record<string, unknown>>[];
  /** The value of a series, as it is written: `name{label="x"}`; NaN if there is none. */
  metric(series: string): Promise<number>;
  metrics(): Promise<string>;
  /** Ends when what is in flight has ended, as on SIGTERM. */
  drain(): Promise<void>;
  /** Has another policy file in place of the one it has, and asks for a reload. */
  reload(policyFile: string): Promise<{ readonly status: number; readonly body: Readonly<Record<string, unknown>> }>;
}

export interface RunOptions extends Partial<LoadOptions> {
  readonly lookup?: Lookup;
  readonly random?: Random;
  /** What else `admin` says, such as `token: t`. */
  readonly admin?: string;
  /** Silent if left out; debug with `onLog`. */
  readonly logLevel?: string;
  /** Given every line of the log. */
  readonly onLog?: (line: Readonly<Record<string, unknown>>) => void;
}

/** The test's own work is done by the same event loop, and is no reason to refuse calls. */
const PATIENT = 'limits: { maxEventLoopDelay: off }\n';

/** The whole proxy on free ports, by a policy file without addresses; ends with the test. */
export async function startApp(t: TestContext, policyFile: string, options: RunOptions = {}): Promise<RunningApp> {
  const { lookup, random = () => 0.5, admin: access = '', onLog, logLevel, ...loadOptions } = options;
  const level = logLevel ?? (onLog === undefined ? 'silent' : 'debug');
  const withHead = (text: string) => `listen: 127.0.0.1:0
admin: { listen: 127.0.0.1:0, ${access} }
log: { level: ${level} }
${text.includes('limits:') ? '' : PATIENT}${text}`;
  let text = policyFile;
  const load = () => parseConfig(withHead(text), 'policy.yaml', { env: {}, ...loadOptions });
  const config = load();
  const lines: Readonly<Record<string, unknown>>[] = [];
  const logger = createLogger(config.log, {
    write(text) {
      const line = JSON.parse(text) as Readonly<Record<string, unknown>>;
      lines.push(line);
      onLog?.(line);
    },
  });
  const app = createApp({
    config,
    source: { load, files: new Map() },
    logger,
    clock: systemClock,
    random,
    version: '0.0.0',
    ...(lookup === undefined ? {} : { lookup }),
  });
  let quits = 0;
  app.onQuit(() => quits++);
  t.after(() => app.closeNow());
  const { listen, admin } = await app.start();
  const url = listen[0] ?? assert.fail('it listens nowhere');
  const metrics = async () => (await fetch(`${admin}/metrics`)).text();
  return {
    url,
    port: Number(new URL(url).port),
    admin,
    quits: () => quits,
    logged: () => lines,
    metrics,
    drain: () => app.drain(),
    async reload(other) {
      text = other;
      const response = await fetch(`${admin}/-/reload`, { method: 'POST' });
      return { status: response.status, body: (await response.json()) as Readonly<Record<string, unknown>> };
    },
    async metric(series) {
      const line = (await metrics()).split('\n').find((one) => one.startsWith(`outrigger_${series} `));
      return Number(line?.split(' ').at(-1) ?? Number.NaN);
    },
  };
}

/** Waits, two seconds at most, until something holds. */
export async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (let i = 0; i < 200; i++) {
    if (await condition()) return;
    await sleep(10);
  }
  assert.fail(`never: ${what}`);
}
