/** One measurement: what a process's calls cost it under load. */
import type { LoadGenerator, Requests } from './load.js';
import { cpuMicroseconds, peakMemoryMb } from './proc-cpu.js';
import type { Measurement } from './table.js';

export interface Measured {
  readonly contender: string;
  readonly pid: number;
  readonly url: string;
  readonly connections: number;
  readonly requests: Requests;
  /** Seconds of load that are not counted. */
  readonly warmup: number;
  /** Seconds that are. */
  readonly seconds: number;
}

export async function measure(
  load: LoadGenerator,
  { contender, pid, url, connections, requests, warmup, seconds }: Measured,
  round: number,
): Promise<Measurement> {
  await load.run(url, connections, warmup, requests);
  const before = cpuMicroseconds(pid);
  const result = await load.run(url, connections, seconds, requests);
  const used = cpuMicroseconds(pid) - before;
  return {
    contender,
    round,
    cpuPerCallUs: used / result.calls,
    callsPerSecond: result.calls / result.seconds,
    p50Ms: result.p50Ms,
    p99Ms: result.p99Ms,
    errors: result.errors,
    peakMemoryMb: peakMemoryMb(pid),
  };
}
