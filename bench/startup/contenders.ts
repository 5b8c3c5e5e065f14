/** What is started, and how each tells that it is ready. */
import type { Command } from '../lib/children.js';
import { node, outrigger, versions } from '../lib/programs.js';

export interface Starter {
  readonly name: string;
  /** Its version, or undefined if it is not installed. */
  version(): string | undefined;
  /** Listens on `port`, and has another one for its own use. */
  command(port: number, other: number): Command;
  /** What is asked for at `port`. */
  readonly path: string;
  /** The status that says that it is ready; undefined: any answer at all does. */
  readonly status: number | undefined;
}

/** The least that serves HTTP in Node. */
const BARE = `require('node:http').createServer((_, response) => response.end()).listen(Number(process.argv[1]), '127.0.0.1')`;

export const starters: readonly Starter[] = [
  {
    name: 'an empty node:http server',
    version: () => process.version,
    command: (port) => ({ file: process.execPath, args: ['-e', BARE, String(port)] }),
    path: '/',
    status: 200,
  },
  {
    name: 'stock @fastify/http-proxy',
    version: versions.httpProxy,
    command: (port, other) => node('bench/contenders/stock-http-proxy.js', port, other),
    path: '/',
    // Nothing listens upstream.
    status: undefined,
  },
  {
    name: 'Outrigger',
    version: versions.outrigger,
    command: (port, other) => {
      const { file, args, env } = outrigger('bench/contenders/outrigger.yaml', other, { BENCH_UPSTREAM_PORT: 9 });
      return { file, args, env: { ...env, OUTRIGGER_ADMIN_LISTEN: `127.0.0.1:${port}` } };
    },
    path: '/readyz',
    status: 200,
  },
];
