/** What Linux knows of a process: its memory, and the CPU time that it has used. */
import { readdirSync, readFileSync } from 'node:fs';

export interface Memory {
  /** All that it has in memory, files that others may share included, in MB. */
  readonly residentMb: number;
  /** Of it, what no file holds: heap, stacks, buffers; in MB. */
  readonly ownMb: number;
}

/** The text of /proc/PID/smaps_rollup. */
export function parseMemory(rollup: string): Memory {
  const mb = (name: string): number => {
    const kib = Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(rollup)?.[1] ?? NaN);
    if (!Number.isFinite(kib)) throw new Error(`/proc/PID/smaps_rollup has no ${name}: ${rollup}`);
    return (kib * 1_024) / 1e6;
  };
  return { residentMb: mb('Rss'), ownMb: mb('Anonymous') };
}

export function memoryOf(pid: number): Memory {
  return parseMemory(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'));
}

/** CPU time of all threads that live, in milliseconds; /proc/PID/stat counts in steps of ten. */
export function cpuMsOf(pid: number): number {
  const tasks = `/proc/${pid}/task`;
  const nanoseconds = readdirSync(tasks).map((thread) =>
    Number(readFileSync(`${tasks}/${thread}/schedstat`, 'utf8').split(' ')[0]),
  );
  return nanoseconds.reduce((sum, each) => sum + each, 0) / 1e6;
}
