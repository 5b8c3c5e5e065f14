import assert from 'node:assert/strict';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import { linkTo } from '../../../src/observability/tracing/deliver.js';
import type { Delivery } from '../../../src/observability/tracing/exporter.js';
import { VirtualClock } from '../../../src/simulation/virtual-clock.js';
import { until } from '../../support/running-app.js';

/** What becomes of a request to a collector that does this once it has it; and how often it was asked, and is connected. */
async function deliverTo(t: TestContext, answer: (socket: Socket) => void) {
  const clock = new VirtualClock();
  const seen = { asked: 0, open: 0, bytes: 0 };
  const server = createServer((socket) => {
    seen.open++;
    socket.on('error', () => undefined).on('close', () => seen.open--);
    socket.on('data', () => {
      seen.asked++;
      answer(socket);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const link = linkTo(`http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/traces`, {}, clock);
  t.after(() => link.close());
  const deliveries: Delivery[] = [];
  link.deliver('{}', (delivery) => deliveries.push(delivery));
  await until(() => seen.asked === 1, 'it is asked');
  return { clock, seen, deliveries };
}

const HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n';

/** Writes as fast as it is read, without end. */
function pour(socket: Socket, piece: string): void {
  while (socket.writable && socket.write(piece));
  if (socket.writable) socket.once('drain', () => pour(socket, piece));
}

describe('a collector', () => {
  test('whose answer has no end is not listened to for longer than it matters', async (t) => {
    const { deliveries, seen } = await deliverTo(t, (socket) => {
      socket.write(`${HEAD}Transfer-Encoding: chunked\r\n\r\n`);
      pour(socket, `1000\r\n${' '.repeat(4_096)}\r\n`);
    });
    await until(() => seen.open === 0, 'the connection is closed');
    assert.deepEqual(deliveries, [{ result: 'taken', rejected: 0 }]);
  });

  test('whose head has no end, whose answer is no HTTP, breaks off, or switches protocols, is asked again later', async (t) => {
    const big = 'x'.repeat(1_000);
    for (const answer of [
      (socket: Socket) => {
        socket.write(HEAD);
        pour(socket, `X: ${big}\r\n`);
      },
      (socket: Socket) => void socket.end('220 smtp.example ESMTP\r\n'),
      (socket: Socket) => void socket.end(`${HEAD}Content-Length: 100\r\n\r\n{"partial`),
      (socket: Socket) => void socket.end('HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n'),
      (socket: Socket) => void socket.end(),
      (socket: Socket) => void socket.resetAndDestroy(),
    ]) {
      const { deliveries, seen } = await deliverTo(t, answer);
      await until(() => deliveries.length === 1 && seen.open === 0, `it is over: ${answer.toString()}`);
      assert.equal(deliveries[0]?.result, 'later');
    }
  });

  test('that never answers, or drips its answer, is left after ten seconds', async (t) => {
    for (const written of ['', `${HEAD}Content-Length: 100\r\n\r\n{`]) {
      const { clock, deliveries, seen } = await deliverTo(t, (socket) => {
        if (written !== '') socket.write(written);
      });
      clock.advance(9_999);
      assert.equal(deliveries.length, 0);
      clock.advance(1);
      await until(() => seen.open === 0, 'the connection is closed');
      assert.deepEqual(deliveries, [
        { result: 'later', reason: 'the collector did not answer in time', afterMs: undefined },
      ]);
    }
  });

  test('that sends elsewhere is not followed: the headers are for it alone', async (t) => {
    const { deliveries, seen } = await deliverTo(t, (socket) => {
      socket.write('HTTP/1.1 307 Elsewhere\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n');
    });
    await until(() => deliveries.length === 1, 'it is over');
    assert.deepEqual(deliveries, [{ result: 'refused', reason: 'the collector answered 307' }]);
    assert.equal(seen.asked, 1);
  });
});
