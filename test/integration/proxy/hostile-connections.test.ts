/** What upstreams do with connections, through the whole proxy: close them at the worst moment, and send what nobody asked for. */
import assert from 'node:assert/strict';
import { Agent, request } from 'node:http';
import type { Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import {
  closeSide,
  FIN,
  GOOD,
  PLAIN,
  play,
  RST,
  startHostile,
  type Hostile,
  type Step,
} from '../../support/hostile-upstream.js';
import { until } from '../../support/running-app.js';

const EVIL = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil';
const CALLS = 500;

interface Answered {
  readonly status: number | undefined;
  readonly attempts: string;
  readonly body: string;
}

/** An app that keeps its connection, so that nothing stands between an answer and the next call. */
function keepingApp(t: TestContext, port: number) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  return (method: string, body = '') =>
    new Promise<Answered>((resolve, reject) => {
      const call = request({ port, host: '127.0.0.1', method, agent }, (response) => {
        let text = '';
        response.setEncoding('latin1');
        response.on('data', (chunk: string) => (text += chunk));
        response.on('error', reject);
        response.on('end', () =>
          resolve({
            status: response.statusCode,
            attempts: String(response.headers['x-outrigger-attempts']),
            body: text,
          }),
        );
      });
      call.on('error', reject);
      call.end(body);
    });
}

const echo = (body: string) => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

test('an answer that nobody asked for is given to nobody', async (t) => {
  const upstream = await startHostile(t);
  for (const [what, unsolicited] of [
    ['a whole one', EVIL],
    ['half of one', 'HTTP/1.1 200 OK\r\nContent-'],
    ['one that has only begun', 'H'],
    ['an interim one', 'HTTP/1.1 103 Early Hints\r\n\r\n'],
    ['100', 'HTTP/1.1 100 Continue\r\n\r\n'],
    ['bytes', 'evil'],
  ] as const) {
    await t.test(`${what}, on an idle connection`, async () => {
      await upstream.nextIsRight();
      const socket = upstream.connections().at(-1);
      socket?.write(unsolicited);
      await until(() => socket?.readableEnded === true || socket?.destroyed === true, 'the connection is given up');
      await upstream.nextIsRight();
    });
    await t.test(`${what}, while the next call arrives`, async () => {
      await upstream.nextIsRight();
      upstream.connections().at(-1)?.write(unsolicited);
      await upstream.nextIsRight();
    });
    await t.test(`${what}, in one packet with an answer`, async () => {
      upstream.does([`${GOOD}${unsolicited}`]);
      assert.equal((await upstream.ask()).body, 'good');
      for (let i = 0; i < 3; i++) await upstream.nextIsRight();
    });
  }
  assert.deepEqual(upstream.log, [], 'no call failed');
  assert.equal(await upstream.attempts('success'), upstream.seen.length);
});

for (const how of ['FIN', 'RST'] as const) {
  for (const method of ['GET', 'POST', 'PUT']) {
    test(`${CALLS} times a ${method} meets a ${how} with the last answer, a tick later, or with itself: none is lost or doubled`, async (t) => {
      const upstream = await startHostile(t, { ...PLAIN, route: 'retry: false' });
      let closing: (socket: Socket) => void = () => undefined;
      upstream.does(({ socket, body }) => {
        socket.write(echo(body));
        closing(socket);
      });
      const call = keepingApp(t, upstream.app.port);
      const moments: readonly ((socket: Socket) => void)[] = [
        (socket) => closeSide(socket, how),
        (socket) => void setImmediate(closeSide, socket, how),
        () => undefined,
      ];
      for (let i = 0; i < CALLS; i++) {
        const moment = i % moments.length;
        closing = moments[moment]!;
        const body = method === 'GET' ? '' : `call ${i}`;
        const calling = call(method, body);
        // Both are on their way when the proxy looks: the end of its idle connection, and a call for it.
        if (moment === 0) for (const socket of upstream.connections()) closeSide(socket, how);
        assert.deepEqual(await calling, { status: 200, attempts: '1', body }, `call ${i}`);
      }
      // A GET may be written to a connection that has ended already, and goes over another then; nothing else may.
      if (method === 'GET') assert.ok(upstream.seen.length >= CALLS);
      else assert.equal(new Set(upstream.seen.map(({ body }) => body)).size, CALLS);
      if (method !== 'GET') assert.equal(upstream.seen.length, CALLS);
      assert.ok(upstream.connections().length > CALLS / 2, 'connections were closed all the time');
    });
  }
}

/** Answers the first request of each connection, and closes the connection when the second one arrives. */
function closesAtReuse(upstream: Hostile, how: 'FIN' | 'RST'): void {
  upstream.does(({ socket, number, body }) => {
    if (number === 1) socket.write(echo(body));
    else closeSide(socket, how);
  });
}

for (const how of ['FIN', 'RST'] as const) {
  test(`${CALLS} GETs in a row succeed though each kept connection ends with a ${how} when it is used again, with the defaults`, async (t) => {
    const upstream = await startHostile(t, {});
    closesAtReuse(upstream, how);
    const call = keepingApp(t, upstream.app.port);
    for (let i = 0; i < CALLS; i++) {
      assert.deepEqual(await call('GET'), { status: 200, attempts: '1', body: '' }, `call ${i}`);
    }
    assert.equal(await upstream.attempts('success'), CALLS);
    assert.equal(upstream.seen.length, 2 * CALLS - 1);
    assert.deepEqual(upstream.log, []);
  });

  test(`a POST that meets a ${how} when its connection is used again may have been processed: it fails, and is not repeated`, async (t) => {
    const upstream = await startHostile(t, { upstream: 'circuitBreaker: false' });
    closesAtReuse(upstream, how);
    const call = keepingApp(t, upstream.app.port);
    for (let i = 0; i < 50; i++) {
      const { status, attempts, body } = await call('POST', `call ${i}`);
      assert.deepEqual([status, attempts], [i % 2 === 0 ? 200 : 502, '1'], `call ${i}`);
      if (status === 502) assert.match(body, /"code":"reset"/);
    }
    assert.deepEqual(
      upstream.seen.map(({ body }) => body),
      Array.from({ length: 50 }, (_, i) => `call ${i}`),
    );
    const suppressed = 'retries_suppressed_total{route="all",upstream="up",reason="method"}';
    assert.equal(await upstream.app.metric(suppressed), 25);
  });

  test(`a PUT that meets a ${how} when its connection is used again is retried`, async (t) => {
    const upstream = await startHostile(t, {
      upstream: 'circuitBreaker: false, retryBudget: false',
      route: 'retry: { backoff: { base: 1ms } }',
    });
    closesAtReuse(upstream, how);
    const call = keepingApp(t, upstream.app.port);
    for (let i = 0; i < 50; i++) {
      const attempts = i === 0 ? '1' : '2';
      assert.deepEqual(await call('PUT', `call ${i}`), { status: 200, attempts, body: `call ${i}` }, `call ${i}`);
    }
  });
}

test('a POST without a body is not repeated either', async (t) => {
  const upstream = await startHostile(t, { upstream: 'circuitBreaker: false' });
  closesAtReuse(upstream, 'FIN');
  const call = keepingApp(t, upstream.app.port);
  for (const expected of [200, 502, 200, 502]) assert.equal((await call('POST')).status, expected);
  assert.equal(upstream.seen.length, 4);
});

test('a GET that breaks a new connection is not sent again but by a retry', async (t) => {
  for (const how of ['FIN', 'RST'] as const) {
    const upstream = await startHostile(t);
    upstream.does(({ socket }) => closeSide(socket, how));
    assert.equal((await upstream.ask()).code, 'reset');
    assert.equal(upstream.seen.length, 1);
  }
});

test('a GET whose kept connection was closed goes over a new one, and not over another that was kept', async (t) => {
  const upstream = await startHostile(t);
  // Eight connections at once, each of which is closed when it is used again.
  const first: Socket[] = [];
  upstream.does(({ socket, number }) => {
    if (number > 1) return void socket.end();
    first.push(socket);
    if (first.length === 8) for (const one of first) one.write(GOOD);
    if (first.length > 8) socket.write(GOOD);
  });
  await Promise.all(Array.from({ length: 8 }, () => upstream.ask()));
  assert.equal((await upstream.ask()).body, 'good');
  assert.equal(upstream.seen.length, 8 + 2);
});

test('a call that waits for another connection after its own was closed at reuse still ends at its deadline', async (t) => {
  const upstream = await startHostile(t, { route: 'timeout: 300ms, attemptTimeout: 200ms, retry: false' });
  upstream.does(({ socket, number }) => {
    if (number === 1 && upstream.connections().length === 1) socket.write(GOOD);
    else if (upstream.connections().length === 1) socket.end();
  });
  const call = keepingApp(t, upstream.app.port);
  assert.equal((await call('GET')).status, 200);
  const startedAt = performance.now();
  const { status, body } = await call('GET');
  const tookMs = performance.now() - startedAt;
  assert.equal(status, 504);
  assert.match(body, /"code":"timeout"/);
  assert.ok(tookMs >= 199 && tookMs < 1_500, `after ${tookMs} ms`);
});

test('an upstream that closes its side at once, or without an answer, is a reset', async (t) => {
  const upstream = await startHostile(t);
  for (const steps of [[FIN], [RST], ['HTTP/1.1 200 O', FIN], ['HTTP/1.1 200 OK\r\nX: 1\r\n', RST]] as Step[][]) {
    upstream.does(steps);
    const answer = await upstream.ask();
    assert.deepEqual([answer.status, answer.code], [502, 'reset'], JSON.stringify(steps));
    await upstream.nextIsRight();
  }
  assert.equal(await upstream.attempts('reset'), 4);
});

test('an upstream that closes its side behind a whole answer has answered', async (t) => {
  const upstream = await startHostile(t);
  upstream.does([GOOD, FIN]);
  for (let i = 0; i < 5; i++) {
    assert.equal((await upstream.ask()).body, 'good');
    await upstream.nextIsRight();
  }
  assert.deepEqual(upstream.log, []);
});

/** The app's end of an upload of so many bytes that is answered while it is sent. */
function upload(port: number, bytes: number): Promise<Answered> {
  return new Promise((resolve, reject) => {
    let answered = false;
    const call = request(
      { port, host: '127.0.0.1', method: 'POST', headers: { 'content-length': bytes } },
      (response) => {
        answered = true;
        let text = '';
        response.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
        response.on('error', reject);
        response.on('end', () => {
          call.destroy();
          const attempts = String(response.headers['x-outrigger-attempts']);
          resolve({ status: response.statusCode, attempts, body: text });
        });
      },
    );
    call.on('error', (error) => {
      if (!answered) reject(error);
    });
    const chunk = Buffer.alloc(64 * 1024, 'x');
    let left = bytes;
    const more = () => {
      while (left > 0 && !call.destroyed) {
        const part = chunk.subarray(0, Math.min(left, chunk.length));
        left -= part.length;
        if (!call.write(part)) return void call.once('drain', more);
      }
      if (!call.destroyed) call.end();
    };
    more();
  });
}

for (const [what, status, ...then] of [
  ['and closes its side', 413, FIN],
  ['and resets the connection', 413, RST],
  ['and reads no more', 401],
  ['and resets the connection a little later', 503, { waitMs: 20 }, RST],
  ['with an answer for two', 400, EVIL],
] as const satisfies readonly (readonly [string, number, ...Step[]])[]) {
  test(`an upstream that answers an upload early ${what} is heard`, async (t) => {
    const upstream = await startHostile(t);
    for (let i = 0; i < 5; i++) {
      // The upload goes over a connection of its own, and is more than the kernel keeps for it.
      for (const idle of upstream.connections()) idle.destroy();
      const answering = upload(upstream.app.port, 50_000_000);
      const onItsWay = () => upstream.connections().find((one) => !one.destroyed && one.bytesRead > 100_000);
      await until(() => onItsWay() !== undefined, 'the upload is on its way');
      const socket = onItsWay() ?? assert.fail('it is gone');
      socket.pause();
      void play(socket, [`HTTP/1.1 ${status} No\r\nContent-Length: 2\r\n\r\nno`, ...then]);
      assert.deepEqual(await answering, { status, attempts: '1', body: 'no' });
      await upstream.nextIsRight();
    }
    assert.equal(await upstream.attempts('reset'), 0);
  });
}
