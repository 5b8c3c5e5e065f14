/** The demo upstream as a process of its own, for docker-compose.yml: `node dist/demo/main.js`. */
import { systemClock } from '../runtime/clock.js';
import { systemRandom } from '../runtime/random.js';
import { startDemoUpstream } from './upstream.js';

/** `host:port`, or `:port` for every address of the machine. */
const listen = process.env.DEMO_LISTEN ?? '127.0.0.1:9000';
const match = /^(.*):(\d{1,5})$/.exec(listen);

if (match === null) {
  process.stderr.write(`DEMO_LISTEN: '${listen}' is no address: write host:port\n`);
  process.exitCode = 2;
} else {
  const host = match[1]!.replace(/^\[(.*)\]$/, '$1') || '0.0.0.0';
  const upstream = await startDemoUpstream({ host, port: Number(match[2]), clock: systemClock, random: systemRandom });
  process.stdout.write(`demo upstream at ${upstream.url}\n`);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void upstream.close());
}
