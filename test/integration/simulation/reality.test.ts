/**
 * The engine against reality: the same policies, the same load and the same upstream, once in virtual time and once over
 * sockets. What the engine says of attempts per call and success must come true.
 */
import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { describe, test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseConfig } from '../../../src/config/load.js';
import { systemClock } from '../../../src/runtime/clock.js';
import type { Random } from '../../../src/runtime/random.js';
import { scriptedDispatch } from '../../../src/simulation/scripted-upstream.js';
import { seededRandom } from '../../../src/simulation/seeded-random.js';
import { Sidecar } from '../../../src/simulation/sidecar.js';
import { VirtualClock } from '../../../src/simulation/virtual-clock.js';
import { startUpstream } from '../../support/http-upstream.js';
import { startApp } from '../../support/running-app.js';

const CALLS = 300;
/** 100 calls a second. */
const GAP_MS = 10;
/** A machine that stands still for longer is none that the scenario speaks of: then the load is made anew. */
const MOST_LATE_MS = 150;
const ROUNDS = 3;
const RUNS = 30;

type Behaviour = 'hang' | 'reset' | 200 | 503;

interface Scenario {
  /** Keys of the upstream and of the route. */
  readonly upstream: string;
  readonly route: string;
  /** What the upstream does with an attempt, so many milliseconds after the load began. */
  readonly behave: (at: number, random: Random) => Behaviour;
  /** How far reality may be from what the engine says; it has a busy machine's delays, and the engine has none. */
  readonly tolerance: { readonly attemptsPerCall: number; readonly success: number };
}

interface Outcome {
  readonly attemptsPerCall: number;
  readonly success: number;
}

const policyOf = ({ upstream, route }: Scenario, url: string) => `
upstreams: { up: { url: "${url}", ${upstream} } }
routes: [{ name: r, match: {}, upstream: up, ${route} }]
`;

/** What the engine says: the mean of many runs, since chance decides which call finds the upstream back. */
function said(scenario: Scenario): Outcome {
  const runs = Array.from({ length: RUNS }, (_, seed) => simulated(scenario, seed));
  const mean = (figure: keyof Outcome) => runs.reduce((sum, run) => sum + run[figure], 0) / RUNS;
  return { attemptsPerCall: mean('attemptsPerCall'), success: mean('success') };
}

function simulated(scenario: Scenario, seed: number): Outcome {
  const clock = new VirtualClock();
  const random = seededRandom(7);
  let attempts = 0;
  let ended = 0;
  let fine = 0;
  const sidecar = new Sidecar({
    config: parseConfig(policyOf(scenario, 'http://up'), 'policy.yaml', { env: {} }),
    clock,
    random: seededRandom(seed),
    dispatchTo: () =>
      scriptedDispatch(clock, () => {
        attempts++;
        return scenario.behave(clock.now(), random);
      }),
  });
  const request = sidecar.prepare({ method: 'GET', path: '/', headers: {} });
  for (let i = 0; i < CALLS; i++) {
    clock.setTimer(i * GAP_MS, () => {
      sidecar.call(request, ({ outcome }) => {
        ended++;
        if (outcome === 'success') fine++;
      });
    });
  }
  clock.runAll();
  assert.equal(ended, CALLS);
  return { attemptsPerCall: attempts / CALLS, success: fine / CALLS };
}

async function real(t: TestContext, scenario: Scenario): Promise<Outcome & { readonly lateMs: number }> {
  const random = seededRandom(7);
  let startedAt = systemClock.now();
  const upstream = await startUpstream((response) => {
    answer(response, scenario.behave(systemClock.now() - startedAt, random));
  });
  t.after(() => upstream.close());
  const app = await startApp(t, policyOf(scenario, upstream.origin), { random: seededRandom(1) });
  startedAt = systemClock.now();
  const calls: Promise<number>[] = [];
  let lateMs = 0;
  let ended = 0;
  while (ended < CALLS) {
    const now = systemClock.now();
    const due = Math.min(CALLS, Math.floor((now - startedAt) / GAP_MS) + 1);
    while (calls.length < due) calls.push(statusOf(app.url).finally(() => ended++));
    await sleep(GAP_MS);
    lateMs = Math.max(lateMs, systemClock.now() - now - GAP_MS);
  }
  const statuses = await Promise.all(calls);
  return {
    lateMs,
    attemptsPerCall: upstream.seen.length / CALLS,
    success: statuses.filter((status) => status === 200).length / CALLS,
  };
}

async function statusOf(url: string): Promise<number> {
  const response = await fetch(url);
  await response.arrayBuffer();
  return response.status;
}

function answer(response: ServerResponse, behaviour: Behaviour): void {
  if (behaviour === 'reset') response.socket?.destroy();
  else if (behaviour !== 'hang') response.writeHead(behaviour).end();
}

const scenarios: Readonly<Record<string, Scenario>> = {
  'a brownout, survived by retries': {
    upstream: 'retryBudget: { failedRatio: 100%, totalRatio: 100% }, circuitBreaker: { minimumCalls: 200 }',
    route: 'attemptTimeout: 2s, retry: { maxAttempts: 4, backoff: { base: 10ms, jitter: none } }',
    behave: (_at, random) => {
      const drawn = random();
      if (drawn < 0.1) return 'reset';
      return drawn < 0.3 ? 503 : 200;
    },
    tolerance: { attemptsPerCall: 0.1, success: 0.03 },
  },
  'an outage, in which the circuit opens and closes again': {
    upstream: 'circuitBreaker: { openFor: 200ms, maxOpenFor: 200ms }',
    route: 'attemptTimeout: 2s, retry: { backoff: { base: 20ms, jitter: none } }',
    behave: (at) => (at >= 1_000 && at < 2_000 ? 503 : 200),
    tolerance: { attemptsPerCall: 0.2, success: 0.15 },
  },
  'attempts that hang and are cut': {
    upstream: 'circuitBreaker: false, retryBudget: { failedRatio: 100%, totalRatio: 100% }',
    route: 'attemptTimeout: 700ms, retry: { maxAttempts: 3, backoff: { base: 10ms, jitter: none } }',
    behave: (_at, random) => (random() < 0.3 ? 'hang' : 200),
    tolerance: { attemptsPerCall: 0.1, success: 0.03 },
  },
};

describe('what the engine says comes true over sockets:', { concurrency: true }, () => {
  for (const [name, scenario] of Object.entries(scenarios)) {
    test(name, async (t) => {
      const expected = said(scenario);
      let came = await real(t, scenario);
      for (let round = 1; came.lateMs > MOST_LATE_MS; round++) {
        if (round === ROUNDS) {
          t.skip(`the machine is too busy: it stood still for ${Math.round(came.lateMs)} ms`);
          return;
        }
        came = await real(t, scenario);
      }
      for (const figure of ['attemptsPerCall', 'success'] as const) {
        const away = Math.abs(came[figure] - expected[figure]);
        const told = `${figure}: said ${expected[figure].toFixed(3)}, came ${came[figure].toFixed(3)}`;
        t.diagnostic(told);
        assert.ok(away <= scenario.tolerance[figure], told);
      }
    });
  }
});
