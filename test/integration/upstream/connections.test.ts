import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { describe, test, type TestContext } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { OutriggerError } from '../../../src/errors.js';
import type { CallOptions, ResponseHeaders, Controller } from '../../../src/policies/policy.js';
import { classifyFailure } from '../../../src/policies/rules/classify.js';
import { createPool, type PoolOptions } from '../../../src/upstream/pool.js';
import { startRawUpstream } from '../../support/http-upstream.js';
import { poolOptions } from '../../support/pool-options.js';
import { Recorder } from '../../support/recorder.js';
import { VirtualClock } from '../../../src/simulation/virtual-clock.js';

const OPTIONS = poolOptions();
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

/** One request and its end. */
class Ask extends Recorder {
  readonly ended: Promise<this>;
  /** The connection that goes on in another protocol. */
  readonly upgraded: Promise<{ socket: Readable & { write(text: string): unknown }; headers: ResponseHeaders }>;
  #end: () => void = () => {};
  #upgrade: (given: Awaited<Ask['upgraded']>) => void = () => {};

  constructor() {
    super(new VirtualClock());
    this.ended = new Promise((resolve) => (this.#end = () => resolve(this)));
    this.upgraded = new Promise((resolve) => (this.#upgrade = resolve));
  }

  onRequestUpgrade(_controller: Controller, status: number, headers: ResponseHeaders, socket: Readable): void {
    this.status = status;
    this.#upgrade({ socket: socket as Awaited<Ask['upgraded']>['socket'], headers });
  }

  override onResponseEnd(): void {
    super.onResponseEnd();
    this.#end();
  }

  override onResponseError(...given: Parameters<Recorder['onResponseError']>): void {
    super.onResponseError(...given);
    this.#end();
  }

  /** What an attempt's failure would be called. */
  failure(phase: 'unsent' | 'sent' | 'answered') {
    const { code, reason } = classifyFailure(this.error?.code === 'internal' ? this.error.cause : this.error, phase);
    return [code, reason];
  }
}

/** An upstream of raw bytes, and a pool for it. `answer` is told of each request's head, and of what follows it. */
async function upstreamOf(
  t: TestContext,
  answer: (socket: Socket, request: string, number: number) => void,
  options: Partial<PoolOptions> = {},
  clock?: VirtualClock,
) {
  let requests = 0;
  const given = new Map<Socket, number>();
  const upstream = await startRawUpstream(
    () => {},
    (socket, received) => {
      const request = received.slice(given.get(socket) ?? 0);
      if (!request.includes('\r\n\r\n')) return;
      given.set(socket, received.length);
      answer(socket, request, ++requests);
    },
  );
  const pool = createPool(upstream.origin, { ...OPTIONS, ...options }, undefined, clock);
  t.after(async () => {
    await pool.destroy();
    await upstream.close();
  });
  const ask = (opts: Partial<CallOptions> = {}, app = new Ask()): Ask => {
    pool.dispatch({ method: 'GET', path: '/', headers: [], ...opts }, app);
    return app;
  };
  return { sockets: upstream.sockets, stop: () => upstream.close(), pool, ask };
}

const saying =
  (...answers: string[]) =>
  (socket: Socket, _request: string, number: number) =>
    socket.write(answers[Math.min(number, answers.length) - 1] ?? '', 'latin1');

describe('a connection', () => {
  test('carries one request after the other', async (t) => {
    const { ask, sockets } = await upstreamOf(t, saying(OK));
    for (let i = 0; i < 5; i++) assert.equal((await ask().ended).body, 'ok');
    assert.equal(sockets.length, 1);
  });

  test('goes on after the answer to HEAD, 204 and 304; where that speaks of a body, once it is clear that none comes', async (t) => {
    const clock = new VirtualClock();
    const { ask, sockets } = await upstreamOf(
      t,
      saying(
        'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n',
        'HTTP/1.1 204 No\r\n\r\n',
        'HTTP/1.1 304 No\r\nContent-Length: 9\r\n\r\n',
        OK,
      ),
      {},
      clock,
    );
    assert.equal((await ask({ method: 'HEAD' }).ended).ends, 1);
    clock.advance(100);
    assert.equal((await ask().ended).status, 204);
    assert.equal((await ask().ended).status, 304);
    assert.equal(sockets.length, 1);
    assert.equal((await ask().ended).body, 'ok');
    assert.equal(sockets.length, 2);
  });

  test('is not used again when a body comes after an answer that can have none', async (t) => {
    const clock = new VirtualClock();
    const { ask, sockets } = await upstreamOf(
      t,
      saying('HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n', OK),
      {},
      clock,
    );
    assert.equal((await ask({ method: 'HEAD' }).ended).ends, 1);
    const closed = once(sockets[0]!, 'end');
    sockets[0]!.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil');
    await closed;
    clock.advance(100);
    assert.equal((await ask().ended).body, 'ok');
    assert.equal(sockets.length, 2);
  });

  for (const [what, first] of [
    ['says close', 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok'],
    ['is HTTP/1.0', 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok'],
    ['has bytes behind its end', `${OK}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil`],
    ['hints that it is closed at once', 'HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1\r\nContent-Length: 2\r\n\r\nok'],
  ] as const) {
    test(`is not used again when an answer ${what}`, async (t) => {
      const { ask, sockets } = await upstreamOf(t, saying(first, OK));
      assert.equal((await ask().ended).body, 'ok');
      assert.equal((await ask().ended).body, 'ok');
      assert.equal(sockets.length, 2);
    });
  }

  test('is not used again when an answer comes that nobody asked for', async (t) => {
    const { ask, sockets } = await upstreamOf(t, saying(OK));
    await ask().ended;
    const closed = once(sockets[0]!, 'end');
    sockets[0]!.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil');
    await closed;
    assert.equal((await ask().ended).body, 'ok');
    assert.equal(sockets.length, 2);
  });

  for (const method of ['GET', 'POST'] as const) {
    test(`that the server has closed is not used for a ${method}`, async (t) => {
      const { ask, sockets } = await upstreamOf(t, (socket) => socket.end(OK));
      for (let i = 0; i < 50; i++) {
        const app = await ask({ method }).ended;
        assert.deepEqual([app.body, app.error], ['ok', undefined]);
        if (method === 'GET') await once(sockets.at(-1)!, 'close');
      }
      assert.equal(sockets.length, 50);
    });
  }

  test('is closed when it was idle for too long, and sooner when the server says so', async (t) => {
    const clock = new VirtualClock();
    const hint = 'HTTP/1.1 200 OK\r\nKeep-Alive: timeout=3\r\nContent-Length: 2\r\n\r\nok';
    const { ask, sockets } = await upstreamOf(t, saying(OK, hint), { keepAliveTimeoutMs: 10_000 }, clock);
    await ask().ended;
    clock.advance(9_999);
    await ask().ended;
    assert.equal(sockets.length, 1);
    const closed = once(sockets[0]!, 'end');
    clock.advance(2_000);
    await closed;
    await ask().ended;
    assert.equal(sockets.length, 2);
  });

  test('that was used last is used first', async (t) => {
    const { ask, sockets } = await upstreamOf(t, (socket, request) => {
      if (!request.includes('/wait')) socket.write(OK);
    });
    const first = ask({ path: '/wait' });
    while (sockets.length < 1) await setImmediate();
    const second = ask({ path: '/wait' });
    while (sockets.length < 2) await setImmediate();
    sockets[1]!.write(OK);
    await second.ended;
    sockets[0]!.write(OK);
    await first.ended;
    const ports: number[] = [];
    for (let i = 0; i < 3; i++) {
      const before = sockets.map(({ bytesRead }) => bytesRead);
      await ask().ended;
      ports.push(sockets.findIndex(({ bytesRead }, at) => bytesRead !== before[at]));
    }
    assert.deepEqual(ports, [0, 0, 0]);
  });

  test('that is refused fails one request each, with the reason', async (t) => {
    const { ask, stop } = await upstreamOf(t, saying(OK));
    await stop();
    const apps = await Promise.all([ask().ended, ask().ended, ask({ upgrade: 'websocket' }).ended]);
    for (const app of apps) assert.deepEqual(app.failure('unsent'), ['connect-failure', 'refused']);
  });

  test('that takes too long to be made fails with the reason', async (t) => {
    const clock = new VirtualClock();
    // Nobody answers for this address.
    const pool = createPool('http://192.0.2.1:81', { ...OPTIONS, connectTimeoutMs: 250 }, undefined, clock);
    t.after(() => pool.destroy());
    const app = new Ask();
    pool.dispatch({ method: 'GET', path: '/', headers: [] }, app);
    clock.advance(250);
    await app.ended;
    const [code, reason] = app.failure('unsent');
    assert.equal(code, 'connect-failure');
    // Where the machine has no route at all it is told at once.
    assert.ok(reason === 'connect-timeout' || reason === 'unroutable', reason);
  });
});

describe('an answer over a connection', () => {
  test('that is aborted closes the connection, and nothing more is told', async (t) => {
    const { ask, sockets } = await upstreamOf(t, (socket) =>
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nha'),
    );
    const app = ask();
    while (app.body !== 'ha') await setImmediate();
    const closed = once(sockets[0]!, 'end');
    app.goAway(new OutriggerError('client-gone', 'gone'));
    assert.deepEqual([app.ends, app.error?.code], [1, 'client-gone']);
    sockets[0]!.write('lf of it');
    await closed;
    assert.deepEqual([app.ends, app.late], [1, []]);
  });

  test('is read no faster than it is taken', async (t) => {
    const body = Buffer.alloc(8 * 1024 * 1024, 'x');
    const { ask, sockets } = await upstreamOf(t, (socket) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`);
      socket.write(body);
    });
    class Slow extends Ask {
      override onResponseData(controller: Controller, chunk: Buffer): void {
        this.body = String(Number(this.body) + chunk.length);
        controller.pause();
      }
    }
    const app = ask({}, new Slow());
    while (app.body === '') await setImmediate();
    let before = -1;
    // What the kernel holds for both sides is all that moves.
    while (before !== sockets[0]!.writableLength) {
      before = sockets[0]!.writableLength;
      for (let i = 0; i < 50; i++) await setImmediate();
    }
    assert.ok(sockets[0]!.writableLength > 0, 'the server could not write everything');
    const taken = Number(app.body);
    assert.ok(taken <= 64 * 1024, `${taken} bytes`);
    while (app.ends === 0) {
      app.controller?.resume();
      await setImmediate();
    }
    assert.equal(app.body, String(body.length));
  });

  test('whose body stalls ends in idle, but not while it is not wanted', async (t) => {
    const clock = new VirtualClock();
    const { ask } = await upstreamOf(t, saying('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nha'), {}, clock);
    const app = ask({ bodyTimeout: 1_000 });
    while (app.body !== 'ha') await setImmediate();
    app.controller?.pause();
    clock.advance(5_500);
    assert.equal(app.ends, 0);
    app.controller?.resume();
    clock.advance(999);
    assert.equal(app.ends, 0);
    clock.advance(1_001);
    assert.deepEqual([app.error?.code, app.error?.reason], ['bad-response', 'idle']);
  });

  test('may pause for less than the bound as often as it likes', async (t) => {
    const clock = new VirtualClock();
    const { ask, sockets } = await upstreamOf(t, saying('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n'), {}, clock);
    const app = ask({ bodyTimeout: 1_000 });
    while (app.status === undefined) await setImmediate();
    for (let i = 1; i <= 9; i++) {
      clock.advance(999);
      sockets[0]!.write('x');
      while (app.body.length < i) await setImmediate();
    }
    assert.deepEqual([(await app.ended).body, app.error], ['x'.repeat(9), undefined]);
  });

  test('keeps 100 to itself and passes other interim answers on', async (t) => {
    const { ask } = await upstreamOf(
      t,
      saying(`HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n${OK}`),
    );
    const app = await ask().ended;
    assert.deepEqual([app.interim, app.status, app.body], [[103], 200, 'ok']);
  });

  test('that switches protocols unasked is a bad response', async (t) => {
    const { ask } = await upstreamOf(t, saying('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n'));
    assert.deepEqual((await ask().ended).failure('sent'), ['bad-response', 'protocol']);
  });

  test('that switches to another protocol than was asked for, or does not say which, is a bad response', async (t) => {
    for (const fields of [
      'Upgrade: h2c\r\n',
      'Upgrade: websocket2\r\n',
      '',
      'Upgrade: websocket\r\nUpgrade: h2c\r\n',
    ]) {
      const { ask } = await upstreamOf(t, saying(`HTTP/1.1 101 Switching Protocols\r\n${fields}\r\nfirst`));
      assert.deepEqual((await ask({ upgrade: 'websocket' }).ended).failure('sent'), ['bad-response', 'protocol']);
    }
  });

  test('that switches to any of the protocols that were offered, however it is written, is heard', async (t) => {
    const { ask } = await upstreamOf(t, saying('HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\n\r\n'));
    (await ask({ upgrade: 'other, websocket' }).upgraded).socket.destroy();
  });

  test('that switches as asked hands the connection over with what came behind the head', async (t) => {
    const { ask, sockets } = await upstreamOf(
      t,
      saying('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\nfirst'),
    );
    const { socket, headers } = await ask({ upgrade: 'websocket' }).upgraded;
    assert.equal(headers.upgrade, 'websocket');
    let heard = '';
    socket.on('data', (chunk: Buffer) => (heard += chunk.toString()));
    socket.resume();
    sockets[0]!.write(' second');
    while (heard !== 'first second') await setImmediate();
    socket.write('back');
    const [back] = (await once(sockets[0]!, 'data')) as [Buffer];
    assert.equal(back.toString(), 'back');
    socket.destroy();
  });

  test('to a handshake may be an ordinary one', async (t) => {
    const { ask } = await upstreamOf(t, saying('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno'));
    const app = await ask({ upgrade: 'websocket' }).ended;
    assert.deepEqual([app.status, app.body], [403, 'no']);
  });
});

describe('content', () => {
  const bodyOf = (request: string) => request.slice(request.indexOf('\r\n\r\n') + 4);

  test('is written with its length: a little in one piece with the head, more in two', async (t) => {
    let received = '';
    const { ask } = await upstreamOf(t, (socket, request) => {
      received = bodyOf(request);
      socket.write(OK);
    });
    await ask({ method: 'PUT', body: Buffer.from('\xe9\0\xff', 'latin1') }).ended;
    assert.equal(received, '\xe9\0\xff');
    await ask({ method: 'PUT', body: Buffer.alloc(5_000, 'y') }).ended;
    assert.equal(received, 'y'.repeat(5_000));
  });

  test('of unknown length is written in chunks', async (t) => {
    let all = '';
    const other = await startRawUpstream(
      () => {},
      (socket, received) => {
        all = received;
        if (received.endsWith('0\r\n\r\n')) socket.write(OK);
      },
    );
    t.after(() => other.close());
    const pool = createPool(other.origin, OPTIONS);
    t.after(() => pool.destroy());
    const whole = new Ask();
    pool.dispatch(
      {
        method: 'POST',
        path: '/',
        headers: [],
        body: Readable.from([Buffer.from('hello'), Buffer.alloc(0), Buffer.from('x'.repeat(16))]),
      },
      whole,
    );
    await whole.ended;
    assert.equal(bodyOf(all), `5\r\nhello\r\n10\r\n${'x'.repeat(16)}\r\n0\r\n\r\n`);
  });

  for (const [what, length] of [
    ['longer', '3'],
    ['shorter', '9'],
  ] as const) {
    test(`that is ${what} than announced ends the request`, async (t) => {
      const { ask } = await upstreamOf(t, () => {});
      const app = ask({
        method: 'POST',
        headers: ['content-length', length],
        body: Readable.from([Buffer.from('hello')]),
      });
      assert.deepEqual((await app.ended).failure('sent'), ['bad-request', undefined]);
    });
  }

  test('that breaks ends the request with its error', async (t) => {
    const { ask } = await upstreamOf(t, () => {});
    const body = new Readable({ read() {} });
    const app = ask({ method: 'POST', body });
    while (app.controller === undefined) await setImmediate();
    body.destroy(new OutriggerError('client-gone', 'it went'));
    assert.equal((await app.ended).error?.code, 'client-gone');
  });

  test('that nobody wants any more is not written on once the answer is there, and the connection ends', async (t) => {
    const { ask, sockets } = await upstreamOf(t, saying('HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno'));
    const body = new Readable({ read() {} });
    const app = ask({ method: 'POST', body });
    const closed = new Promise((resolve) => body.once('close', resolve));
    assert.deepEqual([(await app.ended).status, app.body, app.error], [413, 'no', undefined]);
    await closed;
    await ask({ method: 'GET' }).ended;
    assert.equal(sockets.length, 2);
  });

  test('is read no faster than the connection takes it', async (t) => {
    const { ask, sockets } = await upstreamOf(t, (socket) => void socket.pause());
    let read = 0;
    const body = new Readable({
      highWaterMark: 64 * 1024,
      read() {
        read += 64 * 1024;
        this.push(Buffer.alloc(64 * 1024));
      },
    });
    const app = ask({ method: 'POST', body });
    while (sockets.length === 0) await setImmediate();
    let before = -1;
    while (before !== read) {
      before = read;
      for (let i = 0; i < 50; i++) await setImmediate();
    }
    assert.ok(read < 32 * 1024 * 1024, `${read} bytes were read`);
    app.goAway(new OutriggerError('client-gone', 'gone'));
    await app.ended;
    assert.ok(body.destroyed);
  });
});

describe('a pool that is closed', () => {
  test('waits for what is in flight, and takes nothing more', async (t) => {
    const { ask, pool, sockets } = await upstreamOf(t, () => {});
    const app = ask();
    while (sockets.length === 0) await setImmediate();
    const closed = pool.close();
    assert.deepEqual((await ask().ended).failure('unsent'), ['connect-failure', 'closed']);
    sockets[0]!.write(OK);
    assert.equal((await app.ended).body, 'ok');
    await closed;
  });

  test('ends what is in flight when it is destroyed', async (t) => {
    const { ask, pool, sockets } = await upstreamOf(t, () => {});
    const app = ask();
    while (sockets.length === 0 || app.controller === undefined) await setImmediate();
    const connecting = ask();
    await pool.destroy();
    assert.deepEqual((await app.ended).failure('sent'), ['reset', 'closed']);
    assert.equal((await connecting.ended).failure('unsent')[0], 'connect-failure');
  });
});
