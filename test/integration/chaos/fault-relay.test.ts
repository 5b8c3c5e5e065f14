import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startRawUpstream } from '../../support/http-upstream.js';
import { FaultRelay, type Fault } from '../../support/fault-relay.js';

const ANSWER = 'x'.repeat(10_000);

interface Seen {
  readonly received: string;
  /** How the connection ended, if it did within a moment. */
  readonly end: 'FIN' | 'RST' | undefined;
  readonly pieces: number;
  /** Whether the other side has got the question. */
  readonly asked: boolean;
}

/** One question through a relay that does a fault, where chance is always the same number. */
async function exchange(t: TestContext, fault: Fault | 'none', chance: number, questions = 1): Promise<Seen> {
  let asked = 0;
  const far = await startRawUpstream(
    () => {},
    (socket) => {
      asked++;
      if (socket.writable) socket.write(ANSWER);
    },
  );
  let drawn = 0;
  // The first draw is for the connection, which only a refusal concerns.
  const relay = new FaultRelay({
    port: far.port,
    random: () => chance,
    draw: () => (drawn++ < questions ? 'none' : fault),
  });
  const port = await relay.start();
  const near = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  t.after(async () => {
    near.destroy();
    relay.close();
    await far.close();
  });
  let received = '';
  let pieces = 0;
  let end: Seen['end'];
  near.on('data', (chunk: Buffer) => {
    pieces++;
    received += chunk.toString();
  });
  near.on('end', () => (end ??= 'FIN')).on('error', () => (end = 'RST'));
  for (let i = 0; i < questions; i++) {
    near.write('a question');
    for (let waited = 0; waited < 40 && end === undefined; waited++) {
      if (received.length === ANSWER.length * (i + 1)) break;
      await sleep(10);
    }
  }
  assert.equal(relay.done.get('cut') ?? 0, fault === 'cut' ? 1 : 0);
  return { received, end, pieces, asked: asked > 0 };
}

describe('a fault relay', () => {
  test('passes everything on', async (t) => {
    assert.deepEqual(await exchange(t, 'none', 0.5, 3), {
      received: ANSWER.repeat(3),
      end: undefined,
      pieces: 3,
      asked: true,
    });
  });

  for (const [what, fault, chance, expected] of [
    ['delays', 'latency', 0, { received: ANSWER, end: undefined, asked: true }],
    ['resets before the question is passed on', 'reset', 0, { received: '', end: 'RST', asked: false }],
    ['resets in the middle', 'reset', 0.5, { received: ANSWER.slice(0, 2_000), asked: true }],
    ['cuts at once', 'cut', 0, { received: '', end: 'FIN', asked: true }],
    ['cuts in the middle', 'cut', 0.5, { received: ANSWER.slice(0, 2_000), end: 'FIN', asked: true }],
    ['swallows all', 'black-hole', 0, { received: '', end: undefined, asked: false }],
    ['swallows the rest', 'black-hole', 0.5, { received: ANSWER.slice(0, 2_000), end: undefined, asked: true }],
    ['closes one side', 'half-close', 0.5, { received: ANSWER.slice(0, 2_000), end: 'FIN', asked: true }],
    ['closes the other side', 'half-close', 0, { received: ANSWER, end: undefined, asked: true }],
    ['drips', 'drip', 0.5, { received: ANSWER, end: undefined, asked: true }],
  ] as const) {
    test(`${what} (${fault}, ${chance})`, async (t) => {
      const seen = await exchange(t, fault, chance);
      for (const [key, value] of Object.entries(expected)) {
        assert.equal(seen[key as keyof Seen], value, key);
      }
      if (fault === 'drip') assert.ok(seen.pieces > 10, `${seen.pieces} pieces`);
    });
  }

  test('closes a kept connection when it is used again', async (t) => {
    const seen = await exchange(t, 'refuse', 0.5, 2);
    assert.equal(seen.received, ANSWER);
    assert.notEqual(seen.end, undefined);
  });

  test('resets a new connection', async (t) => {
    const far = await startRawUpstream(() => {});
    const relay = new FaultRelay({ port: far.port, random: () => 0.5, draw: () => 'refuse' });
    const port = await relay.start();
    t.after(async () => {
      relay.close();
      await far.close();
    });
    const near = connect({ port, host: '127.0.0.1' });
    near.on('error', () => {});
    await new Promise((resolve) => near.once('close', resolve));
    assert.equal(far.sockets.length, 0);
    assert.equal(relay.done.get('refuse'), 1);
  });
});
