/** The policies given to undici inside a process, on real sockets. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { after, describe, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Agent, fetch, FormData, request } from 'undici';
import {
  circuitBreaker,
  createPolicies,
  deadline,
  inProcess,
  OutriggerError,
  retry,
  transport,
  withPolicies,
  type PoliciesOptions,
  type PolicyEvent,
} from '../../../src/index.js';
import { type SeenRequest, startUpstream, startStreamingUpstream, valuesOf } from '../../support/http-upstream.js';

const quick = { base: '1ms' };
const closers: (() => Promise<unknown>)[] = [];
after(() => Promise.all(closers.map((close) => close())));

/** An upstream that fails so many times in a row, and then says back what it got. */
async function failing(times: number) {
  const upstream = await startUpstream((response, seen) => {
    response.statusCode = upstream.seen.length <= times ? 503 : 200;
    response.end(`${seen.method} ${seen.url} ${seen.body.toString()}`);
  });
  closers.push(() => upstream.close());
  return upstream;
}

function through(options: PoliciesOptions = {}) {
  const events: PolicyEvent[] = [];
  const agent = new Agent();
  closers.push(() => agent.destroy());
  const policies = createPolicies(
    { ...options, retry: options.retry ?? { backoff: quick } },
    { emit: (event) => events.push(event) },
  );
  const dispatcher = withPolicies(agent, policies);
  const results = () => events.flatMap((event) => (event.type === 'attempt' ? [event.result] : []));
  return { dispatcher, events, results };
}

async function failureOf(call: Promise<unknown>): Promise<Error> {
  try {
    await call;
  } catch (error) {
    assert.ok(error instanceof Error);
    return error;
  }
  return assert.fail('it did not fail');
}

const bodies = (seen: readonly SeenRequest[]) => seen.map(({ body }) => body.toString());

describe("undici's fetch with policies", () => {
  it('gets a 200 after two 503', async () => {
    const upstream = await failing(2);
    const { dispatcher, results } = through();
    const response = await fetch(`${upstream.origin}/a?b=c`, { dispatcher });
    assert.equal(response.status, 200);
    assert.equal(await response.text(), 'GET /a?b=c ');
    assert.deepEqual(results(), ['503', '503', 'success']);
  });

  it('gets the last answer when retries run out', async () => {
    const upstream = await failing(Infinity);
    const response = await fetch(upstream.origin, { dispatcher: through().dispatcher });
    assert.equal(response.status, 503);
    assert.equal(await response.text(), 'GET / ');
    assert.equal(upstream.seen.length, 3);
  });

  it('sends the body of a PUT, and of a POST with a key, again as it was', async () => {
    for (const [method, headers] of [
      ['PUT', {}],
      ['POST', { 'idempotency-key': '1' }],
    ] as const) {
      const upstream = await failing(2);
      const response = await fetch(upstream.origin, { method, headers, body: 'ünï', dispatcher: through().dispatcher });
      assert.equal(response.status, 200);
      assert.equal(await response.text(), `${method} / ünï`);
      assert.deepEqual(bodies(upstream.seen), ['ünï', 'ünï', 'ünï']);
      assert.deepEqual(
        upstream.seen.map((seen) => valuesOf(seen, 'content-length')),
        [['5'], ['5'], ['5']],
      );
    }
  });

  it('makes a POST without a key once', async () => {
    const upstream = await failing(2);
    const { dispatcher, events } = through();
    const response = await fetch(upstream.origin, { method: 'POST', body: 'pay', dispatcher });
    assert.equal(response.status, 503);
    await response.text();
    assert.equal(upstream.seen.length, 1);
    const reasons = events.flatMap((event) => (event.type === 'retry-suppressed' ? [event.reason] : []));
    assert.deepEqual(reasons, ['method']);
  });

  it('streams a body of unknown length, or a large one, once', async () => {
    const large = 'x'.repeat(100);
    for (const body of [Readable.toWeb(Readable.from(['a', 'b'])), large]) {
      const upstream = await failing(1);
      const { dispatcher } = through({ maxBodySize: '99B', retry: { backoff: quick } });
      const response = await fetch(upstream.origin, { method: 'PUT', body, duplex: 'half', dispatcher });
      assert.equal(response.status, 503);
      await response.text();
      assert.deepEqual(bodies(upstream.seen), [body === large ? large : 'ab']);
    }
  });

  it('sends forms', async () => {
    const upstream = await failing(0);
    const body = new FormData();
    body.set('name', 'value');
    const response = await fetch(upstream.origin, { method: 'POST', body, dispatcher: through().dispatcher });
    assert.match(await response.text(), /name="name"\r\n\r\nvalue/);
  });

  it('streams an answer at the pace of its reader', async () => {
    const size = 50 * 1024 * 1024;
    let written = 0;
    const upstream = await startStreamingUpstream((_, response) => {
      const chunk = Buffer.alloc(64 * 1024);
      const source = new Readable({
        read() {
          written += chunk.length;
          this.push(written > size ? null : chunk);
        },
      });
      source.pipe(response);
    });
    closers.push(() => upstream.close());
    const response = await fetch(upstream.origin, { dispatcher: through().dispatcher });
    // Nobody reads: it stops when the buffers on the way are full.
    for (let last = -1; last !== written;) {
      last = written;
      for (let i = 0; i < 200; i++) await nextTurn();
    }
    assert.ok(written < size / 2, `${written} bytes were taken although nobody read`);
    let read = 0;
    for await (const chunk of response.body ?? []) read += (chunk as Uint8Array).length;
    assert.equal(read, size);
  });

  it('ends with the AbortSignal: nothing runs on, and no circuit blames the upstream', async () => {
    const upstream = await startStreamingUpstream(() => {});
    closers.push(() => upstream.close());
    const { dispatcher, results, events } = through({ circuitBreaker: { consecutiveFailures: 1 } });
    const aborter = new AbortController();
    const call = failureOf(fetch(upstream.origin, { signal: aborter.signal, dispatcher }));
    const [, socket] = await Promise.all([
      once(upstream.server, 'request'),
      once(upstream.server, 'connection').then(([each]) => each as { once(event: 'close', then: () => void): void }),
    ]);
    const closed = new Promise<void>((resolve) => socket.once('close', resolve));
    aborter.abort();
    assert.equal((await call).name, 'AbortError');
    await closed;
    assert.deepEqual(results(), ['client-gone']);
    assert.equal(
      events.some(({ type }) => type === 'circuit' || type === 'retry'),
      false,
    );
  });

  it('gives the caller its own reason back', async () => {
    const upstream = await startStreamingUpstream(() => {});
    closers.push(() => upstream.close());
    const { dispatcher } = through();
    const aborter = new AbortController();
    const reason = new Error('changed my mind');
    const calls = [
      failureOf(fetch(upstream.origin, { signal: aborter.signal, dispatcher })),
      failureOf(request(upstream.origin, { signal: aborter.signal, dispatcher })),
    ];
    await once(upstream.server, 'request');
    aborter.abort(reason);
    assert.deepEqual(await Promise.all(calls), [reason, reason]);
  });

  it('ends while the body is still read', async () => {
    const { dispatcher, results } = through();
    const aborter = new AbortController();
    const body = Readable.from(
      (async function* () {
        yield 'a';
        aborter.abort();
        await nextTurn();
        yield 'b';
      })(),
    );
    const options = {
      method: 'PUT',
      headers: { 'content-length': '2' },
      signal: aborter.signal,
      body,
      dispatcher,
    } as const;
    assert.equal((await failureOf(request('http://127.0.0.1:1', options))).name, 'AbortError');
    await nextTurn();
    assert.deepEqual(results(), []);
  });

  it('fails with the error of a body that fails', async () => {
    const { dispatcher } = through();
    const body = new Readable({ read: () => {} });
    body.destroy(new Error('no more paper'));
    const options = { method: 'PUT', headers: { 'content-length': '2' }, body, dispatcher } as const;
    assert.match((await failureOf(request('http://127.0.0.1:1', options))).message, /no more paper/);
  });

  it('refuses a body that is longer than it says', async () => {
    const { dispatcher } = through();
    const body = Readable.from(['abc']);
    const options = { method: 'PUT', headers: { 'content-length': '2' }, body, dispatcher } as const;
    const error = await failureOf(request('http://127.0.0.1:1', options));
    assert.ok(error instanceof OutriggerError);
    assert.equal(error.code, 'bad-request');
  });

  it('says by code and cause why a call failed: refused, then the circuit is open', async () => {
    const gone = await startUpstream();
    await gone.close();
    const { dispatcher } = through({ circuitBreaker: { consecutiveFailures: 3, probeShare: 0 } });
    const codes: unknown[] = [];
    for (let i = 0; i < 2; i++) {
      const { cause } = await failureOf(fetch(gone.origin, { dispatcher }));
      assert.ok(cause instanceof OutriggerError);
      codes.push(cause.code, cause.reason ?? cause.retryAfterMs! > 0);
    }
    assert.deepEqual(codes, ['connect-failure', 'refused', 'circuit-open', true]);
  });

  it('has a circuit for each origin', async () => {
    const gone = await startUpstream();
    await gone.close();
    const fine = await failing(0);
    const { dispatcher } = through({ circuitBreaker: { consecutiveFailures: 1, probeShare: 0 } });
    await failureOf(fetch(gone.origin, { dispatcher }));
    await failureOf(fetch(gone.origin, { dispatcher }));
    assert.equal((await fetch(fine.origin, { dispatcher })).status, 200);
  });

  it('is answered by a fallback, the last good answer of the same query first', async () => {
    let down = false;
    const upstream = await startUpstream((response, { url }) => {
      response.statusCode = down ? 503 : 200;
      response.end(url);
    });
    closers.push(() => upstream.close());
    const steps = [{ stale: {} }, { response: { status: 203, body: 'nothing better' } }];
    const { dispatcher } = through({ fallback: { steps } });
    const ask = async (id: string) => {
      const { statusCode, headers, body } = await request(`${upstream.origin}/item`, { query: { id }, dispatcher });
      return [statusCode, headers['cache-status'], await body.text()];
    };
    assert.deepEqual(await ask('1'), [200, undefined, '/item?id=1']);
    down = true;
    assert.deepEqual(await ask('1'), [200, 'outrigger; fwd=stale; fwd-status=503', '/item?id=1']);
    assert.deepEqual(await ask('2'), [203, undefined, 'nothing better']);
  });

  it('is answered by a hedge, or by a retry after a timeout, where the first attempt hangs', async () => {
    for (const options of [{ hedge: { delay: '5ms' } }, { attemptTimeout: '5ms' }]) {
      const upstream = await startUpstream((response) => {
        if (upstream.seen.length > 1) response.end('ok');
      });
      closers.push(() => upstream.close());
      const { dispatcher, results } = through({ attemptTimeout: '5s', ...options });
      assert.equal(await (await fetch(upstream.origin, { dispatcher })).text(), 'ok');
      // A retry may time out too, on a busy machine.
      assert.ok(upstream.seen.length >= 2);
      assert.equal(results().at(-1), 'success');
    }
  });

  it('may be given the same options again', async () => {
    const upstream = await failing(0);
    const { dispatcher, events } = through();
    const options = { origin: upstream.origin, path: '/again', method: 'GET' } as const;
    for (let i = 0; i < 2; i++) await (await dispatcher.request(options)).body.text();
    const attempts = events.flatMap((event) => (event.type === 'attempt' ? [event.attempt.call] : []));
    assert.equal(attempts.length, 2);
    assert.notEqual(attempts[0], attempts[1]);
    assert.deepEqual(Object.keys(options), ['origin', 'path', 'method']);
  });

  it("works with Node's own fetch as well", async () => {
    const upstream = await failing(1);
    const { dispatcher } = through();
    // Its types are those of another version of undici.
    const init: object = { method: 'PUT', body: 'x', dispatcher };
    const response = await globalThis.fetch(upstream.origin, init);
    assert.equal(await response.text(), 'PUT / x');
    assert.equal(upstream.seen.length, 2);
  });
});

describe("undici's compose", () => {
  it('takes the same policies one by one, the outermost last', async () => {
    const upstream = await failing(2);
    const agent = new Agent();
    closers.push(() => agent.destroy());
    const dispatcher = agent.compose(
      transport(),
      circuitBreaker({ consecutiveFailures: 0 }),
      retry({ maxAttempts: 3, backoff: quick }),
      deadline({ timeout: '5s' }),
      inProcess(),
    );
    const response = await fetch(upstream.origin, { method: 'PUT', body: 'x', dispatcher });
    assert.equal(await response.text(), 'PUT / x');
  });

  it('takes what createPolicies makes, turned round', async () => {
    const upstream = await failing(2);
    const agent = new Agent();
    closers.push(() => agent.destroy());
    const dispatcher = agent.compose(createPolicies({ retry: { backoff: quick } }).toReversed());
    assert.equal((await fetch(upstream.origin, { dispatcher })).status, 200);
  });
});
