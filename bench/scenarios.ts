/** What is asked of the contenders, and which figures come of it. */
import { CADDY, DEFAULTS, EVERYTHING, NGINX, NGINX_LARGE_BUFFERS, NGINX_TO_DISK, STOCK, TCP } from './contenders.js';
import { against, type Aim, type Column, compared, type Measurement, middle, range } from './lib/table.js';

export interface Scenario {
  readonly name: string;
  readonly title: string;
  readonly connections: number;
  /** Bytes of each answer's body. */
  readonly answerBytes: number;
  /** Bytes of each request's body, then a POST; 0: a GET. */
  readonly uploadBytes: number;
  /** Those it would tell nothing of. */
  readonly without: readonly string[];
  readonly columns: readonly Column[];
  readonly order: (one: Measurement) => number;
  readonly aims: readonly Aim[];
}

const MIB = 1024 * 1024;

const cpu = (one: Measurement): number => one.cpuPerCallUs;
const cpuRatio = (one: Measurement, other: Measurement): number => one.cpuPerCallUs / other.cpuPerCallUs;
/** Bodies being equal, bytes per CPU second are as calls per CPU second. */
const bytesRatio = (one: Measurement, other: Measurement): number => other.cpuPerCallUs / one.cpuPerCallUs;
const p50Us = (one: Measurement): number => one.p50Ms * 1_000;
const addedUs = (one: Measurement, other: Measurement): number => p50Us(one) - p50Us(other);

const memory: Column = {
  title: 'peak memory, MB',
  cell: (own) => highestMemory(own).toFixed(0),
};
const errors: Column = {
  title: 'errors',
  cell: (own) => own.reduce((sum, one) => sum + one.errors, 0).toFixed(0),
};
const callsPerSecond = middle('calls/s', (one) => one.callsPerSecond, 0);
const p99 = middle('p99, ms', (one) => one.p99Ms, 2);

function highestMemory(own: readonly Measurement[]): number {
  return Math.max(...own.map((one) => one.peakMemoryMb));
}

function ratioAim(what: string, base: string, compare: typeof cpuRatio, bound: Aim['bound'], digits = 2): Aim {
  return { what, contender: DEFAULTS, bound, digits, value: (all) => compared(all, DEFAULTS, base, compare) };
}

/** The figures for bodies of a MiB, whichever way they go. */
const large = {
  connections: 32,
  without: [EVERYTHING],
  columns: [
    middle('GiB per CPU second', (one) => 1e6 / cpu(one) / 1_024, 2),
    against(`/ ${NGINX}`, NGINX, bytesRatio, 2),
    against(`/ ${NGINX_LARGE_BUFFERS}`, NGINX_LARGE_BUFFERS, bytesRatio, 2),
    against(`/ ${TCP}`, TCP, bytesRatio, 2),
    middle('CPU per call, µs', cpu, 0),
    range(cpu, 0),
    callsPerSecond,
    p99,
    memory,
    errors,
  ],
  order: cpu,
} satisfies Partial<Scenario>;

export const scenarios: readonly Scenario[] = [
  {
    name: 'small',
    title: 'GET of 1 KiB over 32 connections',
    connections: 32,
    answerBytes: 1_024,
    uploadBytes: 0,
    without: [NGINX_LARGE_BUFFERS, NGINX_TO_DISK],
    columns: [
      middle('CPU per call, µs', cpu, 1),
      range(cpu, 1),
      ...[TCP, STOCK, CADDY].map((base) => against(`/ ${base}`, base, cpuRatio, 2)),
      callsPerSecond,
      middle('p50, ms', (one) => one.p50Ms, 2),
      p99,
      memory,
      errors,
    ],
    order: cpu,
    aims: [
      ratioAim(`CPU per call / ${TCP}`, TCP, cpuRatio, { most: 1.7 }),
      ratioAim(`CPU per call / ${STOCK}`, STOCK, cpuRatio, { most: 0.45 }),
      ratioAim(`CPU per call / ${CADDY}`, CADDY, cpuRatio, { most: 0.5 }),
      {
        what: 'peak memory at saturation, MB',
        contender: DEFAULTS,
        bound: { most: 80 },
        digits: 0,
        value: (all) => {
          const own = all.filter(({ contender }) => contender === DEFAULTS);
          return own.length === 0 ? undefined : highestMemory(own);
        },
      },
    ],
  },
  {
    name: 'latency',
    title: 'GET of 1 KiB over one connection',
    connections: 1,
    answerBytes: 1_024,
    uploadBytes: 0,
    without: [NGINX_LARGE_BUFFERS, NGINX_TO_DISK],
    columns: [
      middle('p50, µs', p50Us, 0),
      range(p50Us, 0),
      against(`added to ${TCP}, µs`, TCP, addedUs, 0),
      middle('p99, µs', (one) => one.p99Ms * 1_000, 0),
      middle('CPU per call, µs', cpu, 1),
      errors,
    ],
    order: p50Us,
    aims: [ratioAim(`median latency added to ${TCP}, µs`, TCP, addedUs, { most: 50 }, 0)],
  },
  {
    ...large,
    name: 'large',
    title: 'GET of 1 MiB over 32 connections',
    answerBytes: MIB,
    uploadBytes: 0,
    aims: [ratioAim(`bytes of answers per CPU second / ${NGINX}`, NGINX, bytesRatio, { least: 0.7 })],
  },
  {
    ...large,
    name: 'upload',
    title: 'POST of 1 MiB over 32 connections',
    answerBytes: 2,
    uploadBytes: MIB,
    aims: [],
  },
];

/** Those asked for, or all. Throws a RangeError for a name that none has. */
export function chosen(names: readonly string[]): readonly Scenario[] {
  const unknown = names.filter((name) => !scenarios.some((scenario) => scenario.name === name));
  if (unknown.length > 0) {
    const known = scenarios.map(({ name }) => name).join(', ');
    throw new RangeError(`--scenario: no '${unknown.join("', '")}'; there are ${known}`);
  }
  return scenarios.filter(({ name }) => names.length === 0 || names.includes(name));
}
