import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { describe, test, type TestContext } from 'node:test';
import type { CallOptions } from '../../src/policies/policy.js';
import { createPool } from '../../src/upstream/pool.js';
import { startRawUpstream } from '../support/http-upstream.js';
import { poolOptions } from '../support/pool-options.js';
import { Recorder } from '../support/recorder.js';
import { VirtualClock } from '../../src/simulation/virtual-clock.js';

/** The recorded answer to a request that an upstream answers by hand, once it has read the head. */
async function answerOf(
  t: TestContext,
  answer: (socket: Socket) => void,
  request: Pick<CallOptions, 'method'> & Partial<CallOptions> = { method: 'GET' },
): Promise<Recorder> {
  let answered = false;
  const upstream = await startRawUpstream(
    () => {},
    (socket, received) => {
      if (answered || !received.includes('\r\n\r\n')) return;
      answered = true;
      answer(socket);
    },
  );
  const pool = createPool(upstream.origin, poolOptions());
  t.after(async () => {
    await pool.destroy();
    await upstream.close();
  });
  const recorder = new Recorder(new VirtualClock());
  pool.dispatch({ path: '/', ...request }, recorder);
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

describe('an upload', () => {
  for (const [what, answer, expected] of [
    [
      'that is refused and cut off gets the refusal',
      'HTTP/1.1 413 x\r\nContent-Length: 3\r\n\r\nbig',
      [413, 'big', false],
    ],
    ['that is cut off without an answer is reset', '', [undefined, '', true]],
  ] as const) {
    test(what, async (t) => {
      const body = new PassThrough();
      body.write('a beginning');
      const { status, error, ...recorder } = await answerOf(
        t,
        (socket) => {
          socket.write(answer);
          socket.resetAndDestroy();
          // Written before anything that came is read: the write meets the reset.
          body.write('more of it');
        },
        { method: 'POST', body },
      );
      assert.deepEqual([status, recorder.body, error !== undefined], expected);
    });
  }
});

describe('a request that is about to go over a kept connection', () => {
  for (const [what, close] of [
    ['ends', (socket: Socket) => void socket.end()],
    ['is reset', (socket: Socket) => void socket.resetAndDestroy()],
  ] as const) {
    test(`which ${what} goes over another, whatever its method`, async (t) => {
      const requests: string[] = [];
      const upstream = await startRawUpstream(
        () => {},
        (socket, received) => {
          requests.push(received);
          socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
        },
      );
      const pool = createPool(upstream.origin, poolOptions());
      t.after(async () => {
        await pool.destroy();
        await upstream.close();
      });
      for (let i = 0; i < 3; i++) {
        // Between this and the write the connection is looked at once more, and then it is gone.
        await new Promise((resolve) => setImmediate(resolve));
        const [idle] = upstream.sockets.slice(-1);
        if (idle !== undefined) close(idle);
        const recorder = new Recorder(new VirtualClock());
        pool.dispatch({ path: '/', method: 'POST', body: Buffer.from(`call ${i}`) }, recorder);
        while (recorder.ends === 0) await new Promise((resolve) => setImmediate(resolve));
        assert.deepEqual([recorder.status, recorder.body, recorder.error], [200, 'ok', undefined]);
      }
      assert.equal(requests.length, 3);
      assert.equal(upstream.sockets.length, 3);
    });
  }
});
