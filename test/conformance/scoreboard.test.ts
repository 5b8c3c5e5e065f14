/**
 * The scoreboard in virtual time: the same plan, the same policies and the same bounds as bench/scoreboard, without a
 * machine's noise. What it says of single seeds holds for each that is listed.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { seededRandom } from '../../src/simulation/seeded-random.js';
import { missed } from '../../bench/scoreboard/bounds.js';
import { figures, type Figures } from '../../bench/scoreboard/judge.js';
import { BROWNOUT, type Mode, phases, URLS } from '../../bench/scoreboard/plan.js';
import type { CallRecord } from '../../bench/scoreboard/records.js';
import { createLine, type LineCall, type LineOptions } from '../support/line.js';
import type { Answer } from '../support/scripted-upstream.js';

const plan = phases(false);

function answerOf(mode: Mode, drawn: number): Answer {
  const { unavailable, reset, never } = BROWNOUT;
  const good: Answer = { status: 200, body: 'good', after: 1 };
  const bad = { status: 503, after: 1 };
  switch (mode) {
    case 'fine':
      return good;
    case 'outage':
      return bad;
    case 'hang':
      return 'hang';
    case 'brownout':
      if (drawn < unavailable) return bad;
      if (drawn < unavailable + reset) return 'reset';
      return drawn < unavailable + reset + never ? 'hang' : good;
  }
}

interface Made {
  readonly phase: number;
  readonly dueMs: number;
  readonly dueAt: number;
  readonly known: 0 | 1;
  readonly call: LineCall;
}

/** Runs the plan; every call is judged as the load of the scoreboard would. */
function run(options: LineOptions, seed: number): Figures {
  const drawn = seededRandom(seed);
  let mode: Mode = 'fine';
  const endpoints = { a: () => answerOf(mode, drawn()) };
  const line = createLine({ ...options, attemptTimeout: '1s', random: seededRandom(seed + 1_000), endpoints });
  const made: Made[] = [];
  const attempts: Record<string, number> = {};
  for (const [phase, { name, mode: next, seconds, callsPerSecond }] of plan.entries()) {
    mode = next;
    const beganAt = line.clock.now();
    const seenBefore = line.seen().length;
    for (let i = 0; i < seconds * callsPerSecond; i++) {
      const dueMs = (i * 1_000) / callsPerSecond;
      line.advance(beganAt + dueMs - line.clock.now());
      const path = `/item/${made.length % URLS}`;
      const known = made[made.length - URLS]?.call.status === 200 ? 1 : 0;
      made.push({ phase, dueMs, dueAt: beganAt + dueMs, known, call: line.call({ path }) });
    }
    line.advance(beganAt + seconds * 1_000 - line.clock.now());
    attempts[name] = line.seen().length - seenBefore;
  }
  line.finish(2_000);
  const calls = made.map(({ phase, dueMs, dueAt, known, call }): CallRecord => {
    const endedAt = call.endedAt ?? Infinity;
    return [phase, dueMs, endedAt - dueAt, call.error === undefined ? (call.status ?? 0) : 0, known];
  });
  return figures(plan, { calls, attempts, latestMs: 0 });
}

const policies: LineOptions = {
  retry: { maxAttempts: 6, backoff: { base: '20ms' } },
  hedge: { delay: '50ms', max: 2 },
};

describe('brownout, outage, recovery and hang at 200 calls a second', () => {
  for (const seed of [1, 2, 3]) {
    it(`stay within the bounds (seed ${seed})`, () => {
      assert.deepEqual(missed(run(policies, seed), 'policies'), []);
    });

    it(`with a stale step, every call that had a good answer before gets one (seed ${seed})`, () => {
      const result = run({ ...policies, fallback: { steps: [{ stale: {} }] } }, seed);
      assert.deepEqual(missed(result, 'stale'), []);
    });
  }

  it('miss them without a circuit, a budget and hedges', () => {
    const result = run({ retry: policies.retry!, circuitBreaker: false, retryBudget: false }, 1);
    const told = missed(result, 'policies').map((each) => each.split(':')[0]);
    assert.deepEqual(told, ['brownout, p99 in ms', 'outage, attempts per call', 'hang, median in ms']);
  });
});
