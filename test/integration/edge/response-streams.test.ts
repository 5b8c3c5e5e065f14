import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, it } from 'node:test';
import { connect } from 'node:net';
import type { EdgeRoute } from '../../../src/edge/route.js';
import { dispatchTo, routeTo, startEdge, type EdgeHarness } from '../../support/edge-harness.js';
import { startRawUpstream, startStreamingUpstream, startUpstream } from '../../support/http-upstream.js';
import { rawClient } from '../../support/raw-client.js';

let edge: EdgeHarness;
let upstream: { origin: string; close(): Promise<void> };

async function serve<T extends { origin: string; close(): Promise<void> }>(
  starting: Promise<T>,
  route: Partial<EdgeRoute> = {},
): Promise<T> {
  const started = await starting;
  upstream = started;
  edge = await startEdge((agent) => [routeTo(dispatchTo(agent, started.origin), route)]);
  return started;
}

afterEach(async () => {
  await edge.close();
  await upstream.close();
});

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

describe('streamed answers', () => {
  it('server-sent events arrive one by one', async () => {
    let send: (text: string) => void = () => {};
    await serve(
      startStreamingUpstream((_request, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.flushHeaders();
        send = (text) => response.write(text);
      }),
    );
    const client = rawClient(edge.port);
    client.write(GET);
    // The head comes alone: no event has happened yet.
    await client.until('text/event-stream');
    for (const text of ['data: 1\n\n', 'data: 2\n\n', 'data: 3\n\n']) {
      send(text);
      await client.until(text);
    }
    client.socket.destroy();
    assert.equal((await edge.callsEnded(1))[0]?.outcome, 'client-gone');
  });

  it('an app that goes away ends the attempt for real', async () => {
    let closed: () => void = () => {};
    const attemptClosed = new Promise<void>((resolve) => (closed = resolve));
    const { seen } = await serve(startStreamingUpstream((_request, response) => void response.on('close', closed)));
    const client = rawClient(edge.port);
    client.write(GET);
    while (seen.length === 0) await sleep(5);
    client.socket.destroy();
    await attemptClosed;
    const [call] = await edge.callsEnded(1);
    assert.equal(call?.outcome, 'client-gone');
    assert.equal(call.status, 0);
  });

  for (const [what, head, body] of [
    ['with a length', 'Content-Length: 100\r\n', 'only this'],
    ['in chunks', 'Transfer-Encoding: chunked\r\n', '9\r\nonly this\r\n'],
  ] as const) {
    it(`an answer ${what} that breaks never seems whole`, async () => {
      await serve(
        startRawUpstream(
          () => {},
          (socket) => {
            socket.write(`HTTP/1.1 200 OK\r\n${head}\r\n${body}`);
            setTimeout(() => socket.destroy(), 30);
          },
        ),
      );
      const client = rawClient(edge.port);
      client.write(GET);
      const { received, error } = await client.ended();
      assert.match(received, /only this/);
      assert.doesNotMatch(received, /\r\n0\r\n/);
      assert.equal(error?.code, 'ECONNRESET');
      const [call] = await edge.callsEnded(1);
      assert.equal(call?.outcome, 'failure');
      assert.equal(call.status, 200);
    });
  }

  it('an answer to HTTP/1.0, which ends with the connection, is reset when it breaks', async () => {
    await serve(
      startRawUpstream(
        () => {},
        (socket) => {
          socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n');
          setTimeout(() => socket.destroy(), 30);
        },
      ),
    );
    const client = rawClient(edge.port);
    client.write('GET / HTTP/1.0\r\n\r\n');
    assert.equal((await client.ended()).error?.code, 'ECONNRESET');
  });

  it('a head that cannot be read is a bad response', async () => {
    await serve(
      startRawUpstream(
        () => {},
        (socket) => void socket.end('garbage\r\n\r\n'),
      ),
    );
    const client = rawClient(edge.port);
    client.write(GET);
    assert.match(await client.until('}'), /^HTTP\/1\.1 502 [^]*"code":"internal"/);
    client.socket.destroy();
  });

  it('a large answer passes without piling up, and whole', async () => {
    const chunk = Buffer.alloc(64 * 1024, 'x');
    const chunks = (200 * 1024 * 1024) / chunk.length;
    await serve(
      startStreamingUpstream((_request, response) => {
        let left = chunks;
        response.writeHead(200, { 'content-length': String(chunks * chunk.length) });
        const more = () => {
          while (left > 0) {
            left--;
            if (!response.write(chunk)) return void response.once('drain', more);
          }
          response.end();
        };
        more();
      }),
    );
    const socket = connect(edge.port, '127.0.0.1');
    let received = 0;
    let peak = 0;
    const before = process.memoryUsage().rss;
    socket.on('data', (data) => {
      received += data.length;
      peak = Math.max(peak, process.memoryUsage().rss);
    });
    socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    await new Promise((resolve) => socket.on('close', resolve));
    assert.ok(received > chunks * chunk.length);
    // The garbage of app and upstream is in it too, up to 110 MiB on Node 26; gathered, the answer alone would be 200.
    assert.ok(peak - before < 150 * 1024 * 1024, `grew by ${peak - before} bytes`);
  });

  it('the upstream is read no faster than the app reads', async () => {
    let written = 0;
    await serve(
      startStreamingUpstream((_request, response) => {
        const chunk = Buffer.alloc(64 * 1024, 'x');
        const more = () => {
          while (written < 200_000_000) {
            written += chunk.length;
            if (!response.write(chunk)) return void response.once('drain', more);
          }
          response.end();
        };
        more();
      }),
    );
    const socket = connect(edge.port, '127.0.0.1');
    socket.pause();
    socket.write(GET);
    let before = -1;
    while (written !== before) {
      before = written;
      await sleep(200);
    }
    assert.ok(written < 30_000_000, `${written} bytes were written though the app reads none`);
    // And it goes on when the app does.
    let received = 0;
    socket.on('data', (data) => (received += data.length));
    socket.resume();
    while (received < 40_000_000) await sleep(20);
    socket.destroy();
  });

  it('an app that does not read for idleTimeout is cut', async () => {
    await serve(
      startUpstream((response) => response.end(Buffer.alloc(20_000_000))),
      { idleTimeoutMs: 200 },
    );
    const socket = connect(edge.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.pause();
    socket.write(GET);
    const [call] = await edge.callsEnded(1);
    assert.equal(call?.outcome, 'client-gone');
    assert.ok(edge.events.some((event) => event.type === 'timeout' && event.kind === 'idle'));
    socket.destroy();
  });

  it('an app that leaves the end of an answer unread is cut too', async () => {
    // Larger than the kernel's buffers, smaller than what would make the upstream wait.
    await serve(
      startUpstream((response) => response.end(Buffer.alloc(6_000_000))),
      { idleTimeoutMs: 200 },
    );
    const socket = connect({ port: edge.port, host: '127.0.0.1' });
    socket.on('error', () => {});
    socket.pause();
    socket.write(GET);
    await edge.callsEnded(1);
    assert.equal(edge.edge.inFlight, 0);
    socket.destroy();
  });

  it('draining: each answer closes its connection, and what has no head is refused when told', async () => {
    const { seen } = await serve(
      startStreamingUpstream((request, response) => {
        if (request.url === '/ok') response.end('ok');
      }),
    );
    edge.edge.beginDrain();
    const quick = rawClient(edge.port);
    quick.write('GET /ok HTTP/1.1\r\nHost: a\r\n\r\n');
    assert.match((await quick.ended()).received, /connection: close\r\n/i);
    const slow = rawClient(edge.port);
    slow.write('GET /slow HTTP/1.1\r\nHost: a\r\n\r\n');
    while (seen.length < 2) await sleep(5);
    edge.edge.refuseUnanswered();
    const { received } = await slow.ended();
    assert.match(received, /^HTTP\/1\.1 503 [^]*"code":"draining"/);
    assert.match(received, /connection: close\r\n/i);
    assert.equal((await edge.callsEnded(2))[1]?.outcome, 'refused');
  });
});
