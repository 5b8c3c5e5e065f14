/** Who is measured, and how each is started. Peers take part where they are installed. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from './lib/children.js';
import { caddy, envoy, haproxy, nginx, node, outrigger, versions } from './lib/programs.js';

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

/** Names that scenarios refer to. */
export const TCP = 'raw TCP in Node';
export const STOCK = 'stock @fastify/http-proxy';
export const DEFAULTS = 'Outrigger';
export const EVERYTHING = 'Outrigger with everything';
export const NGINX = 'nginx';
export const NGINX_LARGE_BUFFERS = 'nginx, 64 KiB buffers';
export const NGINX_TO_DISK = 'nginx, buffering to disk';
export const CADDY = 'Caddy';

/** nginx as it comes gathers bodies in files, of answers that their reader is slower to take; the others hand bodies on. */
const HAND_ON = 'proxy_max_temp_file_size 0; proxy_request_buffering off;';
/** Node reads 64 KiB at once, nginx as it comes 4 KiB. */
const LARGE_BUFFERS =
  'proxy_buffer_size 64k; proxy_buffers 8 64k; proxy_busy_buffers_size 128k; client_body_buffer_size 64k;';

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
    name: EVERYTHING,
    version: versions.outrigger,
    command: ({ port, upstreamPort }) =>
      outrigger('bench/contenders/outrigger-everything.yaml', port, { BENCH_UPSTREAM_PORT: upstreamPort }),
  },
  nginxContender(NGINX, HAND_ON),
  nginxContender(NGINX_LARGE_BUFFERS, `${HAND_ON} ${LARGE_BUFFERS}`),
  nginxContender(NGINX_TO_DISK, ''),
  {
    name: 'HAProxy',
    version: versions.haproxy,
    command: ({ folder, ...ports }) => haproxy('bench/contenders/haproxy.cfg', folder, values(ports)),
  },
  {
    name: CADDY,
    version: versions.caddy,
    command: ({ folder, ...ports }) => caddy('bench/contenders/Caddyfile', folder, values(ports)),
  },
  {
    name: 'Envoy',
    version: versions.envoy,
    command: ({ folder, ...ports }) => envoy('bench/contenders/envoy.yaml', folder, values(ports)),
  },
];

function nginxContender(name: string, buffering: string): Contender {
  return {
    name,
    version: versions.nginx,
    command: ({ folder, ...ports }) =>
      nginx('bench/contenders/nginx.conf', folder, { ...values(ports), BUFFERING: buffering }),
  };
}

function values({ port, upstreamPort }: Omit<Place, 'folder'>) {
  return { PORT: port, UPSTREAM_PORT: upstreamPort };
}

/** The longest answer that nginx takes from its configuration. */
const MOST_IN_CONFIGURATION = 4_000;

/**
 * The upstream that all of them forward to: it gives so many bytes for an answer. One that is sent bodies reads them, which
 * nginx does not do before it answers.
 */
export function upstreamCommand(
  port: number,
  folder: string,
  { answerBytes, uploadBytes }: { readonly answerBytes: number; readonly uploadBytes: number },
): { readonly name: string; readonly command: Command } {
  const version = versions.nginx();
  if (version === undefined || uploadBytes > 0) {
    const command = node('bench/contenders/node-upstream.js', port, answerBytes);
    return { name: `node:http ${process.version}`, command };
  }
  const body = 'x'.repeat(answerBytes);
  const inConfiguration = answerBytes <= MOST_IN_CONFIGURATION;
  if (!inConfiguration) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'body'), body);
  }
  const answer = inConfiguration ? `return 200 '${body}';` : 'try_files /body =404;';
  const command = nginx('bench/contenders/nginx-upstream.conf', folder, { PORT: port, ANSWER: answer });
  return { name: `nginx ${version}`, command };
}
