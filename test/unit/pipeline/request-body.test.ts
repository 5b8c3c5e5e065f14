import assert from 'node:assert/strict';
import { PassThrough, type Readable } from 'node:stream';
import { describe, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { ReplayMemory } from '../../../src/pipeline/replay-memory.js';
import { IncomingBody, NO_BODY } from '../../../src/pipeline/request-body.js';
import { OutriggerError } from '../../../src/errors.js';
import { VirtualClock } from '../../../src/simulation/virtual-clock.js';

interface Setup {
  readonly body: IncomingBody;
  readonly source: PassThrough;
  readonly memory: ReplayMemory;
  readonly clock: VirtualClock;
  stalls: number;
}

function setup(length: number | undefined, { maxBodySize = 10, limit = 100 } = {}): Setup {
  const source = new PassThrough();
  const memory = new ReplayMemory(limit);
  const clock = new VirtualClock();
  const it: Setup = {
    source,
    memory,
    clock,
    stalls: 0,
    body: new IncomingBody({
      source,
      length,
      maxBodySize,
      memory,
      clock,
      idleTimeoutMs: 1_000,
      onStalled: () => it.stalls++,
    }),
  };
  return it;
}

/** Lets streams and their ticks come to rest. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await nextTurn();
}

/** The text of a body that is kept. */
function bytesOf(body: unknown): string {
  assert.ok(Buffer.isBuffer(body));
  return body.toString();
}

function collect(stream: unknown): { text: () => string; ended: () => boolean; error: () => Error | undefined } {
  const readable = stream as Readable;
  let text = '';
  let ended = false;
  let error: Error | undefined;
  readable.on('data', (chunk: Buffer) => (text += chunk.toString()));
  readable.on('end', () => (ended = true));
  readable.on('error', (cause) => (error = cause));
  return { text: () => text, ended: () => ended, error: () => error };
}

describe('no body', () => {
  it('is complete and costs nothing', () => {
    let called = 0;
    NO_BODY.onComplete(() => called++);
    assert.equal(called, 1);
    assert.equal(NO_BODY.forAttempt(), null);
    assert.equal(NO_BODY.state, 'none');
  });
});

describe('a body of known size that fits', () => {
  it('is collected, and then any number of attempts get the same bytes', async () => {
    const { body, source, memory, clock } = setup(6);
    assert.ok(body.collects);
    assert.equal(memory.used, 6);
    let completed = 0;
    body.onComplete(() => completed++);
    const forget = body.onComplete(() => assert.fail('it was forgotten'));
    forget();
    source.write('abc');
    source.end('def');
    await settle();
    assert.equal(completed, 1);
    assert.equal(body.state, 'kept');
    assert.equal(body.notKept, undefined);
    assert.equal(bytesOf(body.forAttempt()), 'abcdef');
    assert.equal(bytesOf(body.forAttempt()), 'abcdef');
    body.release();
    assert.equal(memory.used, 0);
    assert.equal(body.state, 'consumed');
    assert.equal(clock.pending, 0);
  });

  it('that stalls says so; one that goes on does not', async () => {
    const it = setup(6);
    for (let i = 0; i < 5; i++) {
      it.source.write('x');
      await settle();
      it.clock.advance(900);
    }
    assert.equal(it.stalls, 0);
    it.clock.advance(101);
    assert.equal(it.stalls, 1);
    assert.equal(it.clock.pending, 0);
  });

  it('finds no memory: it is streamed once', () => {
    const { body, memory } = setup(6, { limit: 5 });
    assert.ok(!body.collects);
    assert.equal(body.notKept, 'replay-memory');
    assert.equal(memory.used, 0);
  });
});

describe('a body that is too large', () => {
  it('is not read before an attempt wants it, and is gone once one was given some of it', async () => {
    const { body, source } = setup(20);
    assert.equal(body.state, 'streaming');
    assert.equal(body.notKept, 'body-too-large');
    source.write('a'.repeat(12));
    await settle();
    assert.equal(source.readableLength, 12);
    const stream = collect(body.forAttempt());
    await settle();
    assert.equal(stream.text().length, 12);
    assert.equal(body.state, 'consumed');
    assert.throws(() => body.forAttempt(), /was not kept/);
    source.end('b'.repeat(8));
    await settle();
    assert.ok(stream.ended());
    assert.ok(body.complete);
  });

  it('can go to another attempt if the first was never sent', async () => {
    const { body, source } = setup(20);
    const first = body.forAttempt() as Readable;
    // As undici does to look whether the body has ended.
    first.read(0);
    first.destroy();
    source.write('hello');
    await settle();
    assert.equal(body.state, 'streaming');
    const second = collect(body.forAttempt());
    await settle();
    assert.equal(second.text(), 'hello');
    assert.ok(!source.destroyed);
  });

  it('is read no faster than it is taken', async () => {
    const { body, source } = setup(10_000_000);
    const stream = body.forAttempt() as Readable;
    const taken = collect(stream);
    await settle();
    stream.pause();
    let written = 0;
    while (source.write(Buffer.alloc(16_384)) && written < 1_000_000) {
      written += 16_384;
      await settle();
    }
    assert.ok(written < 200_000, String(written));
    stream.resume();
    await settle();
    assert.ok(taken.text().length >= written);
  });

  it('of which the upstream takes nothing more: the attempt times out, not the app', async () => {
    const it = setup(10_000_000);
    const stream = it.body.forAttempt() as Readable;
    const taken = collect(stream);
    await settle();
    stream.pause();
    for (let i = 0; i < 12; i++) it.source.write(Buffer.alloc(16_384));
    await settle();
    it.clock.advance(1_000);
    await settle();
    const error = taken.error();
    assert.ok(error instanceof OutriggerError);
    assert.equal(error.code, 'timeout');
    assert.equal(error.reason, 'idle');
    assert.equal(it.stalls, 0);
    assert.ok(!it.source.destroyed);
  });

  it('that no attempt has asked for yet is nobody\u2019s stall', () => {
    const it = setup(20);
    it.clock.advance(10_000);
    assert.equal(it.stalls, 0);
    assert.equal(it.clock.pending, 1);
  });

  it('that the app stops sending is the app\u2019s stall', async () => {
    const it = setup(20);
    collect(it.body.forAttempt());
    it.source.write('x');
    await settle();
    it.clock.advance(1_000);
    assert.equal(it.stalls, 1);
  });
});

describe('a body of unknown size', () => {
  it('goes to the first attempt at once, and is kept when it has come in whole', async () => {
    const { body, source, memory } = setup(undefined);
    const first = collect(body.forAttempt());
    source.write('abc');
    await settle();
    assert.equal(first.text(), 'abc');
    assert.equal(body.state, 'consumed');
    assert.equal(body.notKept, 'committed');
    source.end('def');
    await settle();
    assert.ok(first.ended());
    assert.equal(body.state, 'kept');
    assert.equal(body.notKept, undefined);
    assert.equal(memory.used, 6);
    assert.equal(bytesOf(body.forAttempt()), 'abcdef');
    body.release();
    assert.equal(memory.used, 0);
  });

  it('is read ahead of an attempt that waits, as far as it is kept', async () => {
    const { body, source } = setup(undefined);
    source.end('abcdef');
    await settle();
    assert.ok(body.complete);
    assert.equal(body.state, 'kept');
  });

  it('that turns out too large is streamed on, whole, and no longer kept', async () => {
    const { body, source, memory } = setup(undefined);
    const first = collect(body.forAttempt());
    for (const part of ['abcdef', 'ghijkl', 'mnopqr']) {
      source.write(part);
      await settle();
    }
    assert.equal(body.notKept, 'body-too-large');
    assert.equal(memory.used, 0);
    source.end();
    await settle();
    assert.equal(first.text(), 'abcdefghijklmnopqr');
    assert.ok(first.ended());
    assert.equal(body.state, 'consumed');
  });

  it('for which memory runs out is streamed on, whole', async () => {
    const { body, source, memory } = setup(undefined, { limit: 8 });
    const first = collect(body.forAttempt());
    source.write('abcdef');
    await settle();
    source.end('ghi');
    await settle();
    assert.equal(first.text(), 'abcdefghi');
    assert.equal(body.notKept, 'replay-memory');
    assert.equal(memory.used, 0);
  });

  it('whose attempt fails early can be kept all the same, once it is in', async () => {
    const { body, source } = setup(undefined);
    const stream = body.forAttempt() as Readable;
    collect(stream);
    source.write('abc');
    await settle();
    stream.destroy(new Error('the upstream broke'));
    assert.equal(body.state, 'consumed');
    source.end('def');
    await settle();
    assert.equal(bytesOf(body.forAttempt()), 'abcdef');
    assert.ok(!source.destroyed || source.readableEnded);
  });

  it('released while an attempt takes it still arrives whole', async () => {
    const { body, source, memory } = setup(undefined);
    const first = collect(body.forAttempt());
    source.write('abc');
    await settle();
    body.release();
    assert.equal(memory.used, 0);
    assert.equal(body.state, 'consumed');
    source.end('def');
    await settle();
    assert.equal(first.text(), 'abcdef');
    assert.ok(first.ended());
  });

  it('whose app goes away breaks the attempt, and later ones', async () => {
    const { body, source } = setup(undefined);
    const first = collect(body.forAttempt());
    await settle();
    source.destroy(new Error('aborted'));
    await settle();
    const error = first.error();
    assert.ok(error instanceof OutriggerError);
    assert.equal(error.code, 'client-gone');
    const second = collect(body.forAttempt());
    await settle();
    assert.equal(second.error(), error);
  });

  it('discarded holds nothing and reads nothing', async () => {
    const { body, source, memory, clock } = setup(undefined);
    source.write('abc');
    await settle();
    body.discard();
    assert.equal(memory.used, 0);
    assert.equal(clock.pending, 0);
    assert.equal(source.listenerCount('data'), 0);
  });
});
