import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { get, request, type ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startStreamingUpstream } from '../../support/http-upstream.js';
import { startProxy, type ProxyProcess } from '../../support/proxy-process.js';
import { exchange } from '../../support/raw-client.js';

const MIB = 1024 * 1024;

const skip = process.platform === 'linux' ? false : 'reads /proc';

/** As the image and the installed command start it. */
const ENV = { NODE_OPTIONS: '--max-semi-space-size=2', MALLOC_ARENA_MAX: '1', MALLOC_TRIM_THRESHOLD_: '131072' };

const chunk = Buffer.alloc(64 * 1024, 'x');

// On a quiet machine each peaks at 116 to 126 MB, by the version of Node, of which 44 MB are Node's own file; a slow reader
// delays the collector.
const MOST_MB = 150;

function start(t: TestContext, origin: string, route = ''): Promise<ProxyProcess> {
  const lines = `limits: { maxEventLoopDelay: off }
upstreams: { up: { url: "${origin}" } }
routes: [{ name: all, match: {}, upstream: up${route} }]
`;
  return startProxy(t, lines, { env: ENV });
}

function assertLittleMemory(t: TestContext, { child }: ProxyProcess): void {
  const status = readFileSync(`/proc/${child.process.pid}/status`, 'utf8');
  const peak = (Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1]) * 1024) / 1e6;
  t.diagnostic(`peak resident memory ${peak.toFixed(0)} MB`);
  assert.ok(peak < MOST_MB, `peak resident memory was ${peak.toFixed(0)} MB`);
}

/** Writes so many bytes, as fast as they are taken; tells of each piece. */
function pour(response: ServerResponse, size: number, onWritten: (bytes: number) => void = () => {}): void {
  let sent = 0;
  const more = () => {
    while (sent < size) {
      sent += chunk.length;
      onWritten(chunk.length);
      if (!response.write(chunk)) {
        response.once('drain', more);
        return;
      }
    }
    response.end();
  };
  more();
}

test(
  `a response of 200 MiB is handed on and not gathered: the process stays under ${MOST_MB} MB`,
  { skip },
  async (t) => {
    const size = 200 * MIB;
    const upstream = await startStreamingUpstream((_request, response) => {
      response.writeHead(200, { 'content-length': size });
      pour(response, size);
    });
    t.after(() => upstream.close());
    const proxy = await start(t, upstream.origin);
    const received = await new Promise<number>((resolve, reject) => {
      get(proxy.url, (response) => {
        let bytes = 0;
        response.on('data', (data: Buffer) => (bytes += data.length));
        response.once('end', () => resolve(bytes));
        response.once('error', reject);
      }).once('error', reject);
    });
    assert.equal(received, size);
    assertLittleMemory(t, proxy);
  },
);

test(`so does an upload of 300 MiB to an upstream that is slow to take it`, { skip }, async (t) => {
  const size = 300 * MIB;
  const upstream = await startStreamingUpstream((incoming, response) => {
    let [bytes, sinceRest] = [0, 0];
    incoming.on('data', (data: Buffer) => {
      bytes += data.length;
      sinceRest += data.length;
      if (sinceRest < 8 * MIB) return;
      sinceRest = 0;
      incoming.pause();
      setTimeout(() => incoming.resume(), 20);
    });
    incoming.once('end', () => response.end(String(bytes)));
  });
  t.after(() => upstream.close());
  const proxy = await start(t, upstream.origin);
  const answer = await new Promise<string>((resolve, reject) => {
    const outgoing = request(proxy.url, { method: 'PUT', headers: { 'content-length': size } }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (data: string) => (text += data));
      response.once('end', () => resolve(text));
    }).once('error', reject);
    let sent = 0;
    const more = () => {
      while (sent < size) {
        sent += chunk.length;
        if (!outgoing.write(chunk)) {
          outgoing.once('drain', more);
          return;
        }
      }
      outgoing.end();
    };
    more();
  });
  assert.equal(answer, String(size));
  assertLittleMemory(t, proxy);
});

test(
  'apps that do not read their answers hold back the upstream and not memory, cost others nothing, and are cut',
  { skip },
  async (t) => {
    const readers = 50;
    let [written, ended] = [0, 0];
    const upstream = await startStreamingUpstream((incoming, response) => {
      if (incoming.url === '/small') {
        response.end('small');
        return;
      }
      response
        .on('error', () => {})
        .once('close', () => {
          ended++;
        });
      pour(response, Infinity, (bytes) => {
        written += bytes;
      });
    });
    t.after(() => upstream.close());
    const proxy = await start(t, upstream.origin, ', idleTimeout: 3s');
    const port = Number(new URL(proxy.url).port);
    const sockets = Array.from({ length: readers }, () => deaf(port));
    t.after(() => {
      for (const socket of sockets) socket.destroy();
    });
    let before = -1;
    while (before !== written || written === 0) {
      before = written;
      await sleep(200);
    }
    const each = written / readers / MIB;
    // What the kernel holds on the way: some megabytes for each connection.
    assert.ok(each < 20, `${each.toFixed(1)} MiB were read from the upstream for each`);
    t.diagnostic(`${each.toFixed(1)} MiB read from the upstream for each`);
    assert.ok(ended < readers, 'they are not cut yet');
    for (let i = 0; i < 20; i++) {
      assert.match(await exchange(port, 'GET /small HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'), /small$/);
    }
    while (ended < readers) await sleep(20);
    assert.equal(await proxy.metric('in_flight_requests'), 0);
    assert.equal(await proxy.metric('timeouts_total{route="all",upstream="up",kind="idle"}'), readers);
    assertLittleMemory(t, proxy);
  },
);

/** A client that asks for much and reads nothing. */
function deaf(port: number): Socket {
  const socket = connect(port, '127.0.0.1');
  socket.pause();
  socket.on('error', () => {});
  socket.write('GET /large HTTP/1.1\r\nHost: a\r\n\r\n');
  return socket;
}
