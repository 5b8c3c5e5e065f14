import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import type { EdgeRoute } from '../../../src/edge/route.js';
import { dispatchTo, routeTo, startEdge, type EdgeHarness, type HarnessOptions } from '../../support/edge-harness.js';
import { startUpstream, type Upstream } from '../../support/http-upstream.js';
import { exchange, rawClient, type RawClient } from '../../support/raw-client.js';
import { until } from '../../support/running-app.js';

let edge: EdgeHarness | undefined;
let upstream: Upstream | undefined;

async function start(options: HarnessOptions, route: Partial<EdgeRoute> = {}): Promise<EdgeHarness> {
  const started = await startUpstream();
  upstream = started;
  edge = await startEdge((agent) => [routeTo(dispatchTo(agent, started.origin), route)], options);
  return edge;
}

afterEach(async () => {
  await edge?.close();
  await upstream?.close();
  edge = upstream = undefined;
});

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

const shedCount = ({ events }: EdgeHarness) => events.filter((event) => event.type === 'shed').length;

/** Connections that have been used, and are kept. */
async function idleClients(port: number, count: number): Promise<RawClient[]> {
  const clients = Array.from({ length: count }, () => rawClient(port));
  for (const client of clients) client.write(GET);
  await Promise.all(clients.map((client) => client.until('ok')));
  return clients;
}

describe('maxConnections', () => {
  it('what is beyond is told so, in HTTP, and its connection closed', async () => {
    const running = await start({ maxConnections: 2 });
    await idleClients(running.port, 2);
    const answer = await exchange(running.port, GET);
    assert.match(answer, /^HTTP\/1\.1 503 [^]*"code":"shedding"/);
    assert.match(answer, /\r\nconnection: close\r\n/i);
    assert.match(answer, /\r\nretry-after: 1\r\n/i);
    assert.match(answer, /\r\nproxy-status: outrigger; error=connection_limit_reached\r\n/i);
    assert.equal(upstream?.seen.length, 2);
    assert.equal(shedCount(running), 1);
    const refused = running.calls().at(-1);
    assert.deepEqual([refused?.status, refused?.outcome, refused?.error?.code], [503, 'refused', 'shedding']);
  });

  it('what is beyond gets its answer though it still sends its body', async () => {
    const { port } = await start({ maxConnections: 1 });
    await idleClients(port, 1);
    const client = rawClient(port);
    client.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n${'x'.repeat(100_000)}`);
    await client.until('"code":"shedding"');
    client.write('x'.repeat(900_000));
    const { error } = await client.ended();
    assert.equal(error, undefined);
  });

  it('a WebSocket handshake beyond it is refused too', async () => {
    const { port } = await start({ maxConnections: 1 });
    await idleClients(port, 1);
    const handshake = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
    assert.match(await exchange(port, handshake), /^HTTP\/1\.1 503 [^]*"code":"shedding"/);
  });

  it('one that is beyond and asks for nothing is closed within a second', async () => {
    const { port } = await start({ maxConnections: 1 });
    await idleClients(port, 1);
    const begun = performance.now();
    const { received } = await rawClient(port).ended();
    assert.equal(received, '');
    assert.ok(performance.now() - begun < 5_000);
  });

  it('so many are beyond that even answers would be a burden: they are closed at once, and counted', async () => {
    const running = await start({ maxConnections: 10 });
    await idleClients(running.port, 10);
    const beyond = Array.from({ length: 100 }, () => rawClient(running.port));
    // Two are kept for a second to be answered.
    await Promise.all(beyond.slice(2).map((client) => client.ended()));
    await until(() => shedCount(running) === 100, 'all are counted');
    assert.equal(running.listener.connections, 12);
  });

  it('a place that becomes free is taken', async () => {
    const { port, listener } = await start({ maxConnections: 2 });
    const [first] = await idleClients(port, 2);
    first?.socket.destroy();
    await until(() => listener.connections === 1, 'the place is free');
    const client = rawClient(port);
    client.write(GET);
    assert.match(await client.until('ok'), /^HTTP\/1\.1 200/);
  });

  it('two thousand connections that come and go leave none counted', async () => {
    const { port, listener } = await start({ maxConnections: 50 });
    for (let round = 0; round < 20; round++) {
      const clients = Array.from({ length: 100 }, () => rawClient(port));
      for (const client of clients) client.write(GET);
      await Promise.all(clients.map((client) => client.until(/ok|shedding/).catch(() => undefined)));
      for (const { socket } of clients) socket.destroy();
    }
    await until(() => listener.connections === 0, 'all are gone');
  });
});
