import { setFlagsFromString } from 'node:v8';

/**
 * Tells V8's collector what a proxy is like. It has to be said before the code gets hot.
 *
 * Allocation-site pretenuring is off. While the heap is still small, calls in flight make V8 believe that what a call
 * allocates lives long; it then puts it straight into the old generation, where dead calls keep what they refer to alive
 * until the next full collection. Measured under load: a third of what was allocated survived each scavenge, and collecting
 * it took a fifth of the CPU, against a twentieth with this.
 *
 * A full collection comes when memory has grown to three times what the last one left, not to what V8 makes of it: it counts
 * the buffers that bodies pass through as growth, and would look through the whole heap, which is nearly all code and has
 * not changed, again and again. Measured with answers of 1 MiB: 13 full collections for 5,000 calls, against 2 with this,
 * an eighth of the CPU, and no more memory at its peak.
 */
export function tuneCollector(): void {
  setFlagsFromString('--no-allocation-site-pretenuring');
  setFlagsFromString('--heap-growing-percent=200');
}
