/**
 * The program as it is shipped, between an app that makes all kinds of calls and a service behind a bad network, through all
 * faults by turns: is anything wrong, lost, late, done twice, or left behind?
 * `npm run chaos -- [--minutes 2] [--rate 120] [--seed 1]`; exits with 1 when something is not as promised.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { seededRandom } from '../../src/simulation/seeded-random.js';
import { compiled } from '../support/child.js';
import { FAULTS } from '../support/fault-relay.js';
import type { FarSideReport, ToFarSide, Weather } from './far-side.js';
import { Load } from './load.js';
import { ProxyProcess, type Holding } from './proxy.js';
import { failures, summary, Tally } from './report.js';
import { Stalls } from './stalls.js';

/** All faults once, before what the process holds is taken for the start. */
const WARM_UP_SECONDS = 12;
/** Idle connections and what waits for them are gone after so long. */
const SETTLE_SECONDS = 7;
/** Fair weather at the end: the first of it for circuits to close. */
const RECOVER_SECONDS = 4;
const CALM_SECONDS = 3;
/** A fault, and fair weather after it, in a round through all of them. */
const TURN_SECONDS = 4;
const FAIR_SHARE = 0.25;
const MOST_MINUTES = 120;

const ROUND: readonly Weather[] = [...FAULTS, 'mixed'];

class FarSide {
  readonly #process: ChildProcess;
  readonly port: number;
  weather: Weather = 'none';

  private constructor(process: ChildProcess, port: number) {
    this.#process = process;
    this.port = port;
  }

  static async start(seed: number): Promise<FarSide> {
    const child = fork(compiled('test/chaos/far-side'), [String(seed)]);
    const [port] = (await once(child, 'message')) as [number];
    return new FarSide(child, port);
  }

  turn(weather: Weather): void {
    this.weather = weather;
    this.#say({ weather });
  }

  async report(): Promise<FarSideReport> {
    const answered = once(this.#process, 'message');
    this.#say('report');
    const [report] = (await answered) as [FarSideReport];
    return report;
  }

  end(): void {
    this.#process.disconnect();
  }

  #say(message: ToFarSide): void {
    this.#process.send(message);
  }
}

/** Through all faults, as often as they fit in, each followed by fair weather. */
async function weather(far: FarSide, seconds: number): Promise<void> {
  const rounds = Math.max(1, Math.round(seconds / (ROUND.length * TURN_SECONDS)));
  const turnMs = (seconds * 1_000) / (rounds * ROUND.length);
  for (let round = 0; round < rounds; round++) {
    for (const fault of ROUND) {
      far.turn(fault);
      await sleep(turnMs * (1 - FAIR_SHARE));
      far.turn('none');
      await sleep(turnMs * FAIR_SHARE);
    }
  }
}

async function main(minutes: number, rate: number, seed: number): Promise<number> {
  const far = await FarSide.start(seed);
  const proxy = await ProxyProcess.start(far.port);
  const stalls = new Stalls(proxy.pid);
  try {
    const drive = async (seed: number, tally: Tally, during: () => Promise<void>): Promise<number> => {
      const load = new Load(proxy.port, seededRandom(seed), stalls, (ended) => tally.add(ended, far.weather));
      load.start(rate);
      await during();
      await load.stop();
      return load.skipped;
    };
    const settled = async (): Promise<Holding> => {
      await sleep(SETTLE_SECONDS * 1_000);
      return proxy.holds();
    };

    await drive(seed, new Tally(), () => weather(far, WARM_UP_SECONDS));
    const before = await settled();
    const started = performance.now();
    const tally = new Tally();
    const skipped = await drive(seed + 1, tally, () => weather(far, minutes * 60));
    const seconds = (performance.now() - started) / 1_000;
    await drive(seed + 2, tally, () => sleep(RECOVER_SECONDS * 1_000));
    const calm = new Tally();
    await drive(seed + 3, calm, () => sleep(CALM_SECONDS * 1_000));
    const after = await settled();
    const report = await far.report();
    const exitCode = await proxy.end();
    const found = { seconds, tally, calm, far: report, before, after, skipped, exitCode, errors: proxy.errors };
    const findings = { ...found, longestStallMs: stalls.longestMs };
    process.stdout.write(`${summary(findings)}\n`);
    const failed = failures(findings);
    for (const what of failed) process.stdout.write(`FAILED: ${what}\n`);
    return failed.length === 0 ? 0 : 1;
  } finally {
    stalls.stop();
    await proxy.end();
    far.end();
  }
}

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '2' },
    rate: { type: 'string', default: '120' },
    seed: { type: 'string', default: '1' },
  },
});
const minutes = Number(values.minutes);
if (!(minutes > 0 && minutes <= MOST_MINUTES)) throw new RangeError(`--minutes is above 0 and at most ${MOST_MINUTES}`);
process.exitCode = await main(minutes, Number(values.rate), Number(values.seed));
