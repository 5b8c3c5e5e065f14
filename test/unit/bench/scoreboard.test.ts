import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../../../src/simulation/seeded-random.js';
import { takingPart } from '../../../bench/lib/taking-part.js';
import { missed } from '../../../bench/scoreboard/bounds.js';
import { contenders } from '../../../bench/scoreboard/contenders.js';
import { figures, quantile, recoverySeconds } from '../../../bench/scoreboard/judge.js';
import { readOptions } from '../../../bench/scoreboard/options.js';
import { type Phase, phases } from '../../../bench/scoreboard/plan.js';
import type { CallRecord } from '../../../bench/scoreboard/records.js';
import { scoreboard } from '../../../bench/scoreboard/report.js';

/** A call every 100 ms; each is good from `goodFromMs` on. */
function callsOf(phase: number, seconds: number, goodFromMs: number, tookMs = 1): CallRecord[] {
  return Array.from({ length: seconds * 10 }, (_, i): CallRecord => {
    const dueMs = i * 100;
    return [phase, dueMs, tookMs, dueMs >= goodFromMs ? 200 : 503, 1];
  });
}

const plan: readonly Phase[] = [
  { name: 'brownout', mode: 'brownout', seconds: 2, callsPerSecond: 10 },
  { name: 'outage', mode: 'outage', seconds: 2, callsPerSecond: 10 },
  { name: 'recovery', mode: 'fine', seconds: 5, callsPerSecond: 10 },
  { name: 'hang', mode: 'hang', seconds: 2, callsPerSecond: 10 },
];

test('an upstream is recovered from when each following second is good', () => {
  assert.equal(recoverySeconds(callsOf(0, 5, 0), 5), 0);
  assert.equal(recoverySeconds(callsOf(0, 5, 1_200), 5), 1.2);
  assert.equal(recoverySeconds(callsOf(0, 5, 4_500), 5), Infinity);
});

test('a bad second later on means that it was not recovered before', () => {
  const calls = callsOf(0, 5, 0).map((call): CallRecord => (call[1] === 2_500 ? [0, 2_500, 1, 503, 1] : call));
  assert.equal(recoverySeconds(calls, 5), 2.6);
});

test('a quantile is the smallest value that a share of all does not exceed', () => {
  const hundred = Array.from({ length: 100 }, (_, i) => i + 1);
  assert.equal(quantile(hundred, 0.5), 50);
  assert.equal(quantile(hundred, 0.99), 99);
  assert.equal(quantile([7], 0.99), 7);
  assert.ok(Number.isNaN(quantile([], 0.5)));
});

test('figures are taken phase by phase', () => {
  const calls = [...callsOf(0, 2, 1_000), ...callsOf(1, 2, Infinity), ...callsOf(2, 5, 500), ...callsOf(3, 2, 0, 9)];
  const unknown: CallRecord = [1, 50, 1, 200, 0];
  const result = figures(plan, {
    calls: [...calls, unknown],
    attempts: { brownout: 30, outage: 42, recovery: 50 },
    latestMs: 0,
  });
  const [brownout, outage, , hang] = result.phases;
  assert.deepEqual([brownout?.success, brownout?.attemptsPerCall, brownout?.calls], [0.5, 1.5, 20]);
  assert.deepEqual([outage?.success, outage?.successOfKnown, outage?.attemptsPerCall], [1 / 21, 0, 2]);
  assert.deepEqual([hang?.p50Ms, hang?.attemptsPerCall], [9, 0]);
  assert.equal(result.recoverySeconds, 0.5);
});

test('every bound that is missed is told, and none that holds', () => {
  const good = figures(plan, {
    calls: [...callsOf(0, 2, 0), ...callsOf(1, 2, 0), ...callsOf(2, 5, 0), ...callsOf(3, 2, 0)],
    attempts: { brownout: 32, outage: 4 },
    latestMs: 0,
  });
  assert.deepEqual(missed(good, 'stale'), []);
  const bad = figures(plan, {
    calls: [...callsOf(0, 2, 100, 401), ...callsOf(1, 2, 100), ...callsOf(2, 5, 2_100), ...callsOf(3, 2, 0, 21)],
    attempts: { brownout: 33, outage: 5 },
    latestMs: 0,
  });
  assert.deepEqual(missed(bad, 'policies'), [
    'brownout, success: 0.95, allowed ≥ 0.999',
    'brownout, p99 in ms: 401, allowed ≤ 400',
    'brownout, attempts per call: 1.65, allowed ≤ 1.6',
    'outage, attempts per call: 0.25, allowed ≤ 0.2',
    'recovery in s: 2.1, allowed ≤ 2',
    'hang, median in ms: 21, allowed ≤ 20',
  ]);
  assert.deepEqual(missed(bad, 'stale').slice(6), [
    'outage, success of calls to a URL that had a good answer before: 0.95, allowed 1',
  ]);
});

test('a phase without calls misses its bounds', () => {
  const none = figures(plan, { calls: [], attempts: {}, latestMs: 0 });
  assert.equal(missed(none, 'stale').length, 8);
});

test('the table has a row for each contender, in the order of the runs', () => {
  const of = (goodFromMs: number) =>
    figures(plan, { calls: callsOf(0, 2, goodFromMs), attempts: { brownout: 30 }, latestMs: 0 });
  const [, , ours, peer] = scoreboard([
    { contender: 'ours', figures: of(0) },
    { contender: 'peer', figures: of(1_000) },
  ]).split('\n');
  assert.match(ours!, /^\| ours \| 100\.00 % \| 1 \| 1 \| 1\.50 \|/);
  assert.match(peer!, /^\| peer \| 50\.00 % \|.*\| never \|/);
});

test('the same seed draws the same faults, evenly', () => {
  const draw = (seed: number) => Array.from({ length: 10_000 }, seededRandom(seed));
  assert.deepEqual(draw(1), draw(1));
  assert.notDeepEqual(draw(1), draw(2));
  const below = draw(1).filter((value) => value < 0.2).length;
  assert.ok(below > 1_900 && below < 2_100, String(below));
  assert.ok(draw(3).every((value) => value >= 0 && value < 1));
});

test('a quick run has all phases, each short', () => {
  const names = (quick: boolean) => phases(quick).map(({ name }) => name);
  assert.deepEqual(names(true), names(false));
  assert.ok(phases(true).every(({ seconds }) => seconds <= 3));
});

test('a contender that nobody knows is refused, one that is not installed is left out', () => {
  assert.throws(() => takingPart(contenders, ['Apache']), RangeError);
  const absent = { name: 'absent', version: () => undefined };
  const present = { name: 'present', version: () => '1' };
  assert.deepEqual(takingPart([absent, present], []), [{ contender: present, version: '1' }]);
  assert.deepEqual(takingPart([present], ['present']), [{ contender: present, version: '1' }]);
});

test('options have defaults, and a seed must be a number', () => {
  assert.deepEqual(readOptions([]), { quick: false, check: false, seed: 1, only: [] });
  assert.deepEqual(readOptions(['--quick', '--check', '--seed', '7', '--only', 'direct,nginx']), {
    quick: true,
    check: true,
    seed: 7,
    only: ['direct', 'nginx'],
  });
  for (const bad of ['x', '-1', '1.5']) assert.throws(() => readOptions([`--seed=${bad}`]), RangeError);
  assert.throws(() => readOptions(['--slowly']));
});
