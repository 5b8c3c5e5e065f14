/** Loaded into the proxy's process before its program (`node --import`): tells its parent how much memory it holds. */
export interface Measure {
  /** Bytes, after all garbage was collected. */
  readonly heap: number;
  readonly rss: number;
  /** What Node warned of, and promises that were rejected with nobody listening. */
  readonly complaints: readonly string[];
}

const complaints: string[] = [];
process.on('warning', (warning) => complaints.push(`${warning.name}: ${warning.message}`));
process.on('message', () => {
  globalThis.gc?.();
  const { heapUsed, rss } = process.memoryUsage();
  const measure: Measure = { heap: heapUsed, rss, complaints };
  process.send?.(measure);
});
process.channel?.unref();
