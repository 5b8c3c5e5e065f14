/** Who is measured, and how each is started. Peers take part where they are installed. */
import type { Command } from './lib/children.js';
import { caddy, haproxy, nginx, node, outrigger, versions } from './lib/programs.js';

export interface Contender {
  readonly name: string;
  /** Its version, or undefined if it is not installed. */
  version(): string | undefined;
  command(place: Place): Command;
}

/** What a contender is told. */
export interface Place {
  readonly port: number;
  readonly upstreamPort: number;
  /** For its files, if it has any. */
  readonly folder: string;
}

/** The bases of the ratios. */
export const TCP = 'raw TCP in Node';
export const STOCK = 'stock @fastify/http-proxy';
export const DEFAULTS = 'Outrigger';

/** In no order that matters: each round starts with another one. */
export const contenders: readonly Contender[] = [
  {
    name: TCP,
    version: () => process.version,
    command: ({ port, upstreamPort }) => node('bench/contenders/tcp-forward.js', port, upstreamPort),
  },
  {
    name: STOCK,
    version: versions.httpProxy,
    command: ({ port, upstreamPort }) => node('bench/contenders/stock-http-proxy.js', port, upstreamPort),
  },
  {
    name: DEFAULTS,
    version: versions.outrigger,
    command: ({ port, upstreamPort }) =>
      outrigger('bench/contenders/outrigger.yaml', port, { BENCH_UPSTREAM_PORT: upstreamPort }),
  },
  {
    name: 'Outrigger with everything',
    version: versions.outrigger,
    command: ({ port, upstreamPort }) =>
      outrigger('bench/contenders/outrigger-everything.yaml', port, { BENCH_UPSTREAM_PORT: upstreamPort }),
  },
  {
    name: 'nginx',
    version: versions.nginx,
    command: ({ folder, ...ports }) => nginx('bench/contenders/nginx.conf', folder, values(ports)),
  },
  {
    name: 'HAProxy',
    version: versions.haproxy,
    command: ({ folder, ...ports }) => haproxy('bench/contenders/haproxy.cfg', folder, values(ports)),
  },
  {
    name: 'Caddy',
    version: versions.caddy,
    command: ({ folder, ...ports }) => caddy('bench/contenders/Caddyfile', folder, values(ports)),
  },
];

function values({ port, upstreamPort }: Omit<Place, 'folder'>) {
  return { PORT: port, UPSTREAM_PORT: upstreamPort };
}

/** The upstream that all of them forward to. */
export function upstreamCommand(port: number, folder: string, body: string): { name: string; command: Command } {
  const version = versions.nginx();
  if (version !== undefined) {
    const command = nginx('bench/contenders/nginx-upstream.conf', folder, { PORT: port, BODY: body });
    return { name: `nginx ${version}`, command };
  }
  return { name: `node:http ${process.version}`, command: node('bench/contenders/node-upstream.js', port, body) };
}
