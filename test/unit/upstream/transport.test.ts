import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { OutriggerError } from '../../../src/errors.js';
import type { PolicyEvent } from '../../../src/policies/events.js';
import type { CallOptions, Controller, Dispatch, Handler } from '../../../src/policies/policy.js';
import { transport } from '../../../src/upstream/transport.js';
import { FakeBody } from '../../support/fake-body.js';
import { Steered } from '../../support/interim-upstream.js';
import { createLine, sentHeader, type LineOptions, type LineRequest } from '../../support/line.js';
import { fakeAttempt, fakeCall } from '../../support/policy-events.js';
import { Recorder } from '../../support/recorder.js';
import { VirtualClock } from '../../../src/simulation/virtual-clock.js';

/** One attempt, with the test in undici's place. */
function attempt(dispatch?: Dispatch) {
  const clock = new VirtualClock();
  const events: PolicyEvent[] = [];
  const app = new Recorder(clock);
  const connection = new Steered();
  let below: Handler = {};
  const call = fakeCall({ method: 'POST' });
  const opts: CallOptions = { method: 'POST', path: '/', call, attempt: fakeAttempt(call, 'http://a') };
  transport({ clock, random: () => 0.5, emit: (event) => events.push(event) })(
    dispatch ??
      ((_opts, handler) => {
        below = handler;
        return true;
      }),
  )(opts, app);
  const start = () => below.onRequestStart?.(connection, null);
  const head = (status = 200) => below.onResponseStart?.(connection, status, {});
  const end = () => below.onResponseEnd?.(connection, {});
  const fail = (code: string, message = code) =>
    below.onResponseError?.(connection, Object.assign(new Error(message), { code }));
  const results = () => events.flatMap((event) => (event.type === 'attempt' ? [event.result] : []));
  const timeouts = () => events.flatMap((event) => (event.type === 'timeout' ? [event.kind] : []));
  return { clock, app, call, connection, events, start, head, end, fail, results, timeouts };
}

describe('the transport names a failure by where the attempt was', () => {
  test('before a connection it is a connect-failure, whatever broke', () => {
    for (const [code, reason] of [
      ['ECONNREFUSED', 'refused'],
      ['ENOENT', 'refused'],
      ['ENOTFOUND', 'dns'],
      ['EAI_AGAIN', 'dns'],
      ['EHOSTUNREACH', 'unroutable'],
      ['UND_ERR_CONNECT_TIMEOUT', 'connect-timeout'],
      ['ETIMEDOUT', 'connect-timeout'],
      ['CERT_HAS_EXPIRED', 'tls-certificate'],
      ['DEPTH_ZERO_SELF_SIGNED_CERT', 'tls-certificate'],
      ['ERR_TLS_CERT_ALTNAME_INVALID', 'tls-certificate'],
      ['ERR_SSL_WRONG_VERSION_NUMBER', 'tls'],
      ['EPROTO', 'tls'],
      ['ECONNRESET', 'closed'],
      ['UND_ERR_SOCKET', 'closed'],
      ['UND_ERR_CLOSED', 'closed'],
      ['UND_ERR_DESTROYED', 'closed'],
      ['SOMETHING_NEW', 'closed'],
    ] as const) {
      const tested = attempt();
      tested.fail(code);
      assert.deepEqual([tested.app.error?.code, tested.app.error?.reason], ['connect-failure', reason], code);
      assert.deepEqual(tested.results(), ['connect-failure']);
      assert.equal(tested.app.ends, 1);
    }
  });

  test('once sent it is a reset', () => {
    for (const code of ['ECONNRESET', 'UND_ERR_SOCKET', 'EPIPE', 'ETIMEDOUT', 'ECONNREFUSED', 'UND_ERR_DESTROYED']) {
      const tested = attempt();
      tested.start();
      tested.fail(code);
      assert.equal(tested.app.error?.code, 'reset', code);
    }
  });

  test('a head that is no HTTP, or too large, is a bad response', () => {
    for (const code of ['UND_ERR_HEADERS_OVERFLOW', 'HPE_INVALID_CONSTANT', 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH']) {
      const tested = attempt();
      tested.start();
      tested.fail(code);
      assert.equal(tested.app.error?.code, 'bad-response', code);
    }
  });

  test('in the middle of a body everything is a bad response', () => {
    for (const code of ['ECONNRESET', 'UND_ERR_SOCKET', 'HPE_INVALID_CHUNK_SIZE', 'UND_ERR_BODY_TIMEOUT']) {
      const tested = attempt();
      tested.start();
      tested.head();
      tested.fail(code);
      assert.equal(tested.app.error?.code, 'bad-response', code);
      assert.deepEqual(tested.results(), ['bad-response']);
      assert.deepEqual(tested.timeouts(), code === 'UND_ERR_BODY_TIMEOUT' ? ['idle'] : []);
    }
  });

  test('an interim answer is no answer yet', () => {
    const tested = attempt();
    tested.start();
    tested.head(103);
    tested.fail('ECONNRESET');
    assert.equal(tested.app.error?.code, 'reset');
    assert.deepEqual(tested.app.interim, [103]);
  });

  test('a connection that takes too long is counted as a timeout', () => {
    const tested = attempt();
    tested.fail('UND_ERR_CONNECT_TIMEOUT');
    assert.deepEqual(tested.timeouts(), ['connect']);
  });

  test('what undici refuses to send is a bad request', () => {
    const tested = attempt(() => {
      throw Object.assign(new Error('invalid header'), { code: 'UND_ERR_INVALID_ARG' });
    });
    assert.equal(tested.app.error?.code, 'bad-request');
    assert.equal(tested.app.ends, 1);
    assert.deepEqual(tested.results(), ['internal']);
  });
});

describe('the transport', () => {
  test('gives a controller at once, before there is a connection', () => {
    const tested = attempt();
    assert.ok(tested.app.controller !== undefined);
    assert.equal(tested.call.sent, false);
    tested.start();
    assert.equal(tested.call.sent, true);
  });

  test('settles an attempt that waits for a connection when it is cut, and refuses to start it later', () => {
    const tested = attempt();
    const gone = new OutriggerError('client-gone', 'gone');
    tested.app.goAway(gone);
    assert.equal(tested.app.error, gone);
    assert.throws(tested.start, gone);
    tested.fail('UND_ERR_ABORTED');
    assert.equal(tested.app.ends, 1);
    assert.deepEqual(tested.results(), ['client-gone']);
    assert.equal(tested.connection.reason, null, 'the connection is left to others');
    assert.equal(tested.call.sent, false);
  });

  test('takes an attempt timeout before the connection as a connect-failure: nothing was sent', () => {
    const line = createLine({
      attemptTimeout: '1s',
      retry: { maxAttempts: 2, backoff: { jitter: 'none' } },
      endpoints: { a: ['no-connection'] },
    });
    const call = line.run({ method: 'POST', body: FakeBody.kept('x') });
    assert.deepEqual([call.error?.code, call.error?.reason, call.attempts], ['connect-failure', 'connect-timeout', 2]);
    assert.deepEqual(
      line.of('timeout').map(({ kind }) => kind),
      ['attempt', 'attempt'],
    );
    assert.equal(call.call.sent, false);
    line.finish();
  });

  test('cuts an attempt that was sent', () => {
    const tested = attempt();
    tested.start();
    const gone = new OutriggerError('client-gone', 'gone');
    tested.app.goAway(gone);
    assert.equal(tested.connection.reason, gone);
  });

  test('says the reason of the one who cut it, not what undici makes of it', () => {
    const tested = attempt();
    tested.start();
    const gone = new OutriggerError('client-gone', 'gone');
    tested.app.goAway(gone);
    tested.fail('UND_ERR_ABORTED');
    assert.equal(tested.app.error, gone);
  });

  test('is not cut twice, nor once it is over', () => {
    const tested = attempt();
    tested.start();
    tested.head();
    tested.end();
    tested.app.goAway(new OutriggerError('client-gone', 'gone'));
    assert.equal(tested.connection.reason, null);
    tested.fail('ECONNRESET');
    tested.end();
    assert.equal(tested.app.ends, 1);
    assert.equal(tested.app.error, undefined);
  });

  test('does not dispatch at all when it is cut as soon as it begins', () => {
    const clock = new VirtualClock();
    let dispatched = 0;
    const app = new Recorder(clock);
    const gone = new OutriggerError('client-gone', 'gone');
    const leaves: Handler = {
      onRequestStart: (controller: Controller) => controller.abort(gone),
      onResponseError: (controller: Controller, error: Error) => app.onResponseError(controller, error),
    };
    const call = fakeCall();
    const run = transport({ clock, random: () => 0.5, emit: () => undefined })(() => {
      dispatched++;
      return true;
    });
    run({ method: 'GET', path: '/', call } as CallOptions, leaves);
    assert.deepEqual([dispatched, app.ends, app.error], [0, 1, gone]);
  });

  test('passes back-pressure on', () => {
    const tested = attempt();
    tested.start();
    tested.app.controller?.pause();
    assert.equal(tested.connection.paused, true);
    assert.equal(tested.app.controller?.paused, true);
    tested.app.controller?.resume();
    assert.equal(tested.connection.paused, false);
  });

  test('times an attempt until its head, however long its body takes', () => {
    const tested = attempt();
    tested.start();
    tested.clock.advance(30);
    tested.head(404);
    tested.clock.advance(5_000);
    tested.end();
    const event = tested.events.find((one) => one.type === 'attempt');
    assert.ok(event);
    assert.deepEqual([event.result, event.status, event.durationMs], ['success', 404, 30]);
  });

  test('names each answer by its status', () => {
    for (const [status, result] of [
      [200, 'success'],
      [304, 'success'],
      [404, 'success'],
      [429, '429'],
      [500, '500'],
      [501, '5xx'],
      [502, '502'],
      [503, '503'],
      [504, '504'],
      [599, '5xx'],
    ] as const) {
      const tested = attempt();
      tested.start();
      tested.head(status);
      tested.end();
      assert.deepEqual(tested.results(), [result]);
    }
  });

  test('takes what dispatch throws as a mistake of ours, which is not retried', () => {
    const broken = () => {
      throw new TypeError('a bug');
    };
    const tested = attempt(broken);
    assert.deepEqual([tested.app.error?.code, tested.app.ends], ['internal', 1]);
    const line = createLine({ endpoints: { a: { dispatch: broken } } });
    assert.equal(line.run().attempts, 1);
    assert.equal(line.circuit().calls, 0);
    line.finish();
  });

  test('keeps the code of an error of ours that dispatch throws', () => {
    const tested = attempt(() => {
      throw new OutriggerError('client-gone', 'gone');
    });
    assert.equal(tested.app.error?.code, 'client-gone');
  });

  test('ends once when dispatch both calls back and throws', () => {
    const tested = attempt((_opts, handler) => {
      handler.onResponseError?.(new Steered(), new Error('first'));
      throw new Error('then');
    });
    assert.equal(tested.app.ends, 1);
    assert.deepEqual(tested.results(), ['connect-failure']);
  });
});

describe('headers of each attempt', () => {
  const failing = { endpoints: { a: [503, 503, 200] } } satisfies LineOptions;

  function sent(options: LineOptions, request: LineRequest, name: string): (string | undefined)[] {
    const line = createLine(options);
    line.run(request);
    line.finish();
    return line.seen().map((seen) => sentHeader(seen, name));
  }

  test('x-retry-attempt counts from the second attempt on', () => {
    assert.deepEqual(sent(failing, {}, 'x-retry-attempt'), [undefined, '1', '2']);
  });

  test("x-retry-attempt adds to the app's own number; connect-failures are still retried", () => {
    const request = { headers: { 'x-retry-attempt': '2' } };
    assert.deepEqual(sent({ endpoints: { a: ['refuse', 200] } }, request, 'x-retry-attempt'), ['2', '3']);
  });

  test('an x-retry-attempt that is no number counts as none', () => {
    for (const value of ['-1', 'x', '', '1.5', '9999999']) {
      assert.deepEqual(sent(failing, { headers: { 'x-retry-attempt': value } }, 'x-retry-attempt'), [
        undefined,
        '1',
        '2',
      ]);
    }
  });

  test('x-request-timeout-ms carries what the attempt has left: of its own time, or of the whole', () => {
    const options = {
      timeout: '5s',
      attemptTimeout: '2s',
      retry: { maxAttempts: 5, backoff: { strategy: 'fixed', base: '100ms', jitter: 'none' } },
      endpoints: { a: ['hang'] },
    } satisfies LineOptions;
    assert.deepEqual(sent(options, {}, 'x-request-timeout-ms'), ['2000', '2000', '800']);
  });

  test("the app's own deadline only shortens", () => {
    const options = { timeout: '5s', attemptTimeout: '2s', endpoints: { a: [200] } } satisfies LineOptions;
    for (const [asked, left] of [
      ['1500', '1500'],
      ['100000', '2000'],
      ['soon', '2000'],
      ['-5', '2000'],
      ['', '2000'],
      ['1e2', '2000'],
    ] as const) {
      const request = { headers: { 'x-request-timeout-ms': asked } };
      assert.deepEqual(sent(options, request, 'x-request-timeout-ms'), [left], asked);
    }
  });

  test('a third party gets neither', () => {
    const options = { ...failing, internalHeaders: false };
    assert.deepEqual(sent(options, {}, 'x-retry-attempt'), [undefined, undefined, undefined]);
    assert.deepEqual(sent(options, {}, 'x-request-timeout-ms'), [undefined, undefined, undefined]);
  });

  test('an attempt takes the body anew each time', () => {
    const body = FakeBody.kept('x');
    const line = createLine(failing);
    line.run({ method: 'PUT', body });
    assert.equal(body.given, 3);
    line.finish();
  });
});
