import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { AutoReload } from '../../../src/app/auto-reload.js';
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
  let tell = () => {};
  const taken: Config[] = [];
  const reports: ReloadReport[] = [];
  const reloads = new AutoReload(
    {
      source: { load: () => load(text), files: new Map() },
      inForce: () => inForce,
      take: async (config) => {
        await taking;
        inForce = config;
        taken.push(config);
      },
      isDraining: () => draining,
      tell: (report) => {
        reports.push(report);
        tell();
      },
    },
    new VirtualClock(),
  );
  return {
    reloads,
    taken,
    results: () => reports.map(({ by, result }) => `${by} ${result}`),
    write: (other: string) => void (text = other),
    takeWith: (promise: Promise<void>) => void (taking = promise),
    drain: () => void (draining = true),
    tellWith: (other: () => void) => void (tell = other),
    validAgain: () => reports.map((report) => 'validAgain' in report && report.validAgain),
  };
}

describe('a reload', () => {
  test('that is asked for while the process starts is made when it has', async () => {
    const { reloads, taken, results } = setUp();
    const asked = reloads.reload('SIGHUP');
    await setImmediate();
    assert.deepEqual([taken.length, results()], [0, []]);
    reloads.start();
    assert.equal((await asked).result, 'changed');
    assert.deepEqual([taken.length, results()], [1, ['SIGHUP changed']]);
    reloads.stop();
  });

  test('waits for the one before it, and reads the file only then', async () => {
    const { reloads, taken, results, write, takeWith } = setUp();
    let go = () => {};
    takeWith(new Promise<void>((resolve) => (go = resolve)));
    reloads.start();
    const first = reloads.reload('one');
    const second = reloads.reload('two');
    await setImmediate();
    assert.equal(taken.length, 0);
    write(policyFile({ route: 'timeout: 8s' }));
    go();
    await Promise.all([first, second]);
    const timeouts = taken.map(({ routes }) => routes[0]?.timeout);
    assert.deepEqual(timeouts, [{ timeout: '7s' }, { timeout: '8s' }]);
    assert.deepEqual(results(), ['one changed', 'two changed']);
    reloads.stop();
  });

  test('that fails by a fault of ours changes nothing, is told, and keeps no other from being made', async () => {
    const { reloads, taken, results, takeWith } = setUp();
    reloads.start();
    takeWith(Promise.reject(new TypeError('x is not a function')));
    assert.equal((await reloads.reload('one')).result, 'failed');
    takeWith(Promise.resolve());
    assert.equal((await reloads.reload('two')).result, 'changed');
    assert.deepEqual([taken.length, results()], [1, ['one failed', 'two changed']]);
    reloads.stop();
  });

  test('of what may be half a file is not told, when it makes no sense', async () => {
    const { reloads, results, write } = setUp();
    reloads.start();
    write('upstreams: {');
    assert.equal((await reloads.reload('file', true)).result, 'invalid');
    assert.deepEqual(results(), []);
    assert.equal((await reloads.reload('file')).result, 'invalid');
    assert.deepEqual(results(), ['file invalid']);
    reloads.stop();
  });

  test('of which nobody can be told keeps no other from being made', async () => {
    const { reloads, results, tellWith } = setUp();
    reloads.start();
    tellWith(() => {
      throw new Error('nobody listens');
    });
    await assert.rejects(reloads.reload('one'), /nobody listens/);
    tellWith(() => {});
    assert.equal((await reloads.reload('two')).result, 'unchanged');
    assert.deepEqual(results(), ['one changed', 'two unchanged']);
    reloads.stop();
  });

  test('that can be taken after one that could not says so, once', async () => {
    const { reloads, results, validAgain, write } = setUp();
    reloads.start();
    await reloads.reload('file');
    write('upstreams: {');
    await reloads.reload('file');
    write(policyFile({ route: 'timeout: 7s' }));
    await reloads.reload('file');
    await reloads.reload('SIGHUP');
    assert.deepEqual(results(), ['file changed', 'file invalid', 'file unchanged', 'SIGHUP unchanged']);
    assert.deepEqual(validAgain(), [false, false, true, false]);
    reloads.stop();
  });

  test('is not made when the process is about to end', async () => {
    const { reloads, taken, drain, results } = setUp();
    reloads.start();
    drain();
    reloads.stop();
    assert.equal((await reloads.reload('SIGHUP')).result, 'draining');
    assert.deepEqual([taken.length, results()], [0, ['SIGHUP draining']]);
  });
});
