/** Calls through the whole proxy, and what a collector and the upstream are told of their traces. */
import assert from 'node:assert/strict';
import { after, before, describe, it, test, type TestContext } from 'node:test';
import * as conventions from '@opentelemetry/semantic-conventions';
import { startUpstream, valuesOf, type SeenRequest, type Upstream } from '../../support/http-upstream.js';
import { startCollector, type Collector, type ReceivedSpan } from '../../support/otlp-collector.js';
import { exchange } from '../../support/raw-client.js';
import { startApp, until, type RunningApp } from '../../support/running-app.js';
import { seededRandom } from '../../../src/simulation/seeded-random.js';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';

/** Answers as the last part of the path says: a status for the first attempt of each name, then 200; `hang` never; `slow` hangs at first. */
function startScripted(): Promise<Upstream> {
  const seen = new Set<string>();
  return startUpstream((response, { url }) => {
    const first = !seen.has(url);
    seen.add(url);
    const word = url.split('?')[0]!.split('/').at(-1)!;
    if (word === 'hang' || (word === 'slow' && first)) return;
    response.statusCode = word === 'always503' ? 503 : /^\d+$/.test(word) && first ? Number(word) : 200;
    response.end('done');
  });
}

/** The span that a request of the upstream was sent by. */
function spanOf(request: SeenRequest | undefined): string {
  const [value, ...more] = valuesOf(request!, 'traceparent');
  assert.equal(more.length, 0);
  assert.match(value!, /^00-[0-9a-f]{32}-[0-9a-f]{16}-0[0-3]$/);
  return value!.split('-')[2]!;
}

/** The spans of the call for a path, the call's own first, then its attempts in the order of their start. */
function spansOf(spans: readonly ReceivedSpan[], path: string): readonly [ReceivedSpan, ...ReceivedSpan[]] {
  const call = spans.find(({ kind, attributes }) => kind === 'server' && attributes['url.path'] === path);
  assert.ok(call !== undefined, `no span of ${path}`);
  const attempts = spans.filter(({ parentSpanId }) => parentSpanId === call.spanId);
  for (const { traceId, startNs, endNs } of attempts) {
    assert.equal(traceId, call.traceId);
    assert.ok(startNs >= call.startNs && endNs >= startNs);
  }
  return [call, ...attempts.toSorted((a, b) => Number(a.startNs - b.startNs))];
}

describe('with tracing', () => {
  let upstream: Upstream;
  let other: Upstream;
  let app: RunningApp;
  let collector: Collector;
  let ended: (() => Promise<void>)[] = [];
  /** What the upstream was asked for at a path. */
  const asked = (path: string, of = upstream) => of.seen.filter(({ url }) => url.split('?')[0] === path);

  before(async () => {
    const t = { after: (end: () => Promise<void>) => ended.push(end) } as Pick<TestContext, 'after'> as TestContext;
    upstream = await startScripted();
    other = await startUpstream();
    ended = [() => upstream.close(), () => other.close()];
    collector = await startCollector(t);
    app = await startApp(
      t,
      `tracing: { otlp: "${collector.url}", sample: 100%, headers: { x-collector-key: k }, serviceName: shop-outrigger }
defaults:
  route: { attemptTimeout: 2s, retry: { backoff: { base: 1ms } } }
  upstream: { circuitBreaker: false, retryBudget: false }
upstreams:
  main: { url: "${upstream.origin}" }
  pair: { endpoints: ["${upstream.origin}", "${upstream.origin.replace('127.0.0.1', 'localhost')}"], discovery: { dns: one } }
  other: { url: "${other.origin}" }
  fragile: { url: "${upstream.origin}", circuitBreaker: { consecutiveFailures: 1, openFor: 60s, maxOpenFor: 60s, probeShare: 0% } }
  third: { url: "${upstream.origin}", internalHeaders: false }
routes:
  - { name: hedged, match: { path: /hedged/* }, upstream: pair, hedge: { delay: 50ms } }
  - { name: cut, match: { path: /cut/* }, upstream: main, attemptTimeout: 100ms, retry: false }
  - { name: fragile, match: { path: /fragile/* }, upstream: fragile, retry: false }
  - { name: third, match: { path: /third/* }, upstream: third }
  - { name: private, match: { path: /private/* }, upstream: main, requestHeaders: { remove: [traceparent] } }
  - name: elsewhere
    match: { path: /elsewhere/* }
    upstream: main
    retry: { maxAttempts: 1 }
    fallback: { steps: [{ upstream: other }] }
  - { name: plain, match: { host: 127.0.0.1 }, upstream: main }
`,
      { random: seededRandom(7), onLog: () => undefined },
    );
    const get = (path: string, headers: Record<string, string> = {}) => fetch(`${app.url}${path}`, { headers });
    assert.equal((await get('/retried/503?secret=1')).status, 200);
    assert.equal((await get('/hedged/slow')).status, 200);
    assert.equal((await get('/cut/hang')).status, 504);
    assert.equal((await get('/fragile/always503')).status, 503);
    assert.equal((await get('/fragile/refused')).status, 503);
    assert.equal((await get('/elsewhere/500')).status, 200);
    assert.equal((await get('/third/ok')).status, 200);
    assert.equal((await get('/third/known', { traceparent: `00-${TRACE}-${PARENT}-01` })).status, 200);
    assert.equal((await get('/private/ok')).status, 200);
    const state = { tracestate: 'congo=t61rcWkgMzE,rojo=00f067aa0ba902b7' };
    assert.equal((await get('/continued/ok', { traceparent: `00-${TRACE}-${PARENT}-01`, ...state })).status, 200);
    assert.equal((await get('/unsampled/503', { traceparent: `00-${TRACE}-${PARENT}-00`, ...state })).status, 200);
    assert.equal((await get('/invalid/ok', { traceparent: `ff-${TRACE}-${PARENT}-01`, ...state })).status, 200);
    assert.equal((await get('/404')).status, 404);
    assert.match(
      await exchange(app.port, 'GET /lost HTTP/1.1\r\nHost: else.where\r\nConnection: close\r\n\r\n'),
      / 404 /,
    );
    await app.drain();
  });

  after(async () => {
    for (const end of ended) await end();
  });

  it('a retried call is a span with one for each attempt, by which the upstream is asked', () => {
    const [call, first, second, ...more] = spansOf(collector.spans, '/retried/503');
    assert.equal(more.length, 0);
    assert.deepEqual(
      asked('/retried/503').map(spanOf),
      [first, second].map((span) => span?.spanId),
    );
    assert.equal(call.name, 'GET');
    assert.equal(call.parentSpanId, '');
    assert.equal(call.flags, 0x101);
    assert.equal(call.failed, false);
    assert.equal(call.service, 'shop-outrigger');
    const { 'server.port': port, ...attributes } = call.attributes;
    assert.equal(port, app.port);
    assert.deepEqual(attributes, {
      'http.request.method': 'GET',
      'url.scheme': 'http',
      'url.path': '/retried/503',
      'http.response.status_code': 200,
      'server.address': '127.0.0.1',
      'client.address': '127.0.0.1',
      'network.protocol.version': '1.1',
      'outrigger.route': 'plain',
      'outrigger.upstream': 'main',
      'outrigger.attempts': 2,
      'outrigger.outcome': 'success',
    });
    assert.deepEqual(
      call.events.map(({ name, attributes: { reason } }) => [name, reason]),
      [['outrigger.retry', '503']],
    );
    assert.equal(first?.failed, true);
    assert.deepEqual(first?.attributes, {
      'http.request.method': 'GET',
      'url.full': `${upstream.origin}/retried/503`,
      'server.address': '127.0.0.1',
      'server.port': upstream.port,
      'http.response.status_code': 503,
      'error.type': '503',
      'network.protocol.version': '1.1',
      'outrigger.upstream': 'main',
      'outrigger.result': '503',
    });
    assert.equal(second?.failed, false);
    assert.equal(second?.attributes['http.request.resend_count'], 1);
    assert.equal(second?.attributes['outrigger.retry.reason'], '503');
    assert.equal(second?.attributes['error.type'], undefined);
  });

  it('names the route by its path where it asks for one', () => {
    const [call] = spansOf(collector.spans, '/cut/hang');
    assert.deepEqual([call.name, call.attributes['http.route']], ['GET /cut/*', '/cut/*']);
  });

  it('a hedge is an attempt of its own, and the one that lost is no error', () => {
    const [call, slow, hedge] = spansOf(collector.spans, '/hedged/slow');
    assert.deepEqual(asked('/hedged/slow').map(spanOf), [slow?.spanId, hedge?.spanId]);
    assert.deepEqual([slow?.failed, slow?.attributes['outrigger.result']], [false, 'cancelled']);
    assert.deepEqual([hedge?.attributes['outrigger.hedge'], hedge?.attributes['http.request.resend_count']], [true, 1]);
    assert.deepEqual(
      call.events.map(({ name, attributes }) => [name, attributes.result]),
      [['outrigger.hedge', 'won']],
    );
  });

  it('an attempt that was cut has a timeout for its error, and so has the call', () => {
    const [call, attempt] = spansOf(collector.spans, '/cut/hang');
    assert.deepEqual(
      [attempt?.failed, attempt?.attributes['error.type'], attempt?.attributes['http.response.status_code']],
      [true, 'timeout', undefined],
    );
    assert.deepEqual([call.failed, call.attributes['error.type']], [true, 'timeout']);
    assert.equal(call.attributes['http.response.status_code'], 504);
    assert.ok(Number((attempt!.endNs - attempt!.startNs) / 1_000_000n) >= 95);
    assert.deepEqual(
      call.events.map(({ name, attributes: { kind } }) => [name, kind]),
      [['outrigger.timeout', 'attempt']],
    );
  });

  it('a call that a circuit refused has no attempt, and says why', () => {
    const [call, ...attempts] = spansOf(collector.spans, '/fragile/refused');
    assert.equal(attempts.length, 0);
    assert.deepEqual([call.failed, call.attributes['error.type']], [true, 'circuit-open']);
    assert.equal(call.attributes['outrigger.outcome'], 'refused');
    assert.deepEqual(
      call.events.map(({ name }) => name),
      ['outrigger.circuit_open'],
    );
  });

  it('a fallback upstream is asked by a span of the same call', () => {
    const [call, own, elsewhere] = spansOf(collector.spans, '/elsewhere/500');
    assert.deepEqual(asked('/elsewhere/500').map(spanOf), [own?.spanId]);
    assert.deepEqual(asked('/elsewhere/500', other).map(spanOf), [elsewhere?.spanId]);
    assert.deepEqual(
      [own?.attributes['outrigger.upstream'], elsewhere?.attributes['outrigger.upstream']],
      ['main', 'other'],
    );
    assert.equal(elsewhere?.attributes['server.port'], other.port);
    assert.equal(call.attributes['outrigger.attempts'], 2);
    assert.deepEqual(
      call.events.map(({ name, attributes: { kind, result } }) => [name, kind, result]),
      [['outrigger.fallback', 'upstream', 'success']],
    );
  });

  it('continues the trace that the app is in, with its tracestate', () => {
    const [call, attempt] = spansOf(collector.spans, '/continued/ok');
    assert.deepEqual([call.traceId, call.parentSpanId, call.flags], [TRACE, PARENT, 0x301]);
    assert.equal(call.traceState, 'congo=t61rcWkgMzE,rojo=00f067aa0ba902b7');
    const [request] = asked('/continued/ok');
    assert.deepEqual(valuesOf(request!, 'traceparent'), [`00-${TRACE}-${attempt!.spanId}-01`]);
    assert.deepEqual(valuesOf(request!, 'tracestate'), ['congo=t61rcWkgMzE,rojo=00f067aa0ba902b7']);
  });

  it('keeps nothing of a trace that the app does not sample, and still says which it is', () => {
    assert.equal(collector.spans.filter(({ attributes }) => attributes['url.path'] === '/unsampled/503').length, 0);
    const requests = asked('/unsampled/503');
    assert.equal(new Set(requests.map(spanOf)).size, 2);
    for (const request of requests) {
      const [value] = valuesOf(request, 'traceparent');
      assert.ok(value!.startsWith(`00-${TRACE}-`) && value!.endsWith('-00') && !value!.includes(PARENT));
      assert.deepEqual(valuesOf(request, 'tracestate'), ['congo=t61rcWkgMzE,rojo=00f067aa0ba902b7']);
    }
  });

  it('begins a trace where what the app says of one is not valid', () => {
    const [call, attempt] = spansOf(collector.spans, '/invalid/ok');
    assert.notEqual(call.traceId, TRACE);
    const [request] = asked('/invalid/ok');
    assert.deepEqual(valuesOf(request!, 'traceparent'), [`00-${call.traceId}-${attempt!.spanId}-03`]);
    assert.deepEqual(valuesOf(request!, 'tracestate'), []);
  });

  it('tells a third party of no trace but the one that the app told it of', () => {
    assert.deepEqual(valuesOf(asked('/third/ok')[0]!, 'traceparent'), []);
    const [, attempt] = spansOf(collector.spans, '/third/known');
    assert.equal(spanOf(asked('/third/known')[0]), attempt?.spanId);
  });

  it('leaves a header alone that a route removes', () => {
    assert.deepEqual(valuesOf(asked('/private/ok')[0]!, 'traceparent'), []);
    assert.equal(spansOf(collector.spans, '/private/ok').length, 2);
  });

  it('has the trace in each line of the log that concerns a call', () => {
    const [{ traceId }] = spansOf(collector.spans, '/retried/503');
    const lines = app.logged().filter((line) => line.traceId === traceId);
    assert.deepEqual(
      lines.map(({ msg }) => msg),
      ['retrying'],
    );
    const calls = app.logged().filter(({ msg }) => msg === 'call' || msg === 'fallback' || msg === 'timeout');
    assert.ok(calls.length >= 6);
    for (const line of calls) assert.match(String(line.traceId), /^[0-9a-f]{32}$/, String(line.msg));
  });

  it('has a span for a call that took no route', () => {
    const [call, ...attempts] = spansOf(collector.spans, '/lost');
    assert.equal(attempts.length, 0);
    assert.deepEqual(
      [call.failed, call.attributes['outrigger.code'], call.attributes['http.response.status_code']],
      [false, 'no-route', 404],
    );
  });

  it("takes an upstream's 404 for an error of the attempt, and not of the call", () => {
    const [call, attempt] = spansOf(collector.spans, '/404');
    assert.deepEqual([call.failed, attempt?.failed, attempt?.attributes['error.type']], [false, true, '404']);
  });

  it('sends the headers that the collector asks for, and counts the spans', async () => {
    assert.equal(collector.requests[0]?.['x-collector-key'], 'k');
    assert.equal(collector.requests[0]?.['content-type'], 'application/json');
    assert.equal(await app.metric('trace_spans_total{result="exported"}'), collector.spans.length);
  });

  it('uses the names of the semantic conventions', () => {
    const known = new Set<unknown>(Object.values(conventions));
    const used = new Set(collector.spans.flatMap(({ attributes }) => Object.keys(attributes)));
    assert.deepEqual(
      [...used].filter((name) => !name.startsWith('outrigger.') && !known.has(name)),
      [],
    );
    assert.ok(used.size >= 20, `${used.size}`);
  });
});

/** One route to an upstream that answers. */
async function startTraced(t: TestContext, tracing: string) {
  const upstream = await startUpstream();
  t.after(() => upstream.close());
  const policy = `${tracing}
upstreams: { main: { url: "${upstream.origin}" } }
routes: [{ name: main, match: {}, upstream: main }]
`;
  return { upstream, app: await startApp(t, policy, { random: seededRandom(3), onLog: () => undefined }) };
}

test('without tracing, what the app says of a trace goes on as it is, and is in the log', async (t) => {
  const { upstream, app } = await startTraced(t, '');
  const headers = { traceparent: `00-${TRACE}-${PARENT}-01`, tracestate: 'a=1' };
  await fetch(app.url, { headers });
  await fetch(app.url);
  assert.deepEqual(valuesOf(upstream.seen[0]!, 'traceparent'), [headers.traceparent]);
  assert.deepEqual(valuesOf(upstream.seen[0]!, 'tracestate'), ['a=1']);
  assert.deepEqual(valuesOf(upstream.seen[1]!, 'traceparent'), []);
  await fetch(`${app.url}/../x`, { headers }).catch(() => undefined);
});

test('without a collector, traces are continued and begun, and nothing is kept', async (t) => {
  const { upstream, app } = await startTraced(t, 'tracing: {}');
  await fetch(app.url, { headers: { traceparent: `00-${TRACE}-${PARENT}-01` } });
  await fetch(app.url);
  assert.ok(valuesOf(upstream.seen[0]!, 'traceparent')[0]!.startsWith(`00-${TRACE}-`));
  assert.notEqual(spanOf(upstream.seen[0]), PARENT);
  assert.match(spanOf(upstream.seen[1]), /^[0-9a-f]{16}$/);
  assert.ok(!(await app.metrics()).includes('trace_spans'));
});

test('a collector that never answers holds up no call, and the end of the process by two seconds at most', async (t) => {
  const collector = await startCollector(t, () => {});
  const { app } = await startTraced(t, `tracing: { otlp: "${collector.url}", sample: 100% }`);
  for (let i = 0; i < 300; i++) assert.equal((await fetch(app.url)).status, 200);
  await until(() => collector.requests.length === 1, 'the collector is asked');
  const startedAt = performance.now();
  await app.drain();
  assert.ok(performance.now() - startedAt < 5_000);
  assert.equal(await app.metric('trace_spans_total{result="failed"}'), 600);
});

test('a collector that is down is told of in the log, once', async (t) => {
  const { app } = await startTraced(t, 'tracing: { otlp: "http://127.0.0.1:9", sample: 100% }');
  for (let i = 0; i < 3; i++) assert.equal((await fetch(app.url)).status, 200);
  await app.drain();
  assert.equal(app.logged().filter(({ msg }) => msg === 'spans are not taken').length, 1);
  assert.equal(await app.metric('trace_spans_total{result="failed"}'), 6);
});
