import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, it } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import type { EdgeRoute } from '../../../src/edge/route.js';
import { OutriggerError } from '../../../src/errors.js';
import type { Dispatch } from '../../../src/policies/policy.js';
import { dispatchTo, routeTo, startEdge, type EdgeHarness } from '../../support/edge-harness.js';
import { startByteUpstream, startRawUpstream, startUpstream, valuesOf } from '../../support/http-upstream.js';
import { rawClient } from '../../support/raw-client.js';

let edge: EdgeHarness;
let upstream: { origin: string; close(): Promise<void> };

async function serve<T extends { origin: string; close(): Promise<void> }>(
  started: T,
  route: Partial<EdgeRoute> = {},
  dispatch?: Dispatch,
): Promise<T> {
  upstream = started;
  edge = await startEdge((agent) => [routeTo(dispatch ?? dispatchTo(agent, started.origin), route)]);
  return started;
}

afterEach(async () => {
  edge.edge.cutAll();
  await edge.close();
  await upstream.close();
});

const H2C = 'Host: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n';
const HANDSHAKE =
  'GET /chat?x=1 HTTP/1.1\r\nHost: a.test\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n' +
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n';

describe('an upgrade that is no WebSocket is ignored', () => {
  it('47. GET and POST with Upgrade: h2c are served as HTTP/1.1, and the connection lives on', async () => {
    const { seen } = await serve(
      await startUpstream((response, { method, body }) => response.end(`${method} ${body.toString()}.`)),
    );
    const client = rawClient(edge.port);
    client.write(`GET /1 HTTP/1.1\r\n${H2C}\r\n`);
    await client.until('GET .');
    client.write(`POST /2 HTTP/1.1\r\n${H2C}Content-Length: 5\r\n\r\nhel`);
    await sleep(20);
    client.write('lo');
    await client.until('POST hello.');
    client.write(`POST /3 HTTP/1.1\r\n${H2C}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`);
    await client.until('POST abc.');
    client.write('GET /4 HTTP/1.1\r\nHost: a\r\n\r\n');
    await client.until(/(GET \.[^]*){2}/);
    assert.equal(seen.length, 4);
    for (const request of seen) {
      for (const name of ['upgrade', 'http2-settings']) assert.deepEqual(valuesOf(request, name), []);
    }
    client.socket.destroy();
  });

  it('websocket asked for by POST is served as HTTP/1.1', async () => {
    await serve(await startUpstream());
    const client = rawClient(edge.port);
    client.write(
      'POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 0\r\n\r\n',
    );
    await client.until('HTTP/1.1 200');
    client.socket.destroy();
  });
});

interface SocketUpstream {
  readonly origin: string;
  readonly sockets: WebSocket[];
  readonly headers: NodeJS.Dict<string | string[]>[];
  close(): Promise<void>;
}

/** A WebSocket server that echoes, speaks the subprotocol `chat`, and refuses /no with 403. */
async function startSocketUpstream(): Promise<SocketUpstream> {
  const server: Server = createServer();
  const wss = new WebSocketServer({
    server,
    perMessageDeflate: true,
    handleProtocols: (offered) => (offered.has('chat') ? 'chat' : false),
    verifyClient: ({ req }, answer) => {
      if (req.url === '/no') answer(false, 403, 'no entry', { 'X-Why': 'because' });
      else answer(true);
    },
  });
  const sockets: WebSocket[] = [];
  const headers: NodeJS.Dict<string | string[]>[] = [];
  wss.on('connection', (socket, request) => {
    sockets.push(socket);
    headers.push(request.headers);
    socket.on('message', (data, binary) => socket.send(data, { binary }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    sockets,
    headers,
    close: async () => {
      for (const socket of sockets) socket.terminate();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function open(path = '/', protocols: string[] = [], headers: Record<string, string> = {}): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${edge.port}${path}`, protocols, { headers });
    socket.once('open', () => resolve(socket));
    socket.once('error', reject);
  });
}

const nextMessage = (socket: WebSocket) =>
  new Promise<Buffer>((resolve) => socket.once('message', (data) => resolve(data as Buffer)));

describe('a WebSocket', () => {
  it('passes with its subprotocol, extensions and headers, and carries messages both ways', async () => {
    const { headers } = await serve(await startSocketUpstream());
    const socket = await open('/chat?token=1', ['chat', 'other'], { 'x-mine': '1', cookie: 'a=b' });
    assert.equal(socket.protocol, 'chat');
    assert.match(socket.extensions, /permessage-deflate/);
    assert.equal(headers[0]?.['x-mine'], '1');
    assert.equal(headers[0].cookie, 'a=b');
    assert.equal(headers[0].via, '1.1 outrigger');
    for (const message of ['hello', 'x'.repeat(1_000_000)]) {
      socket.send(message);
      assert.equal((await nextMessage(socket)).toString(), message);
    }
    assert.equal(edge.edge.inFlight, 1);
    socket.close(1000);
    const [call] = await edge.callsEnded(1);
    assert.equal(call?.status, 101);
    assert.equal(call.outcome, 'success');
    assert.equal(call.call.attempts, 1);
    assert.equal(edge.edge.inFlight, 0);
  });

  it('closed by the upstream: the app gets the close code', async () => {
    const { sockets } = await serve(await startSocketUpstream());
    const socket = await open();
    const closed = new Promise<number>((resolve) => socket.once('close', resolve));
    sockets[0]?.close(4001);
    assert.equal(await closed, 4001);
    await edge.callsEnded(1);
  });

  it('whose app vanishes is closed at the upstream', async () => {
    const { sockets } = await serve(await startSocketUpstream());
    const socket = await open();
    const closed = new Promise((resolve) => sockets[0]?.once('close', resolve));
    socket.terminate();
    await closed;
    await edge.callsEnded(1);
  });

  it('whose upstream vanishes is closed at the app', async () => {
    const { sockets } = await serve(await startSocketUpstream());
    const socket = await open();
    const closed = new Promise<number>((resolve) => socket.once('close', resolve));
    sockets[0]?.terminate();
    assert.equal(await closed, 1006);
    await edge.callsEnded(1);
  });

  it('that the upstream refuses gets the upstream\u2019s answer', async () => {
    await serve(await startSocketUpstream());
    const client = rawClient(edge.port);
    client.write(`${HANDSHAKE.replace('/chat?x=1', '/no')}\r\n`);
    const { received } = await client.ended();
    assert.match(received, /^HTTP\/1\.1 403 Forbidden\r\n/);
    assert.match(received, /X-Why: because\r\n/);
    assert.match(received, /x-outrigger-attempts: 1\r\n/);
    const [call] = await edge.callsEnded(1);
    assert.equal(call?.status, 403);
    assert.equal(call.outcome, 'success');
  });

  it('that we refuse gets a problem document', async () => {
    await serve(await startSocketUpstream(), {}, (_opts, handler) => {
      handler.onResponseError?.(
        { aborted: false, paused: false, reason: null, abort() {}, pause() {}, resume() {} },
        new OutriggerError('circuit-open', 'open', { retryAfterMs: 1_500 }),
      );
      return true;
    });
    const client = rawClient(edge.port);
    client.write(`${HANDSHAKE}\r\n`);
    const { received } = await client.ended();
    assert.match(received, /^HTTP\/1\.1 503 /);
    assert.match(received, /retry-after: 2\r\n/);
    assert.match(received, /"code":"circuit-open"/);
  });

  it('without a route gets 404', async () => {
    await serve(await startSocketUpstream(), { match: { host: 'other' } });
    const client = rawClient(edge.port);
    client.write(`${HANDSHAKE}\r\n`);
    assert.match((await client.ended()).received, /^HTTP\/1\.1 404 /);
  });

  it('gets 101 only after the upstream\u2019s 101, and no byte sent meanwhile is lost', async () => {
    const received: string[] = [];
    const { sockets } = await serve(
      await startRawUpstream(
        () => {},
        (_socket, text) => received.push(text),
      ),
    );
    const client = rawClient(edge.port);
    client.write(`${HANDSHAKE}\r\nearly`);
    while (!received.at(-1)?.includes('\r\n\r\n')) await sleep(5);
    await sleep(30);
    assert.equal(client.received, '');
    sockets[0]?.write(
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 5\r\nX-A: 1\r\n\r\nfirst',
    );
    await client.until('first');
    assert.match(
      client.received,
      /^HTTP\/1\.1 101 Switching Protocols\r\nX-A: 1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n/,
    );
    while (!received.at(-1)?.endsWith('early')) await sleep(5);
    // A half-closed connection still carries the other direction.
    client.socket.end();
    await sleep(30);
    sockets[0]?.end('last');
    await client.until('last');
    assert.equal((await edge.callsEnded(1))[0]?.outcome, 'success');
  });

  it('whose app goes away during the handshake ends the attempt', async () => {
    // A connection alone is not enough to wait for: undici opens one again after the first attempt was cut.
    const asked: Socket[] = [];
    await serve(
      await startRawUpstream(
        () => {},
        (socket, received) => {
          if (received.endsWith('\r\n\r\n')) asked.push(socket);
        },
      ),
    );
    for (const leave of ['end', 'destroy'] as const) {
      const client = rawClient(edge.port);
      client.write(`${HANDSHAKE}\r\n`);
      const count = asked.length;
      while (asked.length === count) await sleep(5);
      const gone = new Promise((resolve) => asked.at(-1)?.once('end', resolve));
      client.socket[leave]();
      await gone;
    }
    const calls = await edge.callsEnded(2);
    assert.deepEqual(
      calls.map(({ outcome }) => outcome),
      ['client-gone', 'client-gone'],
    );
  });

  it('101 for a request that asked for none is a failure', async () => {
    await serve(
      await startByteUpstream('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'),
    );
    const client = rawClient(edge.port);
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    assert.match(await client.until('}'), /^HTTP\/1\.1 502 /);
    client.socket.destroy();
  });

  it('carries a lot without piling up', async () => {
    const { sockets } = await serve(await startRawUpstream(() => {}));
    const client = rawClient(edge.port);
    client.write(`${HANDSHAKE}\r\n`);
    while (sockets.length === 0) await sleep(5);
    sockets[0]?.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    await client.until('\r\n\r\n');
    sockets[0]?.pause();
    const chunk = Buffer.alloc(256 * 1024);
    for (let stuckFor = 0; stuckFor < 20;) {
      if (client.socket.writableLength === 0) {
        client.write(chunk);
        stuckFor = 0;
      } else stuckFor++;
      await sleep(10);
    }
    assert.ok(client.socket.bytesWritten - client.socket.writableLength < 30_000_000);
    client.socket.destroy();
  });
});
