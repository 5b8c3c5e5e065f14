import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { simulationReport } from '../../../src/fleet/json.js';
import { simulate, type VariantResult } from '../../../src/fleet/result.js';
import { FAULTS, type Scenario } from '../../../src/fleet/scenario.js';
import { VARIANTS, type VariantName } from '../../../src/fleet/variants.js';
import { load, policyFile } from '../../support/policy-file.js';

const SCENARIO: Scenario = {
  fleet: 20,
  rate: 10,
  capacity: 300,
  latencyMs: 20,
  fault: '503',
  outageSeconds: 20,
  brownout: 0,
  seed: 1,
};

function run(name: VariantName, changes: Partial<Scenario> = {}, route = 'attemptTimeout: 1s', upstream = '') {
  const config = load(policyFile({ route, upstream }));
  const [only] = config.routes;
  assert.ok(only !== undefined);
  return simulate(name, only, config, { ...SCENARIO, ...changes });
}

function phase({ phases }: VariantResult, name: string) {
  const found = phases.find((candidate) => candidate.name === name);
  assert.ok(found !== undefined);
  return found;
}

describe('a simulated fleet', () => {
  test('succeeds while all is well, whatever its policies', () => {
    for (const name of VARIANTS) {
      const { success, attemptsPerCall, peakOverCapacity, p50Ms, p99Ms } = phase(run(name), 'baseline');
      assert.equal(success, 1);
      assert.ok(attemptsPerCall >= 1 && attemptsPerCall < 1.001, `${attemptsPerCall} attempts per call`);
      assert.ok(peakOverCapacity > 0.6 && peakOverCapacity < 0.9);
      assert.ok(p50Ms !== undefined && p50Ms > 10 && p50Ms < 20, `p50 ${p50Ms} ms`);
      assert.ok(p99Ms !== undefined && p99Ms > 40 && p99Ms < 80, `p99 ${p99Ms} ms`);
    }
  });

  test('is asked the same by each variant, and at the rate that was asked for', () => {
    const [policy, none, plain] = VARIANTS.map((name) => run(name).seconds.map(({ calls }) => calls));
    assert.deepEqual(none, policy);
    assert.deepEqual(plain, policy);
    const total = policy!.reduce((sum, calls) => sum + calls, 0);
    assert.ok(Math.abs(total / (110 * 200) - 1) < 0.03, `${total} calls`);
  });

  test('gives the same result for the same seed, and another for another', () => {
    const report = (seed: number) =>
      simulationReport({
        file: 'policy.yaml',
        route: 'r',
        scenario: { ...SCENARIO, seed },
        variants: VARIANTS.map((name) => run(name, { seed, fault: 'slow', brownout: 0.3 })),
      });
    assert.deepEqual(report(7), report(7));
    assert.notDeepEqual(report(7).variants, report(8).variants);
  });

  test('asks a failing upstream once a call without policies, three times with plain retries, hardly with a circuit', () => {
    const attempts = VARIANTS.map((name) => phase(run(name), 'outage').attemptsPerCall);
    const [policy, none, plain] = attempts;
    assert.ok(policy! < 0.3, `${policy}`);
    assert.equal(none, 1);
    assert.ok(plain! > 2.8 && plain! <= 3, `${plain}`);
  });

  test('lets nothing through while nothing is answered, and all again once it is', () => {
    for (const fault of ['503', 'refuse', 'hang'] as const) {
      for (const name of VARIANTS) {
        // Their retries of what hung keep it busy for ever: see below.
        if (fault === 'hang' && name === 'plain-retries') continue;
        const result = run(name, { fault });
        assert.ok(phase(result, 'outage').success < 0.1, `${fault}, ${name}`);
        assert.ok(result.recoverySeconds !== undefined && result.recoverySeconds <= 10, `${fault}, ${name}`);
        assert.equal(result.seconds.at(-1)?.successes, result.seconds.at(-1)?.calls);
      }
    }
  });

  test('keeps an upstream down that did not answer for a while, with plain retries', () => {
    assert.equal(run('plain-retries', { fault: 'hang' }).recoverySeconds, undefined);
  });

  test('keeps an upstream down that was slow for a while, but with policies', () => {
    const recovery = VARIANTS.map((name) => run(name, { fault: 'slow', outageSeconds: 30 }).recoverySeconds);
    const [policy, none, plain] = recovery;
    assert.equal(none, undefined);
    assert.equal(plain, undefined);
    assert.ok(policy !== undefined && policy <= 15, `${policy} s`);
  });

  test('gets through a brownout with retries', () => {
    const brownout = { brownout: 0.3, outageSeconds: 1 };
    const more = run('policy', brownout, 'attemptTimeout: 1s\nretry: { maxAttempts: 5 }');
    assert.ok(Math.abs(phase(run('none', brownout), 'brownout').success - 0.7) < 0.02);
    assert.ok(phase(more, 'brownout').success > 0.97);
  });

  test('counts a fallback as success, and not as recovered', () => {
    const { phases, recoverySeconds, seconds } = run(
      'policy',
      {},
      'attemptTimeout: 1s\nfallback: { steps: [{ response: { status: 200, body: ok } }] }',
    );
    for (const { name, success } of phases) assert.equal(success, 1, name);
    assert.equal(seconds[45]?.withoutFallback, 0);
    assert.ok(recoverySeconds !== undefined && recoverySeconds > 0);
  });

  test('keeps count of its circuits', () => {
    const { seconds, circuits } = run('policy');
    assert.equal(circuits, SCENARIO.fleet);
    const notClosed = seconds.map(({ circuits: at }) => at.open + at['half-open'] + at.ramping);
    assert.equal(Math.max(...notClosed.slice(0, 30)), 0);
    assert.equal(Math.max(...notClosed), SCENARIO.fleet);
    assert.equal(notClosed.at(-1), 0);
    assert.equal(run('none').circuits, 0);
  });

  test('ends although calls never do', () => {
    const { phases } = run(
      'policy',
      { fault: 'hang' },
      'timeout: false\nattemptTimeout: false',
      'circuitBreaker: false',
    );
    assert.equal(phases[1]?.success, 0);
  });

  test('knows phases of all faults with a brownout', () => {
    for (const fault of FAULTS) {
      const { phases } = run('none', { fault, brownout: 0.1, fleet: 1 });
      assert.deepEqual(
        phases.map(({ name, from, to }) => [name, from, to]),
        [
          ['baseline', 0, 30],
          ['brownout', 30, 60],
          ['outage', 60, 80],
          ['recovery', 80, 140],
        ],
      );
    }
  });
});
