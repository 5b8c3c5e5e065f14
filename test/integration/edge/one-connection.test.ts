import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, it } from 'node:test';
import { dispatchTo, routeTo, startEdge, type EdgeHarness } from '../../support/edge-harness.js';
import { startRawUpstream, type RawUpstream } from '../../support/http-upstream.js';
import { rawClient, type RawClient } from '../../support/raw-client.js';

let edge: EdgeHarness;
let upstream: RawUpstream;
let client: RawClient;
/** What waits for its answer, by path. */
const asked = new Map<string, (bytes: string) => void>();

/** An upstream whose answers are written by hand, and a client with one connection. */
async function start(): Promise<void> {
  upstream = await startRawUpstream(
    (socket) => {
      let text = '';
      socket.on('data', (chunk: Buffer) => {
        text += chunk.toString('latin1');
        const path = /^\w+ (\S+) [^]*\r\n\r\n/.exec(text)?.[1];
        if (path === undefined) return;
        asked.set(path, (bytes) => socket.write(bytes, 'latin1'));
        text = '';
      });
    },
    () => {},
  );
  edge = await startEdge((agent) => [routeTo(dispatchTo(agent, upstream.origin))]);
  client = rawClient(edge.port);
}

afterEach(async () => {
  client.socket.destroy();
  asked.clear();
  edge.edge.cutAll();
  await edge.close();
  await upstream.close();
});

const get = (path: string, headers = '') => `GET ${path} HTTP/1.1\r\nHost: a\r\n${headers}\r\n`;
const ok = (body: string) => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
const H2C = 'Connection: Upgrade\r\nUpgrade: h2c\r\n';
const WEBSOCKET =
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: eA==\r\nSec-WebSocket-Version: 13\r\n';

/** Answers a request as soon as it is there. */
async function answer(path: string, bytes: string): Promise<void> {
  while (!asked.has(path)) await sleep(2);
  asked.get(path)?.(bytes);
}

const statuses = () => [...client.received.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));

describe('what comes behind a call on its connection has its turn', () => {
  for (const [what, bytes, status] of [
    ['garbage', '\0\0\0\0', 400],
    ['CONNECT', 'CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n', 501],
    ['a head that is too large', get('/2', `X: ${'x'.repeat(20_000)}\r\n`), 431],
    ['a broken body', 'POST /2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n', 400],
  ] as const) {
    it(`${what}: the call is answered, then ${status}, then the connection ends`, async () => {
      await start();
      client.write(get('/1') + bytes);
      while (!asked.has('/1')) await sleep(2);
      await sleep(20);
      assert.equal(client.received, '');
      await answer('/1', ok('one'));
      await client.ended();
      assert.deepEqual(statuses(), [200, status]);
      const calls = await edge.callsEnded(2);
      assert.deepEqual(calls.map((call) => [call.status, call.outcome]).sort(), [
        [200, 'success'],
        [status, 'refused'],
      ]);
    });
  }

  it('a WebSocket: the call is answered, then the handshake', async () => {
    await start();
    client.write(get('/1') + get('/2', WEBSOCKET));
    await answer('/1', ok('x'.repeat(3_000_000)));
    await answer('/2', 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello');
    await client.until('hello');
    assert.deepEqual(statuses(), [200, 101]);
  });

  it('100 Continue waits for its turn', async () => {
    await start();
    client.write(`${get('/1')}POST /2 HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n`);
    while (!asked.has('/1')) await sleep(2);
    await answer('/1', ok('one'));
    await client.until('HTTP/1.1 100 Continue\r\n\r\n');
    client.write('abc');
    await answer('/2', ok('two'));
    await client.until('two');
    assert.deepEqual(statuses(), [200, 100, 200]);
  });
});

describe('behind a request whose Upgrade is ignored', () => {
  it('requests are served, one after the other, however large the answers are', async () => {
    await start();
    const post = `POST /2 HTTP/1.1\r\nHost: a\r\n${H2C}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`;
    client.write(get('/1', H2C) + post + get('/3', H2C) + get('/4').slice(0, 9));
    for (const path of ['/1', '/2', '/3']) await answer(path, ok(`${path}${'x'.repeat(1_000_000)}.`));
    await client.until(/(\.[^]*){3}/);
    client.write(get('/4').slice(9));
    await answer('/4', ok('four'));
    await client.until('four');
    assert.deepEqual(statuses(), [200, 200, 200, 200]);
  });

  it('the connection stays open for later requests, and is read on when idle', async () => {
    await start();
    client.write(get('/1', H2C));
    await answer('/1', ok('one'));
    await client.until('one');
    await sleep(30);
    client.write(get('/2'));
    await answer('/2', ok('two'));
    await client.until('two');
    client.socket.end();
    await client.ended();
  });

  it('an app that goes away is noticed while its call is in flight', async () => {
    await start();
    client.write(get('/1', H2C));
    while (!asked.has('/1')) await sleep(2);
    client.socket.resetAndDestroy();
    assert.equal((await edge.callsEnded(1))[0]?.outcome, 'client-gone');
  });

  it('the connection ends when the listener has closed meanwhile', async () => {
    await start();
    client.write(get('/1', H2C));
    while (!asked.has('/1')) await sleep(2);
    const closed = edge.listener.close();
    await answer('/1', ok('one'));
    assert.match((await client.ended()).received, /one$/);
    await closed;
  });
});

describe('an answer that says it is the last of its connection', () => {
  it('is: what came behind is not served', async () => {
    await start();
    client.write(`POST /1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: x, chunked\r\n\r\n0\r\n\r\n${get('/2')}`);
    const { received } = await client.ended();
    assert.match(received, /^HTTP\/1\.1 501 [^]*connection: close\r\n/);
    assert.equal(asked.size, 0);
  });

  it('also where only a trailer said so', async () => {
    await start();
    const trailer = 'Connection: close\r\n';
    client.write(`POST /1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n${trailer}\r\n${get('/2')}`);
    await answer('/1', ok('one'));
    assert.match((await client.ended()).received, /one$/);
    assert.deepEqual([...asked.keys()], ['/1']);
  });
});
