import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { Reloading } from '../../../src/app/reloading.js';
import type { Config } from '../../../src/config/config.js';
import type { ReloadReport } from '../../../src/observability/reload-report.js';
import { load, policyFile } from '../../support/policy-file.js';
import { VirtualClock } from '../../../src/simulation/virtual-clock.js';

/** A process whose policy file is a text here; `take` may be made to wait, or to fail. */
function setUp() {
  let inForce = load(policyFile());
  let text = policyFile({ route: 'timeout: 7s' });
  let taking: Promise<void> | undefined;
  let draining = false;
  const taken: Config[] = [];
  const reports: ReloadReport[] = [];
  const reloading = new Reloading(
    {
      source: { load: () => load(text), files: new Map() },
      inForce: () => inForce,
      take: async (config) => {
        await taking;
        inForce = config;
        taken.push(config);
      },
      isDraining: () => draining,
      tell: (report) => void reports.push(report),
    },
    new VirtualClock(),
  );
  return {
    reloading,
    taken,
    results: () => reports.map(({ by, result }) => `${by} ${result}`),
    write: (other: string) => void (text = other),
    takeWith: (promise: Promise<void>) => void (taking = promise),
    drain: () => void (draining = true),
  };
}

describe('a reload', () => {
  test('that is asked for while the process starts is made when it has', async () => {
    const { reloading, taken, results } = setUp();
    const asked = reloading.reload('SIGHUP');
    await setImmediate();
    assert.deepEqual([taken.length, results()], [0, []]);
    reloading.start();
    assert.equal((await asked).result, 'changed');
    assert.deepEqual([taken.length, results()], [1, ['SIGHUP changed']]);
    reloading.stop();
  });

  test('waits for the one before it, and reads the file only then', async () => {
    const { reloading, taken, results, write, takeWith } = setUp();
    let go = () => {};
    takeWith(new Promise<void>((resolve) => (go = resolve)));
    reloading.start();
    const first = reloading.reload('one');
    const second = reloading.reload('two');
    await setImmediate();
    assert.equal(taken.length, 0);
    write(policyFile({ route: 'timeout: 8s' }));
    go();
    await Promise.all([first, second]);
    const timeouts = taken.map(({ routes }) => routes[0]?.timeout);
    assert.deepEqual(timeouts, [{ timeout: '7s' }, { timeout: '8s' }]);
    assert.deepEqual(results(), ['one changed', 'two changed']);
    reloading.stop();
  });

  test('that fails by a fault of ours changes nothing, is told, and keeps no other from being made', async () => {
    const { reloading, taken, results, takeWith } = setUp();
    reloading.start();
    takeWith(Promise.reject(new TypeError('x is not a function')));
    assert.equal((await reloading.reload('one')).result, 'failed');
    takeWith(Promise.resolve());
    assert.equal((await reloading.reload('two')).result, 'changed');
    assert.deepEqual([taken.length, results()], [1, ['one failed', 'two changed']]);
    reloading.stop();
  });

  test('of what may be half a file is not told, when it makes no sense', async () => {
    const { reloading, results, write } = setUp();
    reloading.start();
    write('upstreams: {');
    assert.equal((await reloading.reload('file', true)).result, 'invalid');
    assert.deepEqual(results(), []);
    assert.equal((await reloading.reload('file')).result, 'invalid');
    assert.deepEqual(results(), ['file invalid']);
    reloading.stop();
  });

  test('is not made when the process is about to end', async () => {
    const { reloading, taken, drain, results } = setUp();
    reloading.start();
    drain();
    reloading.stop();
    assert.equal((await reloading.reload('SIGHUP')).result, 'draining');
    assert.deepEqual([taken.length, results()], [0, ['SIGHUP draining']]);
  });
});
