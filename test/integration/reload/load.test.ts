import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Child, compiled } from '../../support/child.js';
import { startUpstream } from '../../support/http-upstream.js';
import { load } from '../../support/load.js';
import { folder } from '../../support/proxy-process.js';
import { until } from '../../support/running-app.js';

const RELOADS = 100;

interface Held {
  readonly heap: number;
  readonly descriptors: number;
}

const skip = process.platform === 'linux' ? false : 'reads /proc';

/** Each differs from the one before in all that can be taken over, or not: connections, policies, routes, checks. */
const policy = (origin: string, n: number) => `listen: 127.0.0.1:0
admin: { listen: 127.0.0.1:0 }
log: { access: off }
limits: { maxEventLoopDelay: off }
reload: manual
upstreams:
  service:
    url: "${origin}"
    connectTimeout: ${n % 2 === 0 ? 3 : 4}s
    healthCheck: { path: /health, interval: ${1 + (n % 3)}s }
    circuitBreaker: { minimumCalls: ${20 + (n % 2)} }
  other${n % 4}: { url: "${origin}", concurrency: { limit: ${100 + n} } }
routes:
  - { name: extra${n % 5}, match: { path: /extra }, upstream: other${n % 4}, fallback: { steps: [{ stale: {} }] } }
  - name: all
    match: {}
    upstream: service
    hedge: { delay: ${n % 2 === 0 ? 'p99' : '5s'} }
    rateLimit: { requests: ${1_000_000 + n} }
    responseHeaders: { set: { x-policy: "${n}" } }
`;

/** What the process holds once it has nothing to do. */
async function held(child: Child): Promise<Held> {
  const before = child.stdout.length;
  child.kill('SIGUSR2');
  for (;;) {
    const line = /held (\{.*\})\n/.exec(child.stdout.slice(before))?.[1];
    if (line !== undefined) return JSON.parse(line) as Held;
    await sleep(20);
  }
}

test('a hundred reloads under load lose no call and leave nothing behind', { skip }, async (t) => {
  const upstream = await startUpstream();
  t.after(() => upstream.close());
  const file = path.join(folder(), 'outrigger.yaml');
  writeFileSync(file, policy(upstream.origin, 0));
  const script = compiled('test/support/measured-process');
  const child = new Child('--expose-gc', [script, '--config', file]);
  t.after(() => child.kill('SIGKILL'));
  const url = (await child.says(/"address":"([^"]+)","msg":"listening"/))[1]!;
  const admin = (await child.says(/"address":"([^"]+)","msg":"admin listening"/))[1]!;
  let n = 0;
  /** That many reloads, one after the other, while calls are made all the time. */
  const reloadUnderLoad = async (times: number) => {
    let over = false;
    const began = performance.now();
    const calls = load(url, { calls: 200_000, concurrency: 24, pauseMs: 8, goOn: () => !over });
    try {
      for (let i = 0; i < times; i++) {
        n++;
        writeFileSync(file, policy(upstream.origin, n));
        const response = await fetch(`${admin}/-/reload`, { method: 'POST' });
        const body = await response.text();
        assert.match(body, /"result":"changed"/);
        // Reloads alone would take all of the processor.
        await sleep(30);
      }
    } finally {
      over = true;
    }
    const { sent, answered, failed } = await calls;
    return { sent, answered, failed, perSecond: Math.round((sent * 1_000) / (performance.now() - began)) };
  };
  const settle = async () => {
    const metrics = async () => (await fetch(`${admin}/metrics`)).text();
    await until(async () => (await metrics()).includes('\noutrigger_in_flight_requests 0\n'), 'nothing is in flight');
    // Connections of the test's own are closed, and those to the upstream for which there is no pool any more.
    await until(async () => (await metrics()).includes('\noutrigger_connections 0\n'), 'no app is connected');
    return held(child);
  };

  // What the compiler makes of code that is used for the first time is no leak.
  await reloadUnderLoad(40);
  const before = await settle();
  const { sent, answered, failed, perSecond } = await reloadUnderLoad(RELOADS);
  const after = await settle();

  assert.deepEqual(Object.fromEntries(failed), {}, 'nothing is lost');
  assert.deepEqual(Object.fromEntries(answered), { 200: sent });
  assert.ok(sent > RELOADS, `${sent} calls`);
  const response = await fetch(url);
  assert.equal(response.headers.get('x-policy'), String(n));
  await response.text();
  assert.ok(after.descriptors <= before.descriptors + 30, `descriptors: ${before.descriptors}, ${after.descriptors}`);
  // Two of the 1,000 events that are kept, some 2.5 KB, and machine code: seen are 15 KB,
  // and 290 with every generation kept.
  const grown = Math.round((after.heap - before.heap) / RELOADS);
  t.diagnostic(`${sent} calls, ${perSecond} a second; ${grown} bytes a reload`);
  assert.ok(grown < 30_000, `${grown} bytes more for each reload`);
});
