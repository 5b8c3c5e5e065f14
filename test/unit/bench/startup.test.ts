import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cpuMsOf, memoryOf, parseMemory } from '../../../bench/startup/figures.js';

const ROLLUP = `00400000-7ffc01234000 ---p 00000000 00:00 0                      [rollup]
Rss:               60000 kB
Pss:               30000 kB
Private_Dirty:     19500 kB
Anonymous:         20000 kB
AnonHugePages:         0 kB
`;

test("a process's memory is read in megabytes, and told apart from that of files", () => {
  assert.deepEqual(parseMemory(ROLLUP), { residentMb: 61.44, ownMb: 20.48 });
  assert.throws(() => parseMemory('Rss: 1 kB'), /has no Anonymous/);
});

const skip = process.platform === 'linux' ? false : 'reads /proc';

test('the figures of a process that runs are at hand', { skip }, () => {
  const { residentMb, ownMb } = memoryOf(process.pid);
  assert.ok(ownMb > 5 && residentMb > ownMb && residentMb < 1_000);
  assert.ok(cpuMsOf(process.pid) > 1);
});
