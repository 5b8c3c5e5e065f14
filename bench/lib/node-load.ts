/**
 * A closed-loop load generator for machines without wrk: `node node-load.js URL CONNECTIONS SECONDS` prints a LoadResult.
 * With UPLOAD_BYTES in the environment it makes POSTs with so long a body, with REQUESTS_FILE those of the file (load.ts).
 */
import { readFileSync } from 'node:fs';
import { Pool } from 'undici';
import type { LoadResult } from './load.js';

const [url = '', connections = '1', seconds = '1'] = process.argv.slice(2);
const { origin, pathname } = new URL(url);
const uploadBytes = Number(process.env.UPLOAD_BYTES ?? 0);
const file = process.env.REQUESTS_FILE;
const requests =
  uploadBytes > 0
    ? [{ path: pathname, method: 'POST' as const, body: Buffer.alloc(uploadBytes, 'x') }]
    : (file === undefined ? [pathname] : readFileSync(file, 'utf8').trimEnd().split('\n')).map((line) => {
        const [path = '', name, value = ''] = line.split('\t');
        return { path, method: 'GET' as const, headers: name === undefined ? {} : { [name]: value } };
      });
let made = 0;
const pool = new Pool(origin, { connections: Number(connections), pipelining: 1 });
const startedAt = performance.now();
/** Beyond so many there is nothing to measure. */
const MOST_ERRORS = 1_000;
const until = startedAt + Number(seconds) * 1_000;
const tookMs: number[] = [];
let errors = 0;

/** One connection's worth: a call after another until time is over. */
async function callInTurn(): Promise<void> {
  while (performance.now() < until && errors < MOST_ERRORS) {
    const from = performance.now();
    try {
      const { statusCode, body } = await pool.request(requests[made++ % requests.length]!);
      // Read and not `dump`ed, which gives large bodies up.
      for await (const _ of body);
      if (statusCode >= 400) errors++;
      tookMs.push(performance.now() - from);
    } catch {
      errors++;
    }
  }
}

await Promise.all(Array.from({ length: Number(connections) }, callInTurn));
const elapsed = (performance.now() - startedAt) / 1_000;
await pool.destroy();
tookMs.sort((a, b) => a - b);
const result: LoadResult = {
  calls: tookMs.length,
  errors,
  seconds: elapsed,
  p50Ms: tookMs[Math.floor(tookMs.length * 0.5)] ?? NaN,
  p99Ms: tookMs[Math.floor(tookMs.length * 0.99)] ?? NaN,
};
process.stdout.write(JSON.stringify(result));
