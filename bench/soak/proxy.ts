/**
 * The whole proxy in a process that can be asked how much it holds.
 * `node --expose-gc proxy.js PORT ADMIN_PORT UPSTREAM_PORT`; it answers each message from its parent with a Measure.
 */
import { readdirSync } from 'node:fs';
import { parseConfig } from '../../src/config/load.js';
import { startInProcess } from '../lib/in-process.js';
import type { Measure } from './plan.js';

const [port = '0', adminPort = '0', upstreamPort = '0'] = process.argv.slice(2);
const complaints: string[] = [];
process.on('warning', (warning) => complaints.push(`${warning.name}: ${warning.message}`));
process.on('unhandledRejection', (reason) => complaints.push(`unhandled rejection: ${String(reason)}`));

const config = parseConfig(
  `
listen: 127.0.0.1:${port}
admin: { listen: '127.0.0.1:${adminPort}' }
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
await startInProcess(config);

process.on('message', ({ collect }: { collect: boolean }) => {
  if (collect) globalThis.gc?.();
  const { heapUsed, rss } = process.memoryUsage();
  const descriptors = readdirSync('/proc/self/fd').length;
  const measure: Measure = { heap: heapUsed, rss, descriptors, complaints };
  process.send?.(measure);
});
