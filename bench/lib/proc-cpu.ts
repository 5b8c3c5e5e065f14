/** CPU time that a process has used, as Linux counts it. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** User and system time in clock ticks, from the text of /proc/PID/stat (proc(5): fields 14 and 15). */
export function parseCpuTicks(stat: string): number {
  // The second field is the command's name in brackets and may hold anything, brackets and spaces included.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[11]) + Number(fields[12]);
  if (!Number.isFinite(ticks)) throw new Error(`/proc/PID/stat is not as expected: ${stat}`);
  return ticks;
}

let ticksPerSecond: number | undefined;

/** Microseconds of CPU that a process has used since it started; in steps of a tick, mostly 10 ms. */
export function cpuMicroseconds(pid: number): number {
  ticksPerSecond ??= Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
  return (parseCpuTicks(readFileSync(`/proc/${pid}/stat`, 'utf8')) * 1e6) / ticksPerSecond;
}

/** The most memory that a process has held at once, in MB. */
export function peakMemoryMb(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return (Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? NaN) * 1_024) / 1e6;
}
