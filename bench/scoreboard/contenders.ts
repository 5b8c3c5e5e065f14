/** Who is on the scoreboard, and how each is configured. Peers take part where they are installed. */
import type { Contender as Program } from '../contenders.js';
import { caddy, haproxy, nginx, node, outrigger, versions } from '../lib/programs.js';
import { ATTEMPT_TIMEOUT_MS } from './plan.js';

export interface Contender extends Omit<Program, 'command'> {
  /** Without one, the load asks the upstream itself. */
  readonly command?: Program['command'];
  /** How long the load waits for an answer, in milliseconds; GIVE_UP_MS if left out. */
  readonly giveUpMs?: number;
  /** What it does about failures, for the table's reader. */
  readonly configured: string;
  /** What it is held to by --check. */
  readonly bounds?: 'policies' | 'stale';
}

const at = 'bench/scoreboard/contenders';

export const contenders: readonly Contender[] = [
  {
    name: 'direct',
    configured: 'no proxy; the client waits for 1 s',
    giveUpMs: ATTEMPT_TIMEOUT_MS,
    version: () => process.version,
  },
  {
    name: 'stock @fastify/http-proxy',
    configured: 'its defaults (a 503 to a GET is retried ten times), 1 s for an attempt',
    version: versions.httpProxy,
    command: ({ port, upstreamPort }) => node(`${at}/stock-http-proxy.js`, port, upstreamPort),
  },
  {
    name: 'Caddy',
    configured: 'three attempts of 1 s (it has no retry by status)',
    version: versions.caddy,
    command: ({ port, upstreamPort, folder }) =>
      caddy(`${at}/Caddyfile`, folder, { PORT: port, UPSTREAM_PORT: upstreamPort }),
  },
  {
    name: 'nginx',
    configured: 'three attempts of 1 s, on error, timeout, 502, 503 and 504',
    version: versions.nginx,
    command: ({ port, upstreamPort, folder }) =>
      nginx(`${at}/nginx.conf`, folder, { PORT: port, UPSTREAM_PORT: upstreamPort }),
  },
  {
    name: 'HAProxy',
    configured: 'three attempts of 1 s, on connection failure, empty answer, timeout, 502, 503 and 504',
    version: versions.haproxy,
    command: ({ port, upstreamPort, folder }) =>
      haproxy(`${at}/haproxy.cfg`, folder, { PORT: port, UPSTREAM_PORT: upstreamPort }),
  },
  {
    name: 'Outrigger',
    configured:
      'maxAttempts 6, attempts of 1 s, base 20 ms, a hedge after 50 ms and another after 100 ms; all else as it is by default',
    bounds: 'policies',
    version: versions.outrigger,
    command: ({ port, upstreamPort }) =>
      outrigger(`${at}/outrigger.yaml`, port, { SCOREBOARD_UPSTREAM_PORT: upstreamPort }),
  },
  {
    name: 'Outrigger with stale',
    configured: 'the same, with a fallback to the last good answer',
    bounds: 'stale',
    version: versions.outrigger,
    command: ({ port, upstreamPort }) =>
      outrigger(`${at}/outrigger-stale.yaml`, port, { SCOREBOARD_UPSTREAM_PORT: upstreamPort }),
  },
];
