/**
 * The whole proxy in a process whose memory can be asked for. `node --expose-gc proxy.js PORT UPSTREAM_PORT`; a message
 * 'measure' from its parent collects garbage and sends a Measure.
 */
import { createApp } from '../../src/app.js';
import { parseConfig } from '../../src/config/load.js';
import { createLogger } from '../../src/observability/logging.js';
import { systemClock } from '../../src/runtime/clock.js';
import { systemRandom } from '../../src/runtime/random.js';
import { tuneCollector } from '../../src/runtime/v8-flags.js';

export interface Measure {
  /** Bytes after a forced collection. */
  readonly heap: number;
  readonly rss: number;
  /** Open sockets, timers and the like. */
  readonly resources: number;
  /** What Node warned of, and promises that were rejected with nobody listening. */
  readonly complaints: readonly string[];
}

tuneCollector();
const [port = '0', upstreamPort = '0'] = process.argv.slice(2);
const complaints: string[] = [];
process.on('warning', (warning) => complaints.push(`${warning.name}: ${warning.message}`));
process.on('unhandledRejection', (reason) => complaints.push(`unhandled rejection: ${String(reason)}`));

const config = parseConfig(
  `
listen: 127.0.0.1:${port}
admin: { listen: 127.0.0.1:0 }
log: { level: silent }
upstreams:
  soak: { url: 'http://127.0.0.1:${upstreamPort}' }
routes:
  - name: soak
    match: { path: /* }
    upstream: soak
    attemptTimeout: 1s
    timeout: 5s
    fallback: { steps: [{ response: { status: 200, body: '{}' } }] }
`,
  'soak.yaml',
  { env: {} },
);
const app = createApp({
  config,
  logger: createLogger(config.log, process.stdout),
  clock: systemClock,
  random: systemRandom,
  version: '0.0.0',
});
await app.start();

process.on('message', () => {
  globalThis.gc?.();
  const { heapUsed, rss } = process.memoryUsage();
  const measure: Measure = {
    heap: heapUsed,
    rss,
    resources: process.getActiveResourcesInfo().length,
    complaints,
  };
  process.send?.(measure);
});
process.on('disconnect', () => process.exit(0));
