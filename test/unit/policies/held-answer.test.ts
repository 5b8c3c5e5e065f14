import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { OutriggerError } from '../../../src/errors.js';
import { HeldAnswer, type Overflow } from '../../../src/policies/held-answer.js';
import { Steered } from '../../support/interim-upstream.js';
import { Recorder } from '../../support/recorder.js';
import { VirtualClock } from '../../../src/simulation/virtual-clock.js';

const KIB = Buffer.alloc(1024, 'x');

function hold(overflow: Overflow) {
  const clock = new VirtualClock();
  const connection = new Steered();
  const held = new HeldAnswer(connection, 503, { 'x-from': 'upstream' }, 'Busy', overflow);
  // As undici: an abort is told at once.
  connection.onAbort = (reason) => held.broken(reason);
  const app = new Recorder(clock);
  const data = (kib: number) => {
    for (let i = 0; i < kib; i++) held.data(KIB);
  };
  return { clock, connection, held, app, data };
}

describe('a held answer', () => {
  test('is given whole when it is', () => {
    const { connection, held, app, data } = hold('drop');
    data(2);
    held.ended();
    assert.equal(held.whole, true);
    assert.equal(held.giveTo(app, connection), true);
    assert.deepEqual([app.status, app.headers['x-from'], app.body.length, app.ends], [503, 'upstream', 2048, 1]);
  });

  test('keeps exactly 64 KiB', () => {
    const { connection, held, data } = hold('drop');
    data(64);
    assert.equal(connection.aborted, false);
    held.ended();
    assert.equal(held.whole, true);
  });

  test('is cut beyond 64 KiB where nobody will want it', () => {
    const { connection, held, data } = hold('drop');
    data(65);
    assert.equal(connection.aborted, true);
    held.ended();
    assert.equal(held.whole, false);
  });

  test('is paused beyond 64 KiB where it may still be wanted, and loses nothing', () => {
    const { connection, held, app, data } = hold('pause');
    data(65);
    assert.deepEqual([connection.aborted, connection.paused], [false, true]);
    data(1);
    assert.equal(held.giveTo(app, connection), false, 'more is to come');
    assert.deepEqual([app.body.length, app.ends], [66 * 1024, 0]);
  });

  test('is given as broken as it is', () => {
    const { connection, held, app, data } = hold('pause');
    data(1);
    held.broken(new OutriggerError('bad-response', 'broke off'));
    assert.equal(held.giveTo(app, connection), true);
    assert.deepEqual([app.status, app.body.length, app.error?.code, app.ends], [503, 1024, 'bad-response', 1]);
  });

  test('is not whole when it breaks', () => {
    const { held, data } = hold('drop');
    data(1);
    held.broken(new Error('broke off'));
    held.ended();
    assert.equal(held.whole, false);
  });

  test('is dropped once', () => {
    const { connection, held } = hold('drop');
    held.drop();
    const { reason } = connection;
    held.drop();
    assert.equal(connection.reason, reason);
  });

  test('is not cut when it is whole', () => {
    const { connection, held } = hold('drop');
    held.ended();
    held.drop();
    assert.equal(connection.aborted, false);
  });

  test('that is let go is read to its end, if that comes soon', () => {
    const { clock, connection, held, data } = hold('pause');
    data(1);
    held.letGo(clock);
    data(10);
    assert.equal(connection.aborted, false);
    held.ended();
    assert.equal(clock.pending, 0);
  });

  test('that is let go is cut when it takes a second, or is too large', () => {
    const late = hold('pause');
    late.held.letGo(late.clock);
    late.clock.advance(1_000);
    assert.equal(late.connection.aborted, true);

    const large = hold('pause');
    large.data(60);
    large.held.letGo(large.clock);
    large.data(5);
    assert.deepEqual([large.connection.aborted, large.clock.pending], [true, 0]);

    const paused = hold('pause');
    paused.data(65);
    paused.held.letGo(paused.clock);
    assert.deepEqual([paused.connection.aborted, paused.clock.pending], [true, 0]);
  });

  test('gives nothing more to an app that leaves while it is given', () => {
    const { clock, connection, held, data } = hold('pause');
    data(3);
    const app = new Recorder(clock);
    const gone = new OutriggerError('client-gone', 'gone');
    connection.onAbort = (reason) => app.onResponseError(connection, reason);
    const leaves = {
      onResponseStart: (...given: Parameters<Recorder['onResponseStart']>) => app.onResponseStart(...given),
      onResponseData: (...given: Parameters<Recorder['onResponseData']>) => {
        app.onResponseData(...given);
        connection.abort(gone);
      },
      onResponseEnd: () => app.onResponseEnd(),
    };
    assert.equal(held.giveTo(leaves, connection), true, 'nothing is to come');
    assert.deepEqual([app.body.length, app.ends, app.error, app.late], [1024, 1, gone, []]);
  });
});
