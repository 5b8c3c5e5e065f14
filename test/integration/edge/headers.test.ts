import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import type { EdgeRoute } from '../../../src/edge/route.js';
import { dispatchTo, routeTo, startEdge, type EdgeHarness } from '../../support/edge-harness.js';
import { startByteUpstream, startUpstream, valuesOf, type Upstream } from '../../support/http-upstream.js';
import { exchange, rawClient } from '../../support/raw-client.js';

let edge: EdgeHarness;
let upstream: { origin: string; close(): Promise<void> };

async function start(answer?: Parameters<typeof startUpstream>[0], route: Partial<EdgeRoute> = {}): Promise<Upstream> {
  const started = await startUpstream(answer);
  upstream = started;
  edge = await startEdge((agent) => [routeTo(dispatchTo(agent, started.origin), route)]);
  return started;
}

async function startBytes(bytes: string, route: Partial<EdgeRoute> = {}): Promise<void> {
  upstream = await startByteUpstream(bytes);
  const { origin } = upstream;
  edge = await startEdge((agent) => [routeTo(dispatchTo(agent, origin), route)]);
}

afterEach(async () => {
  await edge.close();
  await upstream.close();
});

const get = (headers = '', method = 'GET') =>
  exchange(
    edge.port,
    `${method} / HTTP/1.1\r\nHost: a.test:81\r\n${headers}${/connection:/i.test(headers) ? '' : 'Connection: close\r\n'}\r\n`,
  );

describe('request headers', () => {
  it('of one connection stay on it, and what Connection names', async () => {
    const { seen } = await start();
    await get(
      'Connection: close, X-Mine\r\nX-Mine: 1\r\nKeep-Alive: timeout=9\r\nProxy-Connection: x\r\nTE: trailers\r\n' +
        'Trailer: X-T\r\nProxy-Authorization: Basic eA==\r\nX-Other: 2\r\n',
    );
    const names = seen[0]!.rawHeaders.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase());
    for (const name of ['x-mine', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'proxy-authorization']) {
      assert.ok(!names.includes(name), name);
    }
    assert.deepEqual(valuesOf(seen[0]!, 'x-other'), ['2']);
  });

  it('that the message needs cannot be named away by Connection', async () => {
    const { seen } = await start();
    const answer = await exchange(
      edge.port,
      'POST / HTTP/1.1\r\nHost: a.test\r\nConnection: close, host, content-length, via, x-forwarded-for\r\n' +
        'Content-Length: 5\r\n\r\nhello',
    );
    assert.match(answer, /^HTTP\/1\.1 200/);
    const [request] = seen;
    assert.deepEqual(valuesOf(request!, 'content-length'), ['5']);
    assert.deepEqual(valuesOf(request!, 'via'), ['1.1 outrigger']);
    assert.deepEqual(valuesOf(request!, 'x-forwarded-for'), ['127.0.0.1']);
    assert.equal(request?.body.toString(), 'hello');
  });

  it('say where the request came from', async () => {
    const { seen } = await start();
    await get('Via: 1.0 edge\r\nX-Forwarded-For: 10.0.0.1\r\nX-Forwarded-Proto: https\r\nForwarded: for=10.0.0.1\r\n');
    const [request] = seen;
    assert.deepEqual(valuesOf(request!, 'via'), ['1.0 edge, 1.1 outrigger']);
    assert.deepEqual(valuesOf(request!, 'x-forwarded-for'), ['10.0.0.1, 127.0.0.1']);
    assert.deepEqual(valuesOf(request!, 'x-forwarded-proto'), ['https']);
    assert.deepEqual(valuesOf(request!, 'x-forwarded-host'), []);
    assert.deepEqual(valuesOf(request!, 'forwarded'), ['for=10.0.0.1, for=127.0.0.1;host="a.test:81";proto=http']);
  });

  it('Host is the upstream\u2019s unless the route preserves the app\u2019s', async () => {
    const { seen, port } = await start();
    await get();
    assert.deepEqual(valuesOf(seen[0]!, 'host'), [`127.0.0.1:${port}`]);
    await edge.close();
    await upstream.close();
    const preserved = await start(undefined, { preserveHost: true });
    await get();
    assert.deepEqual(valuesOf(preserved.seen[0]!, 'host'), ['a.test:81']);
  });

  it('are set and removed as the route says', async () => {
    const { seen } = await start(undefined, {
      requestHeaders: { set: { 'X-Api-Key': 'k', 'x-forwarded-proto': 'https' }, remove: ['X-Debug', 'via'] },
    });
    await get('x-debug: 1\r\nx-api-key: spoofed\r\nX-Keep: 1\r\n');
    const [request] = seen;
    assert.deepEqual(valuesOf(request!, 'x-debug'), []);
    assert.deepEqual(valuesOf(request!, 'x-api-key'), ['k']);
    assert.deepEqual(valuesOf(request!, 'x-forwarded-proto'), ['https']);
    assert.deepEqual(valuesOf(request!, 'via'), []);
    assert.deepEqual(valuesOf(request!, 'x-keep'), ['1']);
  });

  it('Expect: 100-continue is answered here and not passed on', async () => {
    const { seen } = await start();
    const client = rawClient(edge.port);
    client.write('PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n');
    await client.until('HTTP/1.1 100 Continue\r\n\r\n');
    client.write('abc');
    await client.until('HTTP/1.1 200 OK');
    assert.deepEqual(valuesOf(seen[0]!, 'expect'), []);
    assert.equal(seen[0]?.body.toString(), 'abc');
    client.socket.destroy();
  });

  it('another Expect is served, not refused', async () => {
    await start();
    assert.match(await get('Expect: tea\r\n'), /^HTTP\/1\.1 200/);
  });

  it('named __proto__ or constructor are headers like any other', async () => {
    const { seen } = await start((response) => response.writeHead(200, ['__proto__', 'b', 'constructor', 'c']).end());
    const answer = await get('__proto__: a\r\nconstructor: d\r\n');
    assert.deepEqual(valuesOf(seen[0]!, '__proto__'), ['a']);
    assert.match(answer, /\r\n__proto__: b\r\nconstructor: c\r\n/);
  });

  it('as many as fit into the head arrive, none is dropped', async () => {
    const { seen } = await start();
    await get(Array.from({ length: 1_500 }, (_, i) => `h${i}: 1\r\n`).join(''));
    assert.deepEqual(valuesOf(seen[0]!, 'h1499'), ['1']);
  });
});

describe('response headers', () => {
  it('of one connection stay on it, and what Connection names', async () => {
    await startBytes(
      'HTTP/1.1 200 OK\r\nConnection: close, X-Mine\r\nX-Mine: 1\r\nKeep-Alive: timeout=9\r\nProxy-Authenticate: Basic\r\n' +
        'Upgrade: h2c\r\nX-Outrigger-Attempts: 99\r\nX-Ok: 1\r\nContent-Length: 2\r\n\r\nok',
    );
    const answer = await get();
    assert.doesNotMatch(answer, /x-mine|timeout=9|proxy-authenticate|h2c|99/i);
    assert.match(answer, /\r\nX-Ok: 1\r\n/);
    assert.match(answer, /\r\nContent-Length: 2\r\n/);
  });

  it('are set and removed as the route says', async () => {
    await start((response) => response.writeHead(200, { server: 'x/1', 'x-a': 'old' }).end(), {
      responseHeaders: { set: { 'X-A': 'new' }, remove: ['Server'] },
    });
    const answer = await get();
    assert.doesNotMatch(answer, /x\/1|old/);
    assert.match(answer, /\r\nX-A: new\r\n/);
  });

  it('HEAD keeps its Content-Length and has no body', async () => {
    await start((response) => response.writeHead(200, { 'content-length': '1234' }).end());
    const answer = await get('', 'HEAD');
    assert.match(answer, /\r\ncontent-length: 1234\r\n[^]*\r\n\r\n$/);
  });

  it('HEAD of a chunked resource ends without a body', async () => {
    await startBytes('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n');
    const answer = await get('', 'HEAD');
    assert.match(answer, /^HTTP\/1\.1 200/);
    assert.match(answer, /\r\n\r\n$/);
    assert.doesNotMatch(answer, /trailer/i);
  });

  it('204 has no body and no Content-Length', async () => {
    await startBytes('HTTP/1.1 204 No Content\r\nX-A: 1\r\nContent-Length: 0\r\n\r\n');
    const answer = await get();
    assert.match(answer, /^HTTP\/1\.1 204[^]*X-A: 1[^]*\r\n\r\n$/);
    assert.doesNotMatch(answer, /content-length|transfer-encoding/i);
  });

  it('304 keeps its Content-Length and has no body', async () => {
    await startBytes('HTTP/1.1 304 Not Modified\r\nETag: "x"\r\nContent-Length: 77\r\n\r\n');
    const answer = await get();
    assert.match(answer, /^HTTP\/1\.1 304[^]*ETag: "x"\r\nContent-Length: 77[^]*\r\n\r\n$/);
  });

  it('103 and 102 arrive before the answer', async () => {
    await startBytes(
      'HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n' +
        'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
    );
    const answer = await get();
    assert.match(
      answer,
      /^HTTP\/1\.1 102 [^]*HTTP\/1\.1 103 [^]*link: <\/a\.css>; rel=preload\r\n[^]*HTTP\/1\.1 200 OK/i,
    );
  });

  it('103 goes on whatever its links are', async () => {
    await startBytes('HTTP/1.1 103 Early Hints\r\nLink: garbage\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    assert.match(await get(), /^HTTP\/1\.1 103 Early Hints\r\nLink: garbage\r\n\r\nHTTP\/1\.1 200 OK/);
  });

  it('trailers are passed on', async () => {
    await startBytes(
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 42\r\n\r\n',
    );
    const answer = await get();
    assert.match(answer, /\r\nTrailer: X-Sum\r\n/);
    assert.match(answer, /\r\n0\r\nX-Sum: 42\r\n\r\n$/);
  });

  it('Trailer beside a Content-Length does not break the answer', async () => {
    await startBytes('HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nContent-Length: 2\r\n\r\nok');
    assert.match(await get(), /^HTTP\/1\.1 200 OK[^]*ok$/);
  });

  it('a reason phrase that cannot be passed on is left out', async () => {
    await startBytes('HTTP/1.1 200 caf\u00c3\u00a9 \u00e2\u0082\u00ac\r\nContent-Length: 2\r\n\r\nok');
    assert.match(await get(), /^HTTP\/1\.1 200 [^]*ok$/);
  });

  it('an answer that ends with the connection arrives whole', async () => {
    await startBytes('HTTP/1.1 200 OK\r\n\r\nuntil the end');
    assert.match(await get(), /until the end/);
    assert.equal((await edge.callsEnded(1))[0]?.outcome, 'success');
  });
});
