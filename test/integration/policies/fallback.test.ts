import assert from 'node:assert/strict';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { test, type TestContext } from 'node:test';
import { startStreamingUpstream, startUpstream, valuesOf, type Upstream } from '../../support/http-upstream.js';
import { rawClient } from '../../support/raw-client.js';
import { startApp, until } from '../../support/running-app.js';

async function upstreamOf(t: TestContext, answer: Parameters<typeof startUpstream>[0]): Promise<Upstream> {
  const upstream = await startUpstream(answer);
  t.after(() => upstream.close());
  return upstream;
}

interface Got {
  readonly status: number | undefined;
  readonly rawHeaders: readonly string[];
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

/** One request over a connection of its own. */
function ask(url: string, options: { method?: string; headers?: Record<string, string>; chunks?: Buffer[] } = {}) {
  return new Promise<Got>((resolve, reject) => {
    const { method = 'GET', headers = {}, chunks = [] } = options;
    const request = httpRequest(url, { method, headers, agent: false }, (response) => {
      const body: Buffer[] = [];
      response.on('data', (chunk: Buffer) => body.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const { statusCode: status, rawHeaders } = response;
        resolve({ status, rawHeaders, headers: response.headers, body: Buffer.concat(body) });
      });
    });
    request.on('error', reject);
    for (const chunk of chunks) request.write(chunk);
    request.end();
  });
}

const BYTES = Buffer.from(Array.from({ length: 3_000 }, (_, i) => (i * 7) % 256));

/** Headers of an answer but those that are said anew each time. */
function ownHeaders({ rawHeaders }: Got): string[] {
  const ours = /^(connection|keep-alive|transfer-encoding|x-outrigger-.*|age|cache-status)$/i;
  return rawHeaders.filter((_, i, all) => !ours.test(all[i - (i % 2)]!));
}

test('stale: while the upstream fails, and when it is gone, the last good answer comes byte for byte', async (t) => {
  let fails = false;
  const upstream = await upstreamOf(t, (response) => {
    if (fails) {
      response.writeHead(503, { 'x-leak': '1', 'retry-after': '1' }).end('sorry');
      return;
    }
    response.writeHead(200, [
      'Content-Type',
      'image/x-icon',
      'X-Twice',
      'a',
      'x-twice',
      'b',
      'ETag',
      '"1"',
      'Age',
      '5',
    ]);
    response.write(BYTES.subarray(0, 1_000));
    setTimeout(() => response.end(BYTES.subarray(1_000)), 5);
  });
  const app = await startApp(
    t,
    `
upstreams: { up: { url: "${upstream.origin}" } }
routes:
  - { name: all, match: {}, upstream: up, retry: false, fallback: { steps: [{ stale: {} }] } }
`,
  );
  const good = await ask(`${app.url}/icon?v=1`);
  assert.deepEqual(good.body, BYTES);

  fails = true;
  const stale = await ask(`${app.url}/icon?v=1`, { headers: { 'if-none-match': '"1"' } });
  assert.equal(stale.status, 200);
  assert.deepEqual(stale.body, BYTES);
  assert.deepEqual(ownHeaders(stale), ownHeaders(good));
  assert.equal(stale.headers['x-outrigger-fallback'], 'stale');
  assert.equal(stale.headers['x-outrigger-attempts'], '1');
  assert.ok(Number(stale.headers.age) >= 5);
  assert.equal(stale.headers['cache-status'], 'outrigger; fwd=stale; fwd-status=503');
  assert.equal(stale.headers['x-leak'], undefined);
  assert.equal(stale.headers['retry-after'], undefined);

  const head = await ask(`${app.url}/icon?v=1`, { method: 'HEAD' });
  assert.deepEqual([head.status, head.body.length, head.headers.etag], [200, 0, '"1"']);
  assert.equal((await ask(`${app.url}/icon?v=2`)).status, 503);

  await upstream.close();
  const gone = await ask(`${app.url}/icon?v=1`);
  assert.deepEqual(gone.body, BYTES);
  assert.equal(gone.headers['cache-status'], 'outrigger; fwd=stale');
  assert.equal(await app.metric('fallbacks_total{route="all",kind="stale",cause="503",result="success"}'), 2);
  assert.equal(await app.metric('fallbacks_total{route="all",kind="stale",cause="503",result="failure"}'), 1);
  assert.equal(
    await app.metric('fallbacks_total{route="all",kind="stale",cause="connect-failure",result="success"}'),
    1,
  );
});

test('stale: the host of an absolute-form request counts, not its Host header', async (t) => {
  let fails = false;
  const upstream = await upstreamOf(t, (response) => {
    response.statusCode = fails ? 503 : 200;
    response.end(fails ? '' : 'for a.internal');
  });
  const app = await startApp(
    t,
    `
upstreams: { up: { url: "${upstream.origin}" } }
routes:
  - { name: all, match: {}, upstream: up, retry: false, fallback: { steps: [{ stale: {} }] } }
`,
  );
  const get = async (authority: string) => {
    const client = rawClient(app.port);
    client.write(`GET http://${authority}/x HTTP/1.1\r\nHost: same.internal\r\nConnection: close\r\n\r\n`);
    return (await client.ended()).received;
  };
  assert.match(await get('a.internal'), /^HTTP\/1\.1 200 /);
  fails = true;
  assert.match(await get('b.internal'), /^HTTP\/1\.1 503 /);
  assert.match(await get('a.internal'), /^HTTP\/1\.1 200 [^]*for a\.internal/);
});

test('stale: a large answer streams through and is not kept', async (t) => {
  const size = 5 * 1024 * 1024;
  let fails = false;
  const upstream = await upstreamOf(t, (response) => {
    response.statusCode = fails ? 500 : 200;
    response.end(fails ? '' : Buffer.alloc(size, 'x'));
  });
  const app = await startApp(
    t,
    `
upstreams: { up: { url: "${upstream.origin}" } }
routes:
  - { name: all, match: {}, upstream: up, fallback: { steps: [{ stale: {} }] } }
`,
  );
  assert.equal((await ask(`${app.url}/`)).body.length, size);
  fails = true;
  assert.equal((await ask(`${app.url}/`)).status, 500);
});

test('stale: a write on another route takes back what this one keeps of the URL', async (t) => {
  let fails = false;
  const upstream = await upstreamOf(t, (response, seen) => {
    response.statusCode = fails && seen.method === 'GET' ? 503 : 200;
    response.end(seen.url);
  });
  const app = await startApp(
    t,
    `
upstreams: { up: { url: "${upstream.origin}" } }
routes:
  - { name: read, match: { methods: [GET] }, upstream: up, retry: false, fallback: { steps: [{ stale: {} }] } }
  - { name: write, match: {}, upstream: up }
`,
  );
  const status = async (path: string, method = 'GET') => (await ask(app.url + path, { method })).status;
  assert.deepEqual([await status('/a?x=1'), await status('/a?x=2')], [200, 200]);
  fails = true;
  assert.deepEqual([await status('/a?x=1'), await status('/a?x=2')], [200, 200]);
  assert.equal(await status('/a?x=1', 'POST'), 200);
  assert.deepEqual([await status('/a?x=1'), await status('/a?x=2')], [503, 200]);
});

test('upstream: the same request goes to another one, rewritten alike, its body byte for byte', async (t) => {
  const failing = await upstreamOf(t, (response) => response.writeHead(503, { 'x-leak': '1' }).end('sorry'));
  const spare = await upstreamOf(t, (response) => response.writeHead(201, { 'x-from': 'spare' }).end('made'));
  const app = await startApp(
    t,
    `
upstreams: { up: { url: "${failing.origin}" }, spare: { url: "${spare.origin}" } }
routes:
  - name: all
    match: { path: /api/* }
    upstream: up
    rewrite: { stripPrefix: /api, addPrefix: /v2 }
    requestHeaders: { set: { x-api-key: k }, remove: [x-debug] }
    retry: { maxAttempts: 2, backoff: { base: 1ms } }
    fallback: { steps: [{ upstream: spare }] }
`,
  );
  const counted = 'attempts_total{route="all",upstream="spare",endpoint=';
  assert.equal(await app.metric(`${counted}"${spare.origin}",result="success"}`), 0);
  const got = await ask(`${app.url}/api/orders/%7Ba%7D?x=1&x=2`, {
    method: 'PUT',
    headers: { 'x-debug': '1', 'transfer-encoding': 'chunked' },
    chunks: [BYTES.subarray(0, 10), BYTES.subarray(10)],
  });
  assert.deepEqual([got.status, got.body.toString(), got.headers['x-from']], [201, 'made', 'spare']);
  assert.equal(got.headers['x-outrigger-fallback'], 'upstream');
  assert.equal(got.headers['x-outrigger-attempts'], '3');
  assert.equal(got.headers['x-leak'], undefined);
  assert.equal(failing.seen.length, 2);
  const [seen] = spare.seen;
  assert.ok(seen);
  assert.deepEqual([seen.method, seen.url], ['PUT', '/v2/orders/%7Ba%7D?x=1&x=2']);
  assert.deepEqual(seen.body, BYTES);
  assert.deepEqual([valuesOf(seen, 'x-api-key'), valuesOf(seen, 'x-debug')], [['k'], []]);
  assert.deepEqual(valuesOf(seen, 'host'), [`127.0.0.1:${spare.port}`]);
  assert.deepEqual(valuesOf(seen, 'x-retry-attempt'), []);
  assert.equal(await app.metric(`${counted}"${spare.origin}",result="success"}`), 1);
  assert.equal(await app.metric('fallbacks_total{route="all",kind="upstream",cause="503",result="success"}'), 1);
});

test('upstream: without retries a body is kept for it all the same', async (t) => {
  const spare = await upstreamOf(t, (response) => response.end('fine'));
  const failing = await upstreamOf(t, (response) => response.writeHead(500).end());
  const app = await startApp(
    t,
    `
upstreams: { up: { url: "${failing.origin}" }, spare: { url: "${spare.origin}" } }
routes:
  - { name: all, match: {}, upstream: up, retry: false, fallback: { steps: [{ upstream: spare }] } }
`,
  );
  const got = await ask(`${app.url}/`, { method: 'PUT', headers: { 'content-length': '3000' }, chunks: [BYTES] });
  assert.deepEqual([got.status, spare.seen[0]?.body], [200, BYTES]);
  // Beyond what is kept it is streamed once.
  const large = Buffer.alloc(100_000, 'x');
  const lost = await ask(`${app.url}/`, { method: 'PUT', headers: { 'content-length': '100000' }, chunks: [large] });
  assert.deepEqual([lost.status, spare.seen.length], [500, 1]);
});

test('upstream: a body too large to keep goes there if nothing of it was sent', async (t) => {
  const spare = await upstreamOf(t, (response) => response.end('fine'));
  const dead = await startUpstream();
  await dead.close();
  const app = await startApp(
    t,
    `
upstreams: { up: { url: "${dead.origin}" }, spare: { url: "${spare.origin}" } }
routes:
  - { name: all, match: {}, upstream: up, retry: false, fallback: { steps: [{ upstream: spare, when: unsent }] } }
`,
  );
  const large = Buffer.concat(Array.from({ length: 100 }, () => BYTES));
  const got = await ask(`${app.url}/`, { method: 'POST', headers: { 'content-length': '300000' }, chunks: [large] });
  assert.equal(got.status, 200);
  assert.deepEqual(spare.seen[0]?.body, large);
});

test('upstream: an app that leaves meanwhile closes the connection there', async (t) => {
  const failing = await upstreamOf(t, (response) => response.writeHead(503).end());
  let asked = false;
  let closed = false;
  const spare = await startStreamingUpstream((_request, response) => {
    asked = true;
    response.on('close', () => (closed = true));
  });
  t.after(() => spare.close());
  const app = await startApp(
    t,
    `
upstreams: { up: { url: "${failing.origin}" }, spare: { url: "${spare.origin}" } }
routes:
  - { name: all, match: {}, upstream: up, retry: false, fallback: { steps: [{ upstream: spare }] } }
`,
  );
  const client = rawClient(app.port);
  client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await until(() => asked, 'the other upstream is asked');
  client.socket.destroy();
  await until(() => closed, 'its connection is closed');
  await until(async () => (await app.metric('in_flight_requests')) === 0, 'the call has ended');
  assert.equal(await app.metric('fallbacks_total{route="all",kind="upstream",cause="503",result="failure"}'), 0);
  assert.equal(await app.metric('concurrency_in_flight{upstream="spare"}'), 0);
});

test('response: the connection of a failed answer lives on, and bodyFile is given', async (t) => {
  const upstream = await upstreamOf(t, (response) => response.writeHead(500, { 'x-leak': '1' }).end('sorry'));
  const app = await startApp(
    t,
    `
upstreams: { up: { url: "${upstream.origin}", circuitBreaker: false } }
routes:
  - name: all
    match: {}
    upstream: up
    fallback: { steps: [{ response: { headers: { content-type: image/x-icon }, bodyFile: icon.bin } }] }
`,
    { readFile: () => BYTES },
  );
  for (let n = 0; n < 5; n++) {
    const got = await ask(`${app.url}/`);
    assert.deepEqual(
      [got.status, got.headers['content-type'], got.headers['x-leak']],
      [200, 'image/x-icon', undefined],
    );
    assert.deepEqual(got.body, BYTES);
  }
  assert.equal(new Set(upstream.seen.map((seen) => seen.connection)).size, 1);
  const head = await ask(`${app.url}/`, { method: 'HEAD' });
  assert.deepEqual([head.status, head.headers['content-length'], head.body.length], [200, '3000', 0]);
});
