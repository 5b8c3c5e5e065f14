/** How the programs that take part are started, whatever is measured. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Command, versionOf } from './children.js';
import type { Candidate, Participant } from './taking-part.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** Values for `${NAME}` in a template. */
export type Values = Readonly<Record<string, string | number>>;

/** A file of the source tree, such as `bench/contenders/nginx.conf`; an absolute path stays. */
export function source(path: string): string {
  return resolve(root, path);
}

function compiled(path: string): string {
  return join(root, '.build', path);
}

/** A script of the source tree, compiled. */
export function node(script: string, ...args: readonly (string | number)[]): Command {
  return { file: process.execPath, args: [compiled(script), ...args.map(String)] };
}

/** As the image starts it (Dockerfile). */
export const AS_IN_THE_IMAGE = {
  flags: ['--max-semi-space-size=2'],
  env: { MALLOC_ARENA_MAX: '1', MALLOC_TRIM_THRESHOLD_: '131072' },
} as const;

/** The bundle, as it is shipped. */
const OUTRIGGER = source('dist/main.js');

/** Outrigger with a policy file. Its admin address is any free port. */
export function outrigger(policyFile: string, port: number, env: Values): Command {
  const texts = Object.entries(env).map(([name, value]) => [name, String(value)] as const);
  return {
    file: process.execPath,
    args: [...AS_IN_THE_IMAGE.flags, OUTRIGGER, 'run', '--config', source(policyFile)],
    env: {
      ...AS_IN_THE_IMAGE.env,
      ...Object.fromEntries(texts),
      OUTRIGGER_LISTEN: `127.0.0.1:${port}`,
      OUTRIGGER_ADMIN_LISTEN: '127.0.0.1:0',
    },
  };
}

/** nginx with a configuration that is made from a template. */
export function nginx(template: string, folder: string, values: Values): Command {
  return { file: 'nginx', args: ['-p', folder, '-e', 'stderr', '-c', fill(template, folder, values)] };
}

/** HAProxy with a configuration that is made from a template. */
export function haproxy(template: string, folder: string, values: Values): Command {
  return { file: 'haproxy', args: ['-db', '-f', fill(template, folder, values)] };
}

/** Caddy with a configuration that is made from a template. */
export function caddy(template: string, folder: string, values: Values): Command {
  const file = fill(template, folder, values);
  return {
    file: 'caddy',
    args: ['run', '--adapter', 'caddyfile', '--config', file],
    // It saves its configuration: here, and not in the home of whoever runs this.
    env: { GOMAXPROCS: '1', XDG_CONFIG_HOME: folder, XDG_DATA_HOME: folder },
  };
}

/** Envoy with a configuration that is made from a template, in one worker thread. */
export function envoy(template: string, folder: string, values: Values): Command {
  const args = ['-c', fill(template, folder, values), '--concurrency', '1', '--use-dynamic-base-id', '-l', 'error'];
  return { file: 'envoy', args };
}

/** Each program's version; undefined where it is not installed. */
export const versions = {
  outrigger: () => (existsSync(OUTRIGGER) ? packageVersion('package.json') : undefined),
  httpProxy: () => packageVersion('node_modules/@fastify/http-proxy/package.json'),
  nginx: () => versionOf('nginx', ['-v'], /nginx\/([\d.]+)/),
  haproxy: () => versionOf('haproxy', ['-v'], /version ([\d.]+)/),
  caddy: () => versionOf('caddy', ['version'], /^v?(\d\S*)/m),
  envoy: () => versionOf('envoy', ['--version'], /version: [0-9a-f]+\/([\d.]+)/),
} satisfies Readonly<Record<string, () => string | undefined>>;

/** Who takes part where no other program is measured: this source tree, built or not. */
export function outriggerAlone(): Participant<Candidate>[] {
  const version = packageVersion('package.json');
  return [{ contender: { name: 'Outrigger', version: () => version }, version }];
}

/** Puts values for `${NAME}` into a template of the source tree and writes it to the folder. Returns the path. */
function fill(template: string, folder: string, values: Values): string {
  mkdirSync(folder, { recursive: true });
  const text = readFileSync(source(template), 'utf8');
  const path = join(folder, basename(template));
  writeFileSync(
    path,
    text.replace(/\$\{(\w+)\}/g, (_, name: string) => String(values[name])),
  );
  return path;
}

function packageVersion(path: string): string {
  const { version } = JSON.parse(readFileSync(source(path), 'utf8')) as { version: string };
  return version;
}
