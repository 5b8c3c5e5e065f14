import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { METHODS } from 'node:http';
import { dispatchTo, routeTo, startEdge, type EdgeHarness, type HarnessOptions } from '../../support/edge-harness.js';
import { startUpstream, valuesOf, type Upstream } from '../../support/http-upstream.js';
import { exchange, rawClient } from '../../support/raw-client.js';
import type { EdgeRoute } from '../../../src/edge/route.js';

let edge: EdgeHarness;
let upstream: Upstream;

async function start(
  answer?: Parameters<typeof startUpstream>[0],
  route: Partial<EdgeRoute> = {},
  options: HarnessOptions = {},
): Promise<void> {
  upstream = await startUpstream(answer);
  edge = await startEdge((agent) => [routeTo(dispatchTo(agent, upstream.origin), route)], options);
}

afterEach(async () => {
  await edge.close();
  await upstream.close();
});

const get = (target: string, headers = '') =>
  exchange(edge.port, `GET ${target} HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n${headers}\r\n`);

describe('a plain request', () => {
  it('goes to the upstream and its answer comes back', async () => {
    await start((response) => response.writeHead(201, 'Made', { 'X-A': '1' }).end('hello'));
    const answer = await get('/v1/charges?b=1');
    assert.match(answer, /^HTTP\/1\.1 201 Made\r\n/);
    assert.match(answer, /\r\nX-A: 1\r\n/);
    assert.match(answer, /\r\nx-outrigger-attempts: 1\r\n/);
    assert.match(answer, /hello/);
    const [call] = await edge.callsEnded(1);
    assert.equal(call?.outcome, 'success');
    assert.equal(call.status, 201);
    assert.equal(call.call.path, '/v1/charges');
    assert.equal(call.call.route, 'charge');
  });

  it('keeps odd but lawful targets as they were sent', async () => {
    await start();
    const targets = [
      '//x',
      '/%E9',
      '/a%2Fb',
      '/?a=1&a=2&b=%20',
      '/a//b/',
      '/..a/b..',
      '/%zz',
      '/a?b?c',
      '/a;b=c',
      '/*',
    ];
    for (const target of targets) await get(target);
    assert.deepEqual(
      upstream.seen.map(({ url }) => url),
      targets,
    );
  });

  it('may have any method that Node knows', async () => {
    await start();
    const methods = METHODS.filter((method) => method !== 'CONNECT');
    for (const method of methods) {
      const answer = await exchange(edge.port, `${method} /m HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
      assert.match(answer, /^HTTP\/1\.1 200 /, method);
    }
    assert.deepEqual(
      upstream.seen.map(({ method }) => method),
      methods,
    );
  });

  it('keeps duplicate headers and the case of names, both ways', async () => {
    await start((response) => {
      response.writeHead(200, ['Set-Cookie', 'a=1', 'Set-Cookie', 'b=2', 'X-ODD', '1', 'x-odd', '2']).end();
    });
    const answer = await get('/', 'X-Dup: 1\r\nx-dup: 2\r\nX-Latin: caf\u00e9\r\n');
    const seen = upstream.seen[0]!;
    assert.deepEqual(valuesOf(seen, 'x-dup'), ['1', '2']);
    assert.ok(seen.rawHeaders.includes('X-Dup') && seen.rawHeaders.includes('x-dup'));
    assert.deepEqual(valuesOf(seen, 'x-latin'), ['caf\u00e9']);
    assert.match(answer, /Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-ODD: 1\r\nx-odd: 2\r\n/);
  });

  it('sends no Date of ours beside the upstream\u2019s', async () => {
    await start((response) => response.writeHead(200, { date: 'Tue, 01 Jan 2030 00:00:00 GMT' }).end());
    const answer = await get('/');
    assert.deepEqual(answer.match(/^date: .*$/gim), ['date: Tue, 01 Jan 2030 00:00:00 GMT']);
  });

  it('uses one connection to the app for many requests, and one to the upstream', async () => {
    await start();
    const client = rawClient(edge.port);
    for (let i = 1; i <= 3; i++) {
      client.write(`GET /${i} HTTP/1.1\r\nHost: a\r\n\r\n`);
      await client.until(new RegExp(`(HTTP/1.1 200 OK[^]*){${i}}`));
      await edge.callsEnded(i);
    }
    assert.equal(new Set(upstream.seen.map(({ connection }) => connection)).size, 1);
    client.socket.destroy();
  });

  it('is answered in order when requests are pipelined', async () => {
    await start((response, { url }) => {
      // The first takes longest.
      setTimeout(() => response.end(`answer ${url};`), url === '/1' ? 50 : 0);
    });
    const client = rawClient(edge.port);
    client.write([1, 2, 3].map((n) => `GET /${n} HTTP/1.1\r\nHost: a\r\n\r\n`).join(''));
    const received = await client.until('answer /3;');
    assert.deepEqual(received.match(/answer \/\d/g), ['answer /1', 'answer /2', 'answer /3']);
    client.socket.destroy();
    assert.equal((await edge.callsEnded(3)).filter(({ outcome }) => outcome === 'success').length, 3);
  });

  it('of HTTP/1.0 needs no Host and its answer ends with the connection', async () => {
    await start((response) => {
      response.write('part 1, ');
      response.end('part 2');
    });
    const answer = await exchange(edge.port, 'GET /old HTTP/1.0\r\n\r\n');
    assert.match(answer, /\r\n\r\npart 1, part 2$/);
    assert.doesNotMatch(answer, /transfer-encoding/i);
    assert.deepEqual(valuesOf(upstream.seen[0]!, 'via'), ['1.0 outrigger']);
  });

  it('that matches no route gets a problem document', async () => {
    await start(undefined, { match: { path: '/only/*' } });
    const answer = await get('/other?secret=1');
    assert.match(answer, /^HTTP\/1\.1 404 Not Found\r\n/);
    assert.match(answer, /content-type: application\/problem\+json\r\n/);
    assert.match(answer, /proxy-status: outrigger; error=destination_not_found\r\n/);
    assert.match(answer, /"code":"no-route"/);
    assert.doesNotMatch(answer, /secret/);
    const [call] = await edge.callsEnded(1);
    assert.equal(call?.outcome, 'refused');
    assert.equal(call.call.route, '-');
  });
});
