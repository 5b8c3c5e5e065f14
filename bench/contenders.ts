/** Who is measured, and how each is started. Peers take part where they are installed. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Command, versionOf } from './lib/children.js';

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
  /** For its files, if it has any; exists. */
  readonly folder: string;
}

/** The bases of the ratios. */
export const TCP = 'raw TCP in Node';
export const STOCK = 'stock @fastify/http-proxy';

const root = fileURLToPath(new URL('../../', import.meta.url));
const compiled = (path: string): string => join(root, '.build', path);
const source = (name: string): string => join(root, 'bench/contenders', name);

/** In no order that matters: each round starts with another one. */
export const contenders: readonly Contender[] = [
  {
    name: TCP,
    version: () => process.version,
    command: ({ port, upstreamPort }) => node('bench/contenders/tcp-forward.js', port, upstreamPort),
  },
  {
    name: STOCK,
    version: () => packageVersion(join(root, 'node_modules/@fastify/http-proxy/package.json')),
    command: ({ port, upstreamPort }) => node('bench/contenders/stock-http-proxy.js', port, upstreamPort),
  },
  {
    name: 'Outrigger',
    version: () => (existsSync(compiled('src/main.js')) ? packageVersion(join(root, 'package.json')) : undefined),
    command: ({ port, upstreamPort }) => ({
      file: process.execPath,
      args: [compiled('src/main.js'), 'run', '--config', source('outrigger.yaml')],
      env: {
        BENCH_UPSTREAM_PORT: String(upstreamPort),
        OUTRIGGER_LISTEN: `127.0.0.1:${port}`,
        OUTRIGGER_ADMIN_LISTEN: '127.0.0.1:0',
      },
    }),
  },
  {
    name: 'nginx',
    version: nginxVersion,
    command: (place) => nginx('nginx.conf', place.folder, { PORT: place.port, UPSTREAM_PORT: place.upstreamPort }),
  },
  {
    name: 'HAProxy',
    version: () => versionOf('haproxy', ['-v'], /version ([\d.]+)/),
    command: ({ port, upstreamPort, folder }) => {
      const file = fill('haproxy.cfg', folder, { PORT: port, UPSTREAM_PORT: upstreamPort });
      return { file: 'haproxy', args: ['-db', '-f', file] };
    },
  },
  {
    name: 'Caddy',
    version: () => versionOf('caddy', ['version'], /^v?(\d\S*)/m),
    command: ({ port, upstreamPort, folder }) => {
      const file = fill('Caddyfile', folder, { PORT: port, UPSTREAM_PORT: upstreamPort });
      return { file: 'caddy', args: ['run', '--adapter', 'caddyfile', '--config', file], env: { GOMAXPROCS: '1' } };
    },
  },
];

/** The upstream that all of them forward to. */
export function upstreamCommand(port: number, folder: string, body: string): { name: string; command: Command } {
  const version = nginxVersion();
  if (version !== undefined) {
    return { name: `nginx ${version}`, command: nginx('nginx-upstream.conf', folder, { PORT: port, BODY: body }) };
  }
  return { name: `node:http ${process.version}`, command: node('bench/contenders/node-upstream.js', port, body) };
}

function node(script: string, ...args: readonly (string | number)[]): Command {
  return { file: process.execPath, args: [compiled(script), ...args.map(String)] };
}

function nginx(template: string, folder: string, values: Readonly<Record<string, string | number>>): Command {
  return { file: 'nginx', args: ['-p', folder, '-e', 'stderr', '-c', fill(template, folder, values)] };
}

function nginxVersion(): string | undefined {
  return versionOf('nginx', ['-v'], /nginx\/([\d.]+)/);
}

/** Puts values for `${NAME}` into a template of bench/contenders and writes it to the folder. Returns the path. */
function fill(template: string, folder: string, values: Readonly<Record<string, string | number>>): string {
  mkdirSync(folder, { recursive: true });
  const text = readFileSync(source(template), 'utf8');
  const path = join(folder, template);
  writeFileSync(
    path,
    text.replace(/\$\{(\w+)\}/g, (_, name: string) => String(values[name])),
  );
  return path;
}

function packageVersion(path: string): string {
  const { version } = JSON.parse(readFileSync(path, 'utf8')) as { version: string };
  return version;
}
