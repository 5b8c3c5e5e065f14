import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseCpuTicks } from '../../../bench/lib/proc-cpu.js';
import { startStreamingUpstream, startUpstream } from '../../support/http-upstream.js';
import { oneRoute, startProxy, type ProxyProcess } from '../../support/proxy-process.js';
import { exchange, rawClient, type RawClient } from '../../support/raw-client.js';
import { until } from '../../support/running-app.js';

const skip = process.platform === 'linux' ? false : 'reads /proc';

/** So few that a test can use them up: the process itself needs some 25. */
const DESCRIPTORS = 200;

/** How many apps are served with so few, each with a connection to the upstream; and how many others are told no. */
const CONNECTIONS = 65;
const TOLD = 9;

const get = (path = '/') => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
const LAST = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';

const portOf = ({ url }: ProxyProcess) => Number(new URL(url).port);

function clients(t: TestContext, port: number, count: number): RawClient[] {
  const all = Array.from({ length: count }, () => rawClient(port));
  t.after(() => {
    for (const { socket } of all) socket.destroy();
  });
  return all;
}

/** Asks over each connection, and waits until each has its answer or was closed; the statuses, 0 for none. */
async function ask(all: readonly RawClient[], path?: string): Promise<number[]> {
  return Promise.all(
    all.map(async (client) => {
      const before = client.received.length;
      client.write(get(path));
      try {
        await client.until(new RegExp(`^[^]{${before}}HTTP/1\\.1 \\d{3} [^]*(?:\\r\\n\\r\\n)`));
      } catch {
        return 0;
      }
      return Number(client.received.slice(before + 9, before + 12));
    }),
  );
}

const counted = (statuses: readonly number[], status: number) => statuses.filter((one) => one === status).length;

/** Ticks of CPU, mostly 10 ms each. */
const cpu = ({ child }: ProxyProcess) => parseCpuTicks(readFileSync(`/proc/${child.process.pid}/stat`, 'utf8'));

describe('with few file descriptors', { skip }, () => {
  test('as many apps as can be served are; the others are told, /metrics answers, and all is well afterwards', async (t) => {
    const upstream = await startUpstream();
    t.after(() => upstream.close());
    const proxy = await startProxy(t, oneRoute(upstream.origin), { descriptors: DESCRIPTORS });
    const port = portOf(proxy);
    const [bounded] = proxy.child.lines().filter(({ maxConnections }) => maxConnections !== undefined);
    assert.deepEqual([bounded?.level, bounded?.maxConnections], ['warn', CONNECTIONS]);
    assert.match(String(bounded?.suggestion), /^allow \d{5}: ulimit -n, LimitNOFILE=/);

    const all = clients(t, port, 300);
    const statuses = await ask(all);
    assert.equal(counted(statuses, 200), CONNECTIONS);
    assert.ok(counted(statuses, 503) >= TOLD, 'some are told in HTTP');
    assert.equal(counted(statuses, 200) + counted(statuses, 503) + counted(statuses, 0), 300);
    assert.equal(await proxy.metric('shed_total{reason="connections"}'), 300 - CONNECTIONS);
    assert.equal(await proxy.metric('shed_total{reason="descriptors"}'), 0);
    await until(async () => (await proxy.metric('connections')) === CONNECTIONS, 'those that were told are gone');
    const before = cpu(proxy);
    await sleep(500);
    assert.ok(cpu(proxy) - before < 25, 'it does not spin');
    const told = proxy.child.lines().filter(({ msg }) => msg === 'too many connections');
    assert.equal(told.length, 1, 'the log has it once');

    for (const { socket } of all) socket.destroy();
    await until(async () => (await proxy.metric('connections')) === 0, 'all are gone');
    assert.match(await exchange(port, LAST), /^HTTP\/1\.1 200/);
  });

  test('hedges that would take what calls need are not made; whoever comes is answered', async (t) => {
    const upstream = await startStreamingUpstream((_request, response) => {
      setTimeout(() => response.end('ok'), 2_000);
    });
    t.after(() => upstream.close());
    // Three hedges for each call: four connections to the upstream.
    const lines = `log: { access: off }
limits: { maxEventLoopDelay: off }
upstreams: { service: { url: "${upstream.origin}", retryBudget: { totalRatio: 1000%, failedRatio: 1000% } } }
routes: [{ name: all, match: {}, upstream: service, retry: false, hedge: { delay: 700ms, max: 3 } }]
`;
    const proxy = await startProxy(t, lines, { descriptors: DESCRIPTORS });
    const port = portOf(proxy);
    const answers = ask(clients(t, port, CONNECTIONS));
    await until(async () => (await proxy.metric('shed_total{reason="descriptors"}')) > 0, 'hedges find none');
    const late = await ask(clients(t, port, TOLD));
    assert.equal(counted(late, 503), TOLD, 'who comes late is told');
    assert.equal(counted(await answers, 200), CONNECTIONS);
    assert.equal(
      await proxy.metric(`circuit_state{upstream="service",key="${upstream.origin}",state="closed"}`),
      1,
      'nothing of it is held against the upstream',
    );
  });

  test('connections that are idle make room for calls to other upstreams', async (t) => {
    const upstreams = await Promise.all([startUpstream(), startUpstream(), startUpstream()]);
    t.after(() => Promise.all(upstreams.map((upstream) => upstream.close())));
    const named = upstreams.map(({ origin }, i) => `u${i}: { url: "${origin}", keepAliveTimeout: 60s }`);
    const routes = upstreams.map((_, i) => `{ name: r${i}, match: { path: "/${i}" }, upstream: u${i}, retry: false }`);
    const lines = `log: { access: off }
limits: { maxEventLoopDelay: off }
upstreams: { ${named.join(', ')} }
routes: [${routes.join(', ')}]
`;
    const proxy = await startProxy(t, lines, { descriptors: DESCRIPTORS });
    const all = clients(t, portOf(proxy), CONNECTIONS);
    for (const path of ['/0', '/1', '/2', '/0']) {
      assert.deepEqual(new Set(await ask(all, path)), new Set([200]), path);
    }
    assert.equal(await proxy.metric('shed_total{reason="descriptors"}'), 0);
  });
});
