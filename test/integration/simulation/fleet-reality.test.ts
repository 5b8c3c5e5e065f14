/**
 * A simulated fleet against reality: three sidecars over sockets before a server of limited capacity, whose queue and
 * workers are those of the simulation on the machine's clock. What `outrigger simulate` says of them must come true.
 */
import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { LimitedUpstream } from '../../../src/fleet/limited-upstream.js';
import { simulate } from '../../../src/fleet/result.js';
import { phasesOf, type Scenario } from '../../../src/fleet/scenario.js';
import { systemClock } from '../../../src/runtime/clock.js';
import { seededRandom } from '../../../src/simulation/seeded-random.js';
import { startUpstream } from '../../support/http-upstream.js';
import { load, policyFile } from '../../support/policy-file.js';
import { startApp } from '../../support/running-app.js';

const SCENARIO: Scenario = {
  fleet: 3,
  rate: 20,
  capacity: 90,
  latencyMs: 20,
  fault: 'slow',
  outageSeconds: 4,
  brownout: 0,
  seed: 1,
  baselineSeconds: 1,
  recoverySeconds: 4,
};
const ROUTE = 'attemptTimeout: 250ms\nretry: { backoff: { base: 50ms } }';
const SEEDS = 30;
/** A machine that stands still for longer is none that the scenario speaks of: then it is played anew. */
const MOST_LATE_MS = 150;
const ROUNDS = 3;
/** Beyond what chance does to the simulation: a busy machine has delays, and the simulation has none. */
const TOLERANCE = 0.05;

interface Outcome {
  readonly attemptsPerCall: number;
  readonly success: number;
}

/** Of many runs, as one is a matter of chance. */
function said(): Record<keyof Outcome, readonly number[]> {
  const config = load(policyFile({ route: ROUTE }));
  const runs = Array.from({ length: SEEDS }, (_, seed) => {
    const { seconds } = simulate('policy', config.routes[0]!, config, { ...SCENARIO, seed });
    const sum = (figure: 'calls' | 'successes' | 'attempts') => seconds.reduce((total, at) => total + at[figure], 0);
    return { attemptsPerCall: sum('attempts') / sum('calls'), success: sum('successes') / sum('calls') };
  });
  const sorted = (figure: keyof Outcome) => runs.map((run) => run[figure]).sort((a, b) => a - b);
  return { attemptsPerCall: sorted('attemptsPerCall'), success: sorted('success') };
}

async function came(t: TestContext): Promise<Outcome & { readonly lateMs: number }> {
  const { capacity, latencyMs, fleet, rate } = SCENARIO;
  const limited = new LimitedUpstream({ capacity, latencyMs, clock: systemClock, random: seededRandom(7) });
  const dispatch = limited.dispatch(200);
  const upstream = await startUpstream((response) => {
    dispatch({ method: 'GET', path: '/' }, { onResponseStart: (_, status) => answer(response, status) });
  });
  t.after(() => upstream.close());
  const apps = await Promise.all(
    Array.from({ length: fleet }, (_, seed) =>
      startApp(t, policyFile({ route: ROUTE }).replace('http://a.internal', upstream.origin), {
        random: seededRandom(seed),
      }),
    ),
  );
  const chance = seededRandom(3);
  const startedAt = systemClock.now();
  const calls: Promise<number>[] = [];
  let lateMs = 0;
  let due = 0;
  for (const { name, to } of phasesOf(SCENARIO)) {
    limited.fault = name === 'outage' ? SCENARIO.fault : undefined;
    for (let now = 0; now < to * 1_000;) {
      const before = systemClock.now();
      await sleep(5);
      lateMs = Math.max(lateMs, systemClock.now() - before - 5);
      now = systemClock.now() - startedAt;
      for (; due < Math.min(now, to * 1_000); due += (-Math.log(1 - chance()) * 1_000) / (fleet * rate)) {
        calls.push(statusOf(apps[Math.floor(chance() * fleet)]!.url));
      }
    }
  }
  const statuses = await Promise.all(calls);
  return {
    lateMs,
    attemptsPerCall: upstream.seen.length / calls.length,
    success: statuses.filter((status) => status === 200).length / calls.length,
  };
}

async function statusOf(url: string): Promise<number> {
  const response = await fetch(url);
  await response.arrayBuffer();
  return response.status;
}

function answer(response: ServerResponse, status: number): void {
  if (!response.destroyed) response.writeHead(status).end();
}

test('what a simulated fleet says comes true over sockets', async (t) => {
  const expected = said();
  let outcome = await came(t);
  for (let round = 1; outcome.lateMs > MOST_LATE_MS; round++) {
    if (round === ROUNDS) {
      t.skip(`the machine is too busy: it stood still for ${Math.round(outcome.lateMs)} ms`);
      return;
    }
    outcome = await came(t);
  }
  for (const figure of ['attemptsPerCall', 'success'] as const) {
    const [least, most] = [expected[figure][0]!, expected[figure].at(-1)!];
    const told = `${figure}: said ${least.toFixed(3)} to ${most.toFixed(3)}, came ${outcome[figure].toFixed(3)}`;
    t.diagnostic(told);
    assert.ok(outcome[figure] >= least - TOLERANCE && outcome[figure] <= most + TOLERANCE, told);
  }
});
