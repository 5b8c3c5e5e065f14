/** The load: wrk where it is installed, as a Node generator saturates before a fast proxy does; else our own. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { LOAD_CORE, versionOf } from './children.js';
import { source } from './programs.js';

export interface LoadResult {
  readonly calls: number;
  /** Answers other than 2xx and 3xx, and connections that failed. */
  readonly errors: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface LoadGenerator {
  readonly name: string;
  run(url: string, connections: number, seconds: number, requests?: Requests): Promise<LoadResult>;
}

/** What is asked for; GETs of the URL if nothing is said. */
export interface Requests {
  /** The body of each request, which is then a POST; 0: none. */
  readonly uploadBytes?: number;
  /** A file of GETs to make in turn, a line each: path, and a header's name and value if it has one, with tabs between. */
  readonly file?: string;
}

const run = promisify(execFile);

/** A generator that hangs is given up so long after it should have ended. */
const GRACE_MS = 15_000;

/** What is there to make load with. */
export function loadGenerator(): LoadGenerator {
  const version = versionOf('wrk', ['-v'], /^wrk\s+(\S+)/m);
  if (version !== undefined) {
    return {
      name: `wrk ${version}`,
      run: async (url, connections, seconds, requests = {}) => {
        const args = ['-t1', `-c${connections}`, `-d${seconds}s`, '--latency', ...script(requests), url];
        return parseWrk(await pinned('wrk', args, seconds, requests));
      },
    };
  }
  const generator = fileURLToPath(new URL('node-load.js', import.meta.url));
  return {
    name: 'a Node generator (wrk is not installed: it may saturate first)',
    run: async (url, connections, seconds, requests = {}) =>
      JSON.parse(
        await pinned(process.execPath, [generator, url, String(connections), String(seconds)], seconds, requests),
      ) as LoadResult,
  };
}

/** wrk's script for requests that are no plain GETs of one URL. */
function script({ uploadBytes = 0, file }: Requests): string[] {
  if (file !== undefined) return ['-s', source('bench/lib/requests.lua')];
  return uploadBytes > 0 ? ['-s', source('bench/lib/upload.lua')] : [];
}

async function pinned(file: string, args: readonly string[], seconds: number, requests: Requests): Promise<string> {
  const env = {
    ...process.env,
    UPLOAD_BYTES: String(requests.uploadBytes ?? 0),
    ...(requests.file === undefined ? {} : { REQUESTS_FILE: requests.file }),
  };
  const options = { timeout: seconds * 1_000 + GRACE_MS, env };
  const { stdout } = await run('taskset', ['-c', String(LOAD_CORE), file, ...args], options);
  return stdout;
}

/** What wrk prints, as numbers. Throws if it is not wrk's. */
export function parseWrk(text: string): LoadResult {
  const total = /^\s*(\d+) requests in (\S+),/m.exec(text);
  const p50 = /^\s*50%\s+(\S+)/m.exec(text);
  const p99 = /^\s*99%\s+(\S+)/m.exec(text);
  if (total === null || p50 === null || p99 === null) throw new Error(`wrk said something else:\n${text}`);
  const sockets = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text);
  const statuses = /Non-2xx or 3xx responses: (\d+)/.exec(text);
  const errors = [...(sockets?.slice(1) ?? []), statuses?.[1] ?? '0'].reduce((sum, count) => sum + Number(count), 0);
  return {
    calls: Number(total[1]),
    errors,
    seconds: parseTime(total[2]!) / 1_000,
    p50Ms: parseTime(p50[1]!),
    p99Ms: parseTime(p99[1]!),
  };
}

const MS_PER: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1_000, m: 60_000 };

/** Milliseconds of wrk's times: `85.00us`, `1.20ms`, `4.00s`, `1.50m`. */
function parseTime(text: string): number {
  const match = /^([\d.]+)(us|ms|s|m)$/.exec(text);
  if (match === null) throw new Error(`'${text}' is no time of wrk's`);
  return Number(match[1]) * MS_PER[match[2]!]!;
}
