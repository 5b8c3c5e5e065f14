import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { drain } from '../../../src/edge/drain.js';
import { VirtualClock } from '../../../src/simulation/virtual-clock.js';

/** A drain of a server whose calls in flight the test sets; `at` is when it was over. */
function startDrain({ delayMs = 0, timeoutMs = 25_000 } = {}) {
  const clock = new VirtualClock();
  const server = { inFlight: 0, taken: 7, shutAt: -1, onShut: () => {}, refusedAt: -1, clock, end: '', at: -1 };
  const over = drain({
    clock,
    delayMs,
    timeoutMs,
    inFlight: () => server.inFlight,
    taken: () => server.taken,
    stopTaking: () => {
      server.shutAt = clock.now();
      server.onShut();
    },
    refuseRest: () => {
      server.refusedAt = clock.now();
    },
  });
  void over.then((end) => Object.assign(server, { end, at: clock.now() }));
  return server;
}

type Server = ReturnType<typeof startDrain>;

/** Moves on in small steps, so that what a promise brings is seen at its time. */
async function advance(server: Server, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 10) {
    server.clock.advance(10);
    await Promise.resolve();
  }
}

function assertOver(server: Server, end: string, from: number, to: number): void {
  assert.equal(server.end, end);
  assert.ok(server.at >= from && server.at <= to, `over at ${server.at} ms`);
}

describe('a drain', () => {
  test('without calls is over after half a second', async () => {
    const server = startDrain();
    await advance(server, 1_000);
    assertOver(server, 'quiet', 500, 520);
    assert.equal(server.refusedAt, -1);
    assert.equal(server.clock.pending, 0);
  });

  test('waits for what is in flight, and half a second more', async () => {
    const server = startDrain();
    server.inFlight = 2;
    await advance(server, 3_000);
    server.inFlight = 0;
    await advance(server, 1_000);
    assertOver(server, 'quiet', 3_480, 3_520);
  });

  test('starts the half second anew at each call, however short', async () => {
    const server = startDrain();
    for (let call = 0; call < 5; call++) {
      await advance(server, 400);
      server.taken++;
    }
    await advance(server, 1_000);
    assertOver(server, 'quiet', 2_500, 2_540);
  });

  test('shuts the doors when it is quiet, and answers who has slipped in', async () => {
    const server = startDrain();
    server.onShut = () => (server.inFlight = 1);
    await advance(server, 1_500);
    assert.equal(server.end, '');
    assert.ok(server.shutAt >= 500 && server.shutAt <= 520);
    server.inFlight = 0;
    await advance(server, 100);
    assertOver(server, 'quiet', 1_500, 1_540);
  });

  test('is over at its timeout also when who has slipped in stays', async () => {
    const server = startDrain({ timeoutMs: 2_000 });
    server.onShut = () => (server.inFlight = 1);
    await advance(server, 3_000);
    assertOver(server, 'timeout', 2_100, 2_120);
    assert.equal(server.refusedAt, 2_000);
  });

  test('lasts at least its delay', async () => {
    const server = startDrain({ delayMs: 5_000 });
    await advance(server, 6_000);
    assertOver(server, 'quiet', 5_000, 5_020);
  });

  test('refuses what has no answer at its timeout, and leaves streams', async () => {
    const server = startDrain({ timeoutMs: 2_010 });
    server.inFlight = 1;
    await advance(server, 3_000);
    assert.equal(server.refusedAt, 2_010);
    assertOver(server, 'timeout', 2_110, 2_120);
    assert.equal(server.clock.pending, 0);
  });

  test('ends at its timeout also when the delay is longer', async () => {
    const server = startDrain({ delayMs: 60_000, timeoutMs: 1_000 });
    await advance(server, 2_000);
    assertOver(server, 'timeout', 1_100, 1_120);
  });
});
