import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, describe, it } from 'node:test';
import { Listener } from '../../../src/edge/listener.js';
import { systemClock } from '../../../src/runtime/clock.js';
import { nextRound } from '../../../src/runtime/polling.js';
import { dispatchTo, routeTo, startEdge, type EdgeHarness, type HarnessOptions } from '../../support/edge-harness.js';
import { startUpstream, valuesOf, type Upstream } from '../../support/http-upstream.js';
import { exchange, rawClient } from '../../support/raw-client.js';

let edge: EdgeHarness | undefined;
let upstream: Upstream | undefined;

async function start(options: HarnessOptions = {}): Promise<EdgeHarness> {
  const started = await startUpstream();
  upstream = started;
  edge = await startEdge((agent) => [routeTo(dispatchTo(agent, started.origin))], options);
  return edge;
}

afterEach(async () => {
  await edge?.close();
  await upstream?.close();
  edge = upstream = undefined;
});

const LIMITS = {
  maxHeaderSize: 16_384,
  headersTimeoutMs: 10_000,
  maxConnections: 10,
  maxEventLoopDelayMs: Infinity,
};
const DEPS = { clock: systemClock, emit: () => {}, nextRound };
const NOBODY = { handleRequest: () => {}, handleUpgrade: () => {}, refuse: () => {}, afterCalls: () => {} };
const GET = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';

describe('the listener', () => {
  it('a port in use: the error names the address', async () => {
    const { port } = await start();
    await assert.rejects(new Listener(LIMITS, NOBODY, DEPS).listen({ host: '127.0.0.1', port }), {
      message: new RegExp(`^listen 127\\.0\\.0\\.1:${port}: address already in use; .*--listen`),
    });
  });

  it('an address of another machine: the error says so', async () => {
    await assert.rejects(new Listener(LIMITS, NOBODY, DEPS).listen({ host: '192.0.2.1', port: 0 }), /no such address/);
  });

  it('listens on a Unix socket, and takes over one that was left behind', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'outrigger-'));
    const path = join(dir, 'edge.sock');
    // A process that is killed leaves its socket's file.
    const child = spawn(process.execPath, [
      '-e',
      `require('net').createServer().listen(${JSON.stringify(path)},()=>console.log(1))`,
    ]);
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    await once(child, 'exit');
    await start({ listen: { path } });
    assert.match(await exchange(path, GET), /^HTTP\/1\.1 200/);
    assert.deepEqual(valuesOf(upstream!.seen[0]!, 'x-forwarded-for'), ['unknown']);
    // But not one that is in use, nor a file that is no socket.
    await assert.rejects(new Listener(LIMITS, NOBODY, DEPS).listen({ path }), {
      message: new RegExp(`^listen unix:${path}: address already in use; `),
    });
    const file = join(dir, 'file');
    await writeFile(file, 'precious');
    await assert.rejects(new Listener(LIMITS, NOBODY, DEPS).listen({ path: file }), /address already in use/);
    await edge?.close();
    edge = undefined;
    await rm(dir, { recursive: true });
  });

  it('a head that is too large: 431', async () => {
    const { port } = await start({ maxHeaderSize: 1_024 });
    const answer = await exchange(port, `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(2_000)}\r\n\r\n`);
    assert.match(answer, /^HTTP\/1\.1 431 [^]*"code":"bad-request"/);
    assert.match(answer, /connection: close/);
  });

  it('a head that comes too slowly: 408', async () => {
    const { port } = await start({ headersTimeoutMs: 200 });
    const client = rawClient(port);
    client.write('GET / HTTP/1.1\r\nHo');
    const { received } = await client.ended();
    assert.match(received, /^HTTP\/1\.1 408 [^]*application\/problem\+json/);
  });

  it('a broken chunk of a call in flight is the end of that call, and of its connection', async () => {
    const { port } = await start();
    const client = rawClient(port);
    client.write('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n');
    await sleep(30);
    client.write('zz\r\n');
    const { received } = await client.ended();
    assert.match(received, /^HTTP\/1\.1 400 [^]*connection: close\r\n[^]*"attempts":1}$/);
    const [call] = await edge!.callsEnded(1);
    assert.deepEqual([call?.outcome, call?.error?.reason, call?.status], ['refused', 'chunk', 400]);
  });

  it('is closed only when the last connection has ended', async () => {
    const { port, listener } = await start();
    const client = rawClient(port);
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await client.until('HTTP/1.1 200');
    const closing = listener.close();
    await client.ended();
    await closing;
    // The port is free again.
    const probe = createServer().listen(port, '127.0.0.1');
    await once(probe, 'listening');
    probe.close();
  });
});
