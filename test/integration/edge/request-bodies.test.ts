import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, it } from 'node:test';
import type { EdgeRoute } from '../../../src/edge/route.js';
import type { Dispatch } from '../../../src/policies/policy.js';
import { dispatchTo, routeTo, startEdge, type EdgeHarness, type HarnessOptions } from '../../support/edge-harness.js';
import { startRawUpstream, startStreamingUpstream, startUpstream, valuesOf } from '../../support/http-upstream.js';
import { exchange, rawClient, type RawClient } from '../../support/raw-client.js';

let edge: EdgeHarness;
let upstream: { origin: string; close(): Promise<void> };

async function serve<T extends { origin: string; close(): Promise<void> }>(
  starting: Promise<T>,
  route: Partial<EdgeRoute> = {},
  options: HarnessOptions = {},
  wrap: (dispatch: Dispatch) => Dispatch = (dispatch) => dispatch,
): Promise<T> {
  const started = await starting;
  upstream = started;
  edge = await startEdge((agent) => [routeTo(wrap(dispatchTo(agent, started.origin)), route)], options);
  return started;
}

afterEach(async () => {
  await edge.close();
  await upstream.close();
});

const bytes = (length: number) => Buffer.alloc(length, 'outrigger ');
const sha = (data: Buffer) => createHash('sha256').update(data).digest('hex');

/** Sends zeros for as long as they are taken. */
function flood({ socket }: RawClient): void {
  const chunk = Buffer.alloc(64 * 1024);
  const more = () => {
    while (socket.writable && socket.write(chunk));
  };
  socket.on('drain', more);
  more();
}

/** Sends a body through Node's client; `chunked` leaves its length out. */
function send(method: string, body: Buffer | undefined, headers: Record<string, string> = {}): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ port: edge.port, method, path: '/b', headers, agent: false }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode ?? 0));
    });
    request.on('error', reject);
    request.end(body);
  });
}

describe('request bodies', () => {
  for (const method of ['POST', 'PUT', 'PATCH', 'GET', 'DELETE', 'OPTIONS', 'HEAD']) {
    for (const framing of ['content-length', 'chunked'] as const) {
      it(`${method} with ${framing}: the body arrives byte for byte`, async () => {
        const { seen } = await serve(startUpstream());
        const body = bytes(10_000);
        const headers: Record<string, string> =
          framing === 'chunked' ? { 'transfer-encoding': 'chunked' } : { 'content-length': String(body.length) };
        assert.equal(await send(method, body, headers), 200);
        assert.equal(sha(seen[0]!.body), sha(body));
        assert.ok(valuesOf(seen[0]!, 'content-length').length + valuesOf(seen[0]!, 'transfer-encoding').length === 1);
      });
    }
  }

  it('an empty body stays empty', async () => {
    const { seen } = await serve(startUpstream());
    await send('POST', undefined, { 'content-length': '0' });
    await send('POST', undefined, { 'transfer-encoding': 'chunked' });
    assert.deepEqual(
      seen.map(({ body }) => body.length),
      [0, 0],
    );
  });

  it('one of known size that may be kept is read before the attempt', async () => {
    let state: string | undefined;
    await serve(startUpstream(), {}, {}, (dispatch) => (opts, handler) => {
      state = 'call' in opts ? (opts as { call: { body: { state: string } } }).call.body.state : undefined;
      return dispatch(opts, handler);
    });
    await send('POST', bytes(1_000));
    assert.equal(state, 'kept');
  });

  it('the memory for kept bodies is given back', async () => {
    await serve(startUpstream());
    await send('POST', bytes(60_000));
    await send('POST', bytes(60_000), { 'transfer-encoding': 'chunked' });
    await edge.callsEnded(2);
    assert.equal(edge.memory.used, 0);
  });

  it('a 3 MiB body is streamed', async () => {
    const { seen } = await serve(startUpstream());
    const body = bytes(3 * 1024 * 1024);
    assert.equal(await send('PUT', body), 200);
    assert.equal(sha(seen[0]!.body), sha(body));
  });

  it('a chunked body reaches the upstream before it has ended', async () => {
    let first = '';
    await serve(
      startStreamingUpstream((request, response) => {
        request.once('data', (chunk: Buffer) => {
          first = chunk.toString();
          // Early: the app waits for this before it sends the rest.
          response.write('go on;');
          request.on('end', () => response.end('done'));
          request.resume();
        });
      }),
    );
    const client = rawClient(edge.port);
    client.write('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n');
    await client.until('go on;');
    assert.equal(first, 'hello');
    client.write('0\r\n\r\n');
    await client.until('done');
    await client.ended();
  });

  it('a slow upload is not cut while it goes on', async () => {
    const { seen } = await serve(startUpstream(), { idleTimeoutMs: 200 });
    const client = rawClient(edge.port);
    client.write('POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 10\r\n\r\n');
    for (let i = 0; i < 10; i++) {
      await sleep(60);
      client.write(String(i));
    }
    assert.match((await client.ended()).received, /^HTTP\/1\.1 200/);
    assert.equal(seen[0]?.body.toString(), '0123456789');
  });

  for (const [framing, head] of [
    ['of known size that is collected', 'Content-Length: 10\r\n\r\nabc'],
    ['that is chunked', 'Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n'],
    ['that is too large to be kept', 'Content-Length: 1000000\r\n\r\nabc'],
  ] as const) {
    it(`an upload ${framing} and stalls is answered with 408`, async () => {
      await serve(startUpstream(), { idleTimeoutMs: 100 });
      const answer = await exchange(edge.port, `POST / HTTP/1.1\r\nHost: a\r\n${head}`);
      assert.match(answer, /^HTTP\/1\.1 408 /);
      assert.match(answer, /"code":"bad-request"/);
      assert.match(answer, /connection: close/i);
      const [call] = await edge.callsEnded(1);
      assert.equal(call?.error?.reason, 'body-stalled');
      assert.ok(edge.events.some((event) => event.type === 'timeout' && event.kind === 'idle'));
      assert.equal(edge.memory.used, 0);
    });
  }

  it('an app that goes away while it sends ends the attempt', async () => {
    const attempt = deferred();
    await serve(
      startStreamingUpstream((request) => {
        request.resume();
        request.on('error', () => attempt.resolve());
      }),
    );
    const client = rawClient(edge.port);
    client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nabc');
    while (edge.edge.inFlight === 0) await sleep(5);
    await sleep(50);
    client.socket.destroy();
    await attempt.promise;
    assert.equal((await edge.callsEnded(1))[0]?.outcome, 'client-gone');
  });

  it('an app that goes away before its body is in makes no attempt', async () => {
    const { seen } = await serve(startUpstream());
    const client = rawClient(edge.port);
    client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nabc');
    while (edge.edge.inFlight === 0) await sleep(5);
    client.socket.destroy();
    const [call] = await edge.callsEnded(1);
    assert.equal(call?.outcome, 'client-gone');
    assert.equal(call.call.attempts, 0);
    assert.equal(seen.length, 0);
    assert.equal(edge.memory.used, 0);
  });

  it('an answer that comes before the body has been read arrives, and the connection then ends', async () => {
    await serve(
      startRawUpstream(
        () => {},
        (socket, received) => {
          if (received.length > 1_000 && !socket.writableEnded)
            socket.end('HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig');
        },
      ),
    );
    const client = rawClient(edge.port);
    client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n');
    flood(client);
    await client.until('big');
    client.socket.end();
    const { received } = await client.ended();
    assert.match(received, /^HTTP\/1\.1 413 Too Large\r\n/);
    assert.match(received, /connection: close\r\n/i);
    const [call] = await edge.callsEnded(1);
    assert.equal(call?.status, 413);
  });

  it('a refusal leaves a connection with an unread body, and never hangs', async () => {
    await serve(startUpstream(), { match: { path: '/only' } });
    const client = rawClient(edge.port);
    client.write('POST /other HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel');
    await client.until('no-route');
    client.write('lo\r\n0\r\n\r\n');
    const { received, error } = await client.ended();
    assert.equal(error, undefined);
    assert.match(received, /^HTTP\/1\.1 404/);
  });

  it('an upload is read no faster than the upstream takes it', async () => {
    let upstreamSocket: Socket | undefined;
    await serve(
      startRawUpstream((socket) => {
        upstreamSocket = socket;
        socket.pause();
      }),
    );
    const client = rawClient(edge.port);
    client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000000\r\n\r\n');
    const chunk = bytes(256 * 1024);
    let stuckFor = 0;
    // Fills every buffer on the way, until nothing moves for a while.
    while (stuckFor < 20) {
      if (client.socket.writableLength === 0) {
        client.write(chunk);
        stuckFor = 0;
      } else stuckFor++;
      await sleep(10);
    }
    const taken = client.socket.bytesWritten - client.socket.writableLength;
    assert.ok(taken < 30_000_000, `${taken} bytes were taken though the upstream reads none`);
    assert.ok(taken > 100_000);
    upstreamSocket?.destroy();
    await client.ended();
  });

  it('an upstream that stops taking the body is cut after idleTimeout', async () => {
    await serve(
      startRawUpstream((socket) => socket.pause()),
      { idleTimeoutMs: 300 },
    );
    const client = rawClient(edge.port);
    client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000000\r\n\r\n');
    flood(client);
    await client.until('HTTP/1.1 504');
    client.socket.destroy();
    const [call] = await edge.callsEnded(1);
    assert.equal(call?.error?.code, 'timeout');
    assert.equal(call.error.reason, 'idle');
  });
});

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve: () => void = () => {};
  const promise = new Promise<void>((settle) => (resolve = settle));
  return { promise, resolve };
}
