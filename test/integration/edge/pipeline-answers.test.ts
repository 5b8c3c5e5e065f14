import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import type { EdgeRoute } from '../../../src/edge/route.js';
import { OutriggerError } from '../../../src/errors.js';
import type { CallOptions, Controller, Dispatch, Handler } from '../../../src/policies/policy.js';
import { routeTo, startEdge, type EdgeHarness } from '../../support/edge-harness.js';
import { rawClient } from '../../support/raw-client.js';

let edge: EdgeHarness;

afterEach(() => edge.close());

class StubController implements Controller {
  aborted = false;
  paused = false;
  reason: Error | null = null;

  abort(reason: Error): void {
    this.aborted = true;
    this.reason = reason;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }
}

/** An edge whose pipeline is this function. */
async function start(pipeline: (opts: CallOptions, handler: Handler) => void, route: Partial<EdgeRoute> = {}) {
  const dispatch: Dispatch = (opts: CallOptions, handler) => {
    pipeline(opts, handler);
    return true;
  };
  edge = await startEdge([routeTo(dispatch, route)]);
}

async function ask(request = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'): Promise<string> {
  const client = rawClient(edge.port);
  client.write(request);
  return (await client.ended()).received;
}

describe('what the pipeline answers', () => {
  it('a fallback\u2019s answer, made up with a plain header object, says so', async () => {
    await start((opts, handler) => {
      const controller = new StubController();
      handler.onRequestStart?.(controller, null);
      opts.call!.fallback = 'response';
      handler.onResponseStart?.(controller, 200, { 'content-type': 'application/json', 'x-many': ['1', '2'] });
      handler.onResponseData?.(controller, Buffer.from('{"items":[]}'));
      handler.onResponseEnd?.(controller, {});
    });
    const answer = await ask();
    assert.match(answer, /^HTTP\/1\.1 200 OK\r\ncontent-type: application\/json\r\nx-many: 1\r\nx-many: 2\r\n/);
    assert.match(answer, /x-outrigger-attempts: 0\r\nx-outrigger-fallback: response\r\n/);
    assert.match(answer, /\{"items":\[\]\}/);
    assert.equal((await edge.callsEnded(1))[0]?.outcome, 'fallback');
  });

  it('a 503 of the upstream is a failure, a 404 a success', async () => {
    let status = 503;
    await start((_opts, handler) => {
      const controller = new StubController();
      handler.onRequestStart?.(controller, null);
      handler.onResponseStart?.(controller, status, {});
      handler.onResponseEnd?.(controller, {});
    });
    await ask();
    status = 404;
    await ask();
    assert.deepEqual(
      (await edge.callsEnded(2)).map(({ outcome }) => outcome),
      ['failure', 'success'],
    );
  });

  for (const [code, status, outcome] of [
    ['circuit-open', 503, 'refused'],
    ['overload', 503, 'refused'],
    ['rate-limited', 429, 'refused'],
    ['shedding', 503, 'refused'],
    ['timeout', 504, 'failure'],
    ['deadline', 504, 'failure'],
    ['connect-failure', 502, 'failure'],
    ['reset', 502, 'failure'],
  ] as const) {
    it(`${code} is answered with ${status} and counts as ${outcome}`, async () => {
      await start((opts, handler) => {
        const controller = new StubController();
        opts.call!.attempts = 2;
        handler.onRequestStart?.(controller, null);
        handler.onResponseError?.(controller, new OutriggerError(code, 'why'));
      });
      const answer = await ask();
      assert.match(answer, new RegExp(`^HTTP/1.1 ${status} `));
      assert.match(answer, /x-outrigger-attempts: 2\r\n/);
      const [call] = await edge.callsEnded(1);
      assert.equal(call?.outcome, outcome);
      assert.equal(call.status, status);
      assert.equal(call.error?.code, code);
    });
  }

  it('HEAD gets a problem without its document', async () => {
    await start((_opts, handler) => {
      const controller = new StubController();
      handler.onResponseError?.(controller, new OutriggerError('overload', 'why'));
    });
    const answer = await ask('HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    assert.match(answer, /^HTTP\/1\.1 503 [^]*content-length: \d{3}\r\n[^]*\r\n\r\n$/);
  });

  it('a pipeline that throws is an internal error, and the next call is served', async () => {
    let calls = 0;
    await start((_opts, handler) => {
      if (calls++ === 0) throw new Error('secret');
      const controller = new StubController();
      handler.onResponseStart?.(controller, 204, {});
      handler.onResponseEnd?.(controller, {});
    });
    const answer = await ask();
    assert.match(answer, /^HTTP\/1\.1 502 [^]*"code":"internal"/);
    assert.doesNotMatch(answer, /secret/);
    assert.match(await ask(), /^HTTP\/1\.1 204 /);
  });

  it('a head that Node refuses to write is a bad response, and the attempt is aborted', async () => {
    const controller = new StubController();
    await start((_opts, handler) => {
      handler.onRequestStart?.(controller, null);
      handler.onResponseStart?.(controller, 200, { 'x-a': 'line\r\nbreak' });
    });
    const answer = await ask();
    assert.match(answer, /^HTTP\/1\.1 502 [^]*"code":"bad-response"/);
    assert.doesNotMatch(answer, /break/);
    assert.ok(controller.aborted);
  });

  it('an app that goes away before there is a controller aborts it when it comes', async () => {
    let handler: Handler | undefined;
    await start((_opts, given) => (handler = given));
    const client = rawClient(edge.port);
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    while (handler === undefined) await new Promise((resolve) => setTimeout(resolve, 5));
    client.socket.destroy();
    await edge.callsEnded(1);
    const controller = new StubController();
    handler.onRequestStart?.(controller, null);
    assert.ok(controller.reason instanceof OutriggerError);
    assert.equal(controller.reason.code, 'client-gone');
  });

  it('an app that goes away aborts the last of several attempts', async () => {
    const controllers = [new StubController(), new StubController()];
    await start((_opts, handler) => {
      for (const controller of controllers) handler.onRequestStart?.(controller, null);
    });
    const client = rawClient(edge.port);
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    while (edge.edge.inFlight === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    client.socket.destroy();
    await edge.callsEnded(1);
    assert.deepEqual(
      controllers.map(({ aborted }) => aborted),
      [false, true],
    );
  });

  it('each call is reported exactly once', async () => {
    await start((_opts, handler) => {
      const controller = new StubController();
      handler.onRequestStart?.(controller, null);
      handler.onResponseStart?.(controller, 200, {});
      handler.onResponseEnd?.(controller, {});
      // Late news changes nothing.
      handler.onResponseEnd?.(controller, {});
      handler.onResponseError?.(controller, new OutriggerError('reset', 'late'));
    });
    await ask();
    await ask();
    assert.deepEqual(
      (await edge.callsEnded(2)).map(({ outcome, status }) => [outcome, status]),
      [
        ['success', 200],
        ['success', 200],
      ],
    );
    assert.equal(edge.calls().length, 2);
    assert.equal(edge.edge.inFlight, 0);
  });

  it('the trace and the route are on the call', async () => {
    let call: CallOptions['call'];
    await start((opts, handler) => {
      ({ call } = opts);
      handler.onResponseError?.(new StubController(), new OutriggerError('reset', 'x'));
    });
    await ask('GET /p?secret=1 HTTP/1.1\r\nHost: A.test:1\r\nConnection: close\r\nX-Retry-Attempt: 2\r\n\r\n');
    assert.equal(call?.path, '/p');
    assert.equal(call.route, 'charge');
    assert.equal(call.upstream, 'payments');
    assert.equal(call.header('x-retry-attempt'), '2');
    assert.equal(call.header('x-none'), undefined);
  });
});
