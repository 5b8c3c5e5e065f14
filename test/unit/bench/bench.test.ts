import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseWrk } from '../../../bench/lib/load.js';
import { readOptions } from '../../../bench/lib/options.js';
import { cpuMicroseconds, parseCpuTicks } from '../../../bench/lib/proc-cpu.js';
import {
  against,
  aimTable,
  compared,
  type Measurement,
  median,
  middle,
  resultTable,
} from '../../../bench/lib/table.js';
import { chosen, scenarios } from '../../../bench/scenarios.js';

const WRK = `Running 4s test @ http://127.0.0.1:1234/
  1 threads and 32 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   412.31us  120.00us   9.81ms   97.01%
    Req/Sec    38.21k     1.20k   40.01k    80.00%
  Latency Distribution
     50%  398.00us
     75%  441.00us
     90%  502.00us
     99%    1.25ms
  152034 requests in 4.00s, 180.22MB read
`;

const cpu = (one: Measurement) => one.cpuPerCallUs;
const ratio = (one: Measurement, other: Measurement) => cpu(one) / cpu(other);

function measured(contender: string, round: number, cpuPerCallUs: number): Measurement {
  return { contender, round, cpuPerCallUs, callsPerSecond: 1_000, p50Ms: 1, p99Ms: 2, errors: 0, peakMemoryMb: 50 };
}

test('what wrk prints is read with its units', () => {
  assert.deepEqual(parseWrk(WRK), { calls: 152_034, errors: 0, seconds: 4, p50Ms: 0.398, p99Ms: 1.25 });
});

test('failed answers and sockets are errors', () => {
  const failing = `${WRK}  Socket errors: connect 1, read 2, write 3, timeout 4\n  Non-2xx or 3xx responses: 100\n`;
  assert.equal(parseWrk(failing).errors, 110);
});

test('what is not from wrk is refused', () => {
  assert.throws(() => parseWrk('unable to connect'), /wrk said something else/);
});

test('CPU ticks are found whatever the name of the process', () => {
  const rest = 'S 1 2 3 4 5 6 7 8 9 10 250 130 0 0 20 0';
  assert.equal(parseCpuTicks(`42 (node) ${rest}`), 380);
  assert.equal(parseCpuTicks(`42 (a) S (b c) ${rest}`), 380);
  assert.throws(() => parseCpuTicks('42 (node) S'), /not as expected/);
});

test('the CPU time of this process grows with its work', { skip: process.platform !== 'linux' }, () => {
  const before = cpuMicroseconds(process.pid);
  const own = process.cpuUsage();
  // Three ticks of work, measured by the process itself.
  for (let spent = 0; spent < 30_000;) {
    const { user, system } = process.cpuUsage(own);
    spent = user + system;
  }
  assert.ok(cpuMicroseconds(process.pid) - before >= 10_000);
});

test('the median of an even number is between the two in the middle', () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 3]), 2.5);
  assert.ok(Number.isNaN(median([])));
});

test('comparisons are made within a round, so that a slow round disturbs none', () => {
  const all = [
    measured('base', 0, 10),
    measured('base', 1, 100),
    measured('base', 2, 10),
    measured('ours', 0, 20),
    measured('ours', 1, 200),
    measured('ours', 2, 20),
  ];
  assert.equal(compared(all, 'ours', 'base', ratio), 2);
  assert.equal(compared(all, 'ours', 'nobody', ratio), undefined);
});

test('the table has a row for each contender, the cheapest first, and no comparison with who did not run', () => {
  const columns = [middle('CPU', cpu, 1), against('/ base', 'base', ratio, 2), against('/ absent', 'absent', ratio, 2)];
  const table = resultTable([measured('ours', 0, 20), measured('base', 0, 10)], columns, cpu);
  assert.deepEqual(table.split('\n'), [
    '| contender | CPU | / base |',
    '| --- | ---: | ---: |',
    '| base | 10.0 | 1.00 |',
    '| ours | 20.0 | 2.00 |',
  ]);
});

test('an aim says whether it was met, and is left out where it was not measured', () => {
  const aim = (bound: { most: number } | { least: number }, base: string) => ({
    what: `CPU / ${base}`,
    contender: 'ours',
    bound,
    digits: 1,
    value: (all: readonly Measurement[]) => compared(all, 'ours', base, ratio),
  });
  const all = [measured('ours', 0, 20), measured('base', 0, 10)];
  const aims = [
    aim({ most: 2 }, 'base'),
    aim({ most: 1.9 }, 'base'),
    aim({ least: 2.1 }, 'base'),
    aim({ least: 1 }, '-'),
  ];
  assert.deepEqual(aimTable(all, aims).split('\n').slice(2), [
    '| ours: CPU / base | ≤ 2 | 2.0 | met |',
    '| ours: CPU / base | ≤ 1.9 | 2.0 | missed |',
    '| ours: CPU / base | ≥ 2.1 | 2.0 | missed |',
  ]);
  assert.equal(aimTable(all, []), '');
});

test('scenarios are chosen by name, all by default', () => {
  assert.deepEqual(chosen([]), scenarios);
  assert.deepEqual(
    chosen(['large', 'small']).map(({ name }) => name),
    ['small', 'large'],
  );
  assert.throws(() => chosen(['huge']), /no 'huge'; there are small, latency, large, upload/);
});

test('options have defaults, a quick set, and bounds', () => {
  assert.deepEqual(readOptions([]), { rounds: 3, warmup: 2, seconds: 4, scenarios: [], only: [] });
  assert.deepEqual(readOptions(['--quick', '--rounds', '2', '--only', 'nginx,Caddy', '--scenario', 'large']), {
    rounds: 2,
    warmup: 1,
    seconds: 1,
    scenarios: ['large'],
    only: ['nginx', 'Caddy'],
  });
  for (const bad of ['0', '1.5', 'many', '1000000']) assert.throws(() => readOptions(['--rounds', bad]), RangeError);
  assert.throws(() => readOptions(['--slowly']));
});
