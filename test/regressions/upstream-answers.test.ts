import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import { createPool } from '../../src/upstream/pool.js';
import { startRawUpstream } from '../support/http-upstream.js';
import { Recorder } from '../support/recorder.js';
import { VirtualClock } from '../support/virtual-clock.js';

/** The recorded answer to a GET that an upstream answers by hand. */
async function answerOf(t: TestContext, answer: (socket: Socket) => void): Promise<Recorder> {
  const upstream = await startRawUpstream(
    () => {},
    (socket, received) => {
      if (received.endsWith('\r\n\r\n')) answer(socket);
    },
  );
  const pool = createPool(upstream.origin, {
    connectTimeoutMs: 2_000,
    keepAliveTimeoutMs: 4_000,
    tls: { ca: undefined, cert: undefined, key: undefined, serverName: undefined, verify: true },
  });
  t.after(async () => {
    await pool.destroy();
    await upstream.close();
  });
  const recorder = new Recorder(new VirtualClock());
  pool.dispatch({ method: 'GET', path: '/' }, recorder);
  while (recorder.ends === 0) await new Promise((resolve) => setImmediate(resolve));
  return recorder;
}

describe('an answer that ends with its connection', () => {
  for (const [what, head] of [
    ['HTTP/1.1', 'HTTP/1.1 200 OK\r\n\r\n'],
    ['HTTP/1.0', 'HTTP/1.0 200 OK\r\n\r\n'],
    ['Connection: close', 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n'],
  ] as const) {
    test(`is broken by a reset, and never passed on as whole (${what})`, async (t) => {
      const { status, error } = await answerOf(t, (socket) => {
        socket.write(`${head}half of it`);
        setTimeout(() => socket.resetAndDestroy(), 30);
      });
      assert.equal(status, 200);
      assert.notEqual(error, undefined);
    });
  }

  test('is whole when the connection ends', async (t) => {
    const { body, error } = await answerOf(t, (socket) => socket.end('HTTP/1.1 200 OK\r\n\r\nall of it'));
    assert.equal(error, undefined);
    assert.equal(body, 'all of it');
  });
});

describe('an answer without a body that names a length', () => {
  for (const status of [304, 204]) {
    test(`is whole with its head (${status})`, async (t) => {
      const recorder = await answerOf(t, (socket) => socket.write(`HTTP/1.1 ${status} x\r\nContent-Length: 5\r\n\r\n`));
      assert.equal(recorder.status, status);
      assert.equal(recorder.error, undefined);
      assert.deepEqual([recorder.ends, recorder.late], [1, []]);
    });
  }
});
