import assert from 'node:assert/strict';
import { METHODS } from 'node:http';
import { test, type TestContext } from 'node:test';
import { startRawUpstream, startUpstream, type RawUpstream, type Upstream } from '../../support/http-upstream.js';
import { promtool, skipWithoutPromtool } from '../../support/promtool.js';
import { rawClient } from '../../support/raw-client.js';
import { startApp, type RunningApp } from '../../support/running-app.js';

/** Sends requests over some connections, and waits until all are answered; what came back. */
async function ask(t: TestContext, { port }: RunningApp, requests: readonly string[]): Promise<string> {
  const at = 8;
  const received = await Promise.all(
    Array.from({ length: at }, async (_, n) => {
      const mine = requests.filter((_request, i) => i % at === n);
      const client = rawClient(port);
      t.after(() => client.socket.destroy());
      client.write(`${mine.join('')}GET /end HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
      return (await client.ended()).received;
    }),
  );
  return received.join('');
}

async function start(t: TestContext, upstream: Upstream | RawUpstream, more: string, limit = ''): Promise<RunningApp> {
  t.after(() => upstream.close());
  return startApp(
    t,
    `upstreams: { service: { url: "${upstream.origin}", ${more} } }
routes: [{ name: all, match: {}, upstream: service, retry: false${limit} }]
`,
  );
}

function wellFormed(text: string): void {
  if (skipWithoutPromtool === false) assert.deepEqual(promtool(['check', 'metrics'], text), { code: 0, said: '' });
}

/** The samples of a family, as they are written. */
const samplesOf = (text: string, family: string) =>
  text.split('\n').filter((line) => line.startsWith(`outrigger_${family}{`));

test('whatever methods an app sends and statuses an upstream answers, series stay few', async (t) => {
  const upstream = await startRawUpstream(
    () => {},
    (socket, received) => {
      const asked = received.split('\r\n\r\n').at(-2) ?? '';
      const status = /^\w+ \/(\d+)/.exec(asked)?.[1] ?? '200';
      if (received.endsWith('\r\n\r\n')) socket.write(`HTTP/1.1 ${status} \r\nContent-Length: 0\r\n\r\n`);
    },
  );
  const app = await start(t, upstream, 'circuitBreaker: false');
  const statuses = Array.from({ length: 800 }, (_, i) => 999 - i);
  const methods = METHODS.filter((method) => method !== 'CONNECT');
  await ask(t, app, [
    ...statuses.map((status) => `GET /${status} HTTP/1.1\r\nHost: a\r\n\r\n`),
    ...methods.map((method) => `${method} /200 HTTP/1.1\r\nHost: a\r\nX-Route: made-up\r\n\r\n`),
  ]);
  const text = await app.metrics();
  const series = samplesOf(text, 'requests_total');
  const of = (label: string) => new Set(series.map((line) => new RegExp(`${label}="([^"]*)"`).exec(line)?.[1]));
  assert.ok(of('code').size <= 64 + 32 + 4, `${of('code').size} codes`);
  assert.ok(of('code').has('5xx') && of('code').has('418'));
  assert.ok(of('method').size <= 11, [...of('method')].join());
  assert.deepEqual(of('route'), new Set(['all']));
  assert.deepEqual(of('upstream'), new Set(['service']));
  const calls = samplesOf(text, 'requests_total').reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
  assert.equal(calls, statuses.length + methods.length + 8);
  wellFormed(text);
});

test('keys that apps make up are shown as what they are, and /metrics stays well-formed', async (t) => {
  const app = await start(t, await startUpstream(), 'circuitBreaker: { key: "{header:x-tenant}" }');
  const values = [
    '"',
    '\\',
    '\\n',
    '\\"} 1',
    '"} 1 #',
    '{a="b"}',
    'a,b="c"',
    '# HELP x',
    '\xe9\xfc',
    '\xff\xfe',
    '\xe2\x82\xac \xf0\x9f\x9a\xa3',
    '\xc3',
    'a\tb',
    '__proto__',
    'constructor',
    'other',
    '-',
    'x'.repeat(10_000),
    '"'.repeat(10_000),
    '\xe2\x82\xac'.repeat(1_000),
  ];
  const received = await ask(
    t,
    app,
    values.map((value) => `GET / HTTP/1.1\r\nHost: a\r\nX-Tenant: ${value}\r\n\r\n`),
  );
  assert.equal(received.match(/HTTP\/1\.1 200 /g)?.length, values.length + 8);
  // A value can't hold a line's end: such a head is no head.
  for (const value of ['a\nb', 'a\rb', 'a\0b']) {
    const client = rawClient(app.port);
    client.write(`GET / HTTP/1.1\r\nHost: a\r\nX-Tenant: ${value}\r\n\r\n`);
    assert.match((await client.ended()).received, /^HTTP\/1\.1 400 /, JSON.stringify(value));
  }
  const text = await app.metrics();
  wellFormed(text);
  const states = samplesOf(text, 'circuit_state');
  assert.ok(states.length <= (values.length + 1) * 6);
  assert.ok(
    states.every((line) =>
      /^outrigger_circuit_state\{upstream="service",key="(?:[^"\\]|\\[\\"n])*",state="[a-z-]+"\} [01]$/.test(line),
    ),
  );
  assert.ok(
    states.every((line) => line.length < 300),
    'long values are cut',
  );
  const circuits = (await (await fetch(`${app.admin}/api/circuits`)).json()) as readonly { readonly key: string }[];
  for (const value of ['"', '\\', '\\"} 1', '__proto__', '{a="b"}'])
    assert.ok(
      circuits.some(({ key }) => key === value),
      value,
    );
});

test('20,000 keys, of which a quarter stay open, and as many buckets: states and series are bounded', async (t) => {
  const upstream = await startUpstream((response, { url }) => {
    response.writeHead(Number(url.slice(1, 4)) % 4 === 0 ? 500 : 200).end();
  });
  const [most, keys] = [500, 20_000];
  const app = await start(
    t,
    upstream,
    `circuitBreaker: { key: "{header:x-tenant}", maxKeys: ${most}, consecutiveFailures: 1, probeShare: 0, openFor: 1h, maxOpenFor: 1h },
    concurrency: { key: "{header:x-tenant}" }, retryBudget: { key: "{header:x-tenant}" }`,
    ', rateLimit: { requests: 1, per: 1h, burst: 1, key: "{header:x-tenant}" }',
  );
  const series = async () => (await app.metrics()).split('\n').filter((line) => line.startsWith('outrigger_')).length;
  const before = await series();
  const received = await ask(
    t,
    app,
    Array.from({ length: keys }, (_, i) => `GET /${i % 1_000} HTTP/1.1\r\nHost: a\r\nX-Tenant: tenant-${i}\r\n\r\n`),
  );
  assert.equal(received.match(/HTTP\/1\.1 \d{3} /g)?.length, keys + 8);
  const text = await app.metrics();
  // One more is `other`, which those share for whom there is no room.
  assert.equal(samplesOf(text, 'circuit_state').length, (most + 1) * 6);
  assert.ok((await series()) <= before + (most + 1) * 6 + 10, `${await series()} series, ${before} before`);
  wellFormed(text);
});
