import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { FileWatch } from '../../../src/app/file-watch.js';
import { VirtualClock } from '../../../src/simulation/virtual-clock.js';

/** A watch over files that are texts here. What is asked for is read, and taken unless it says `broken`. */
function setUp() {
  const clock = new VirtualClock();
  const files = new Map([['policy', 'one']]);
  const written = new Map<string, number>();
  let writes = 0;
  let known = new Map(files);
  const asked: string[] = [];
  const textOf = (path: string) => files.get(path) ?? 'ENOENT';
  const watch = new FileWatch({
    clock,
    files: () => known,
    onChange: (patient) => {
      known = new Map([...known.keys()].map((path) => [path, textOf(path)]));
      const text = textOf('policy');
      asked.push(`${clock.now()} ${text}${patient ? ' patiently' : ''}`);
      return Promise.resolve(patient && text.includes('broken') ? 'again' : 'over');
    },
    eyes: {
      signature: (path) => Promise.resolve(`${textOf(path) === 'ENOENT'} ${written.get(path) ?? 0}`),
      digest: (path) => Promise.resolve(textOf(path)),
    },
  });
  return {
    clock,
    watch,
    asked,
    write: (text: string, path = 'policy') => {
      files.set(path, text);
      written.set(path, ++writes);
    },
    remove: (path = 'policy') => files.delete(path),
    name: (path: string) => known.set(path, textOf(path)),
    advance: async (ms: number) => {
      for (let left = ms; left > 0; left -= 100) {
        clock.advance(100);
        await setImmediate();
      }
    },
  };
}

describe('a watched file', () => {
  test('is read a moment after it has changed, well within two seconds', async () => {
    const { watch, advance, write, asked } = setUp();
    watch.start();
    await advance(2_000);
    write('two');
    await advance(2_000);
    assert.deepEqual(asked, ['2800 two patiently']);
    await advance(60_000);
    assert.equal(asked.length, 1);
  });

  test('is not read while it is being written', async () => {
    const { watch, advance, write, asked } = setUp();
    watch.start();
    await advance(1_000);
    for (const text of ['t', 'tw', 'two']) {
      write(text);
      await advance(300);
    }
    await advance(2_000);
    assert.deepEqual(
      asked.map((line) => line.slice(5)),
      ['two patiently'],
    );
  });

  test('that was only touched is left alone', async () => {
    const { watch, advance, write, asked } = setUp();
    watch.start();
    await advance(1_000);
    write('one');
    await advance(5_000);
    assert.deepEqual(asked, []);
  });

  test('that makes no sense is complained of once, when it has stayed so for a while', async () => {
    const { watch, advance, write, asked } = setUp();
    watch.start();
    await advance(1_000);
    write('broken');
    await advance(60_000);
    assert.deepEqual(
      asked.map((line) => line.replace(/^\d+ /, '')),
      ['broken patiently', 'broken patiently', 'broken'],
    );
    write('two');
    await advance(2_000);
    assert.match(asked.at(-1) ?? '', /two patiently$/);
  });

  test('that is gone is complained of once, and read when it is there again', async () => {
    const { watch, advance, write, remove, asked } = setUp();
    watch.start();
    await advance(1_000);
    remove();
    await advance(60_000);
    assert.deepEqual(
      asked.map((line) => line.replace(/^\d+ /, '')),
      ['ENOENT patiently'],
    );
    write('two');
    await advance(2_000);
    assert.equal(asked.length, 2);
  });

  test('is one of those that the last reload has read', async () => {
    const { watch, advance, write, name, asked } = setUp();
    watch.start();
    await advance(1_000);
    name('ca.pem');
    await advance(2_000);
    assert.deepEqual(asked, []);
    write('renewed', 'ca.pem');
    await advance(2_000);
    assert.equal(asked.length, 1);
  });

  test('is not looked at before start, nor after stop', async () => {
    const { watch, advance, write, asked, clock } = setUp();
    write('two');
    await advance(2_000);
    watch.start();
    watch.stop();
    await advance(2_000);
    assert.deepEqual([asked, clock.pending], [[], 0]);
  });
});
