import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createRawServer, type AddressInfo, type Server } from 'node:net';
import { describe, test } from 'node:test';
import { Pool, type Dispatcher } from 'undici';
import { OutriggerError } from '../../../src/errors.js';
import type { CallOptions } from '../../../src/policies/policy.js';
import { systemClock } from '../../../src/runtime/clock.js';
import { systemRandom } from '../../../src/runtime/random.js';
import { transport } from '../../../src/upstream/transport.js';
import { fakeAttempt, fakeCall } from '../../support/policy-events.js';
import { Recorder } from '../../support/recorder.js';

/** The app's end of one attempt, as a promise. */
class Awaited extends Recorder {
  readonly ended: Promise<void>;
  #end: () => void = () => undefined;

  constructor() {
    super(systemClock);
    this.ended = new Promise((resolve) => (this.#end = resolve));
  }

  override onResponseEnd(): void {
    super.onResponseEnd();
    this.#end();
  }

  override onResponseError(...given: Parameters<Recorder['onResponseError']>): void {
    super.onResponseError(...given);
    this.#end();
  }
}

function attempt(pool: Dispatcher, path = '/'): Awaited {
  const app = new Awaited();
  const call = fakeCall();
  const opts: CallOptions = { method: 'GET', path, headers: [], call, attempt: fakeAttempt(call, 'http://a') };
  const deps = { clock: systemClock, random: systemRandom, emit: () => undefined };
  transport(deps)((given, handler) => pool.dispatch(given, handler))(opts, app);
  return app;
}

async function listening(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A server of raw bytes: what it says to each connection that has sent something. */
async function saying(say: string | null) {
  const server = createRawServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => {
      if (say === null) socket.resetAndDestroy();
      else socket.end(say);
    });
  });
  const pool = new Pool(await listening(server), { pipelining: 1, headersTimeout: 0 });
  return {
    pool,
    close: async () => {
      await pool.destroy();
      server.close();
    },
  };
}

describe('the transport on real sockets', () => {
  test('50. an attempt cut while it waits for a connection is never sent, and the connection lives on', async () => {
    const paths: string[] = [];
    let connections = 0;
    let release: () => void = () => undefined;
    const server = createServer((request: IncomingMessage, response: ServerResponse) => {
      paths.push(request.url ?? '');
      if (request.url === '/slow') release = () => response.end('done');
      else response.end('ok');
    });
    server.on('connection', () => connections++);
    const pool = new Pool(await listening(server), { pipelining: 1, connections: 1 });
    try {
      const slow = attempt(pool, '/slow');
      while (paths.length === 0) await once(server, 'request');
      const waiting = attempt(pool, '/waiting');
      waiting.goAway(new OutriggerError('client-gone', 'gone'));
      await waiting.ended;
      assert.equal(waiting.error?.code, 'client-gone');
      release();
      await slow.ended;
      const next = attempt(pool, '/next');
      await next.ended;
      assert.deepEqual([slow.body, next.body, waiting.ends], ['done', 'ok', 1]);
      assert.deepEqual([paths, connections], [['/slow', '/next'], 1]);
    } finally {
      await pool.destroy();
      server.close();
    }
  });

  test('an attempt that is cut closes its connection', async () => {
    const server = createServer(() => undefined);
    const pool = new Pool(await listening(server));
    try {
      const app = attempt(pool);
      const [request] = (await once(server, 'request')) as [IncomingMessage];
      const closed = once(request.socket, 'close');
      app.goAway(new OutriggerError('timeout', 'too late'));
      await Promise.all([app.ended, closed]);
      assert.deepEqual([app.error?.code, app.ends], ['timeout', 1]);
    } finally {
      await pool.destroy();
      server.close();
    }
  });

  test('a refused connection is a connect-failure', async () => {
    const server = createRawServer();
    const origin = await listening(server);
    server.close();
    await once(server, 'close');
    const pool = new Pool(origin);
    const app = attempt(pool);
    await app.ended;
    assert.deepEqual([app.error?.code, app.error?.reason], ['connect-failure', 'refused']);
    await pool.destroy();
  });

  for (const [what, say, code] of [
    ['a connection that breaks before the head', null, 'reset'],
    ['a connection that ends before the head', '', 'reset'],
    ['what is not HTTP', 'SSH-2.0-OpenSSH_9.2\r\n', 'bad-response'],
    ['a head that breaks the rules', 'HTTP/1.1 200 OK\r\nno colon here\r\n\r\n', 'bad-response'],
    ['a status that is none', 'HTTP/1.1 2x0 OK\r\n\r\n', 'bad-response'],
    ['a body that is cut', 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf', 'bad-response'],
    ['a chunk that is none', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n', 'bad-response'],
  ] as const) {
    test(`${what} is a ${code}`, async () => {
      const upstream = await saying(say);
      try {
        const app = attempt(upstream.pool);
        await app.ended;
        assert.deepEqual([app.error?.code, app.ends, app.late], [code, 1, []]);
      } finally {
        await upstream.close();
      }
    });
  }
});
