import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import type { EdgeRoute } from '../../../src/edge/route.js';
import { dispatchTo, routeTo, startEdge, type EdgeHarness } from '../../support/edge-harness.js';
import { startUpstream, valuesOf, type Upstream } from '../../support/http-upstream.js';
import { exchange } from '../../support/raw-client.js';

let edge: EdgeHarness;
let upstream: Upstream;

async function start(...routes: Partial<EdgeRoute>[]): Promise<void> {
  upstream = await startUpstream();
  edge = await startEdge((agent) =>
    (routes.length === 0 ? [{}] : routes).map((route, i) =>
      routeTo(dispatchTo(agent, upstream.origin), { name: `r${i}`, ...route }),
    ),
  );
}

afterEach(async () => {
  await edge.close();
  await upstream.close();
});

const send = (head: string, body = '') => exchange(edge.port, `${head}\r\nConnection: close\r\n\r\n${body}`);
const statusOf = (answer: string) => Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1]);

describe('the request line and its host', () => {
  it('absolute-form: its authority replaces Host', async () => {
    await start({ match: { host: 'other.test' } }, { match: { host: 'payments.test' }, preserveHost: true });
    const answer = await send('GET http://Payments.TEST:8080/v1?a=1 HTTP/1.1\r\nHost: other.test');
    assert.equal(statusOf(answer), 200);
    const [seen] = upstream.seen;
    assert.equal(seen?.url, '/v1?a=1');
    assert.deepEqual(valuesOf(seen, 'host'), ['Payments.TEST:8080']);
    assert.equal((await edge.callsEnded(1))[0]?.call.route, 'r1');
  });

  it('absolute-form without a path asks for /', async () => {
    await start();
    await send('GET http://a.test HTTP/1.1\r\nHost: a.test');
    await send('GET http://a.test?q=1 HTTP/1.1\r\nHost: a.test');
    assert.deepEqual(
      upstream.seen.map(({ url }) => url),
      ['/', '/?q=1'],
    );
  });

  it('a host is compared without port and case', async () => {
    await start({ match: { host: 'payments.test' } });
    assert.equal(statusOf(await send('GET / HTTP/1.1\r\nHost: PAYMENTS.test:8080')), 200);
    assert.equal(statusOf(await send('GET / HTTP/1.1\r\nHost: payments.test.evil')), 404);
  });

  it('CONNECT is not implemented', async () => {
    await start();
    const answer = await exchange(edge.port, 'CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n');
    assert.equal(statusOf(answer), 501);
    assert.match(answer, /"code":"bad-request"/);
  });

  for (const [what, head] of [
    ['another version', 'GET / HTTP/2.0\r\nHost: a'],
    ['two Host headers', 'GET / HTTP/1.1\r\nHost: a\r\nHost: a'],
    ['no Host header', 'GET / HTTP/1.1\r\nX-A: 1'],
    ['a Host with a path', 'GET / HTTP/1.1\r\nHost: a/b'],
    ['a Host with user info', 'GET / HTTP/1.1\r\nHost: u@a'],
    ['a Host with a space', 'GET / HTTP/1.1\r\nHost: a b'],
    ['an authority with user info', 'GET http://u:p@a/ HTTP/1.1\r\nHost: a'],
    ['an authority that is empty', 'GET http:///x HTTP/1.1\r\nHost: a'],
    ['another scheme', 'GET ftp://a/x HTTP/1.1\r\nHost: a'],
  ] as const) {
    it(`${what}: 400, and nothing goes on`, async () => {
      await start();
      const answer = await send(head);
      assert.equal(statusOf(answer), 400);
      assert.match(answer, /"code":"bad-request"/);
      assert.match(answer, /proxy-status: outrigger; error=http_request_error/);
      assert.equal(upstream.seen.length, 0);
    });
  }

  it('OPTIONS * is not passed on', async () => {
    await start();
    assert.equal(statusOf(await send('OPTIONS * HTTP/1.1\r\nHost: a')), 501);
  });

  for (const path of [
    '/p/../admin',
    '/p/%2e%2E/admin',
    '/p/..%2fadmin',
    '/p/x%2F..%2F..',
    '/p/..\\admin',
    '/p/..;/admin',
    '/p/.',
    '/p/..',
  ]) {
    it(`dot segments are refused where routes match paths: ${path}`, async () => {
      await start({ match: { path: '/p/*' } }, { match: {} });
      assert.equal(statusOf(await send(`GET ${path} HTTP/1.1\r\nHost: a`)), 400);
      assert.equal(upstream.seen.length, 0);
    });
  }

  for (const [path, route] of [
    ['/secret/x', 'limited'],
    ['/%73ecret/x', 'limited'],
    ['/%73%65cret/%2573?%73', 'limited'],
    ['/secret%2Fx', 'rest'],
    ['/%2573ecret/x', 'rest'],
    ['/%53ecret/x', 'rest'],
    ['/%zzsecret/%', 'rest'],
  ] as const) {
    it(`an encoded character leads around no route, and goes on as it came: ${path} takes '${route}'`, async () => {
      await start({ name: 'limited', match: { path: '/secret/*' } }, { name: 'rest', match: {} });
      assert.equal(statusOf(await send(`GET ${path} HTTP/1.1\r\nHost: a`)), 200);
      assert.equal(upstream.seen[0]?.url, path);
      assert.equal((await edge.callsEnded(1))[0]?.call.route, route);
    });
  }

  it('dot segments are refused where a route rewrites, though it takes any path', async () => {
    await start({ rewrite: { addPrefix: '/v2' } });
    assert.equal(statusOf(await send('GET /../x HTTP/1.1\r\nHost: a')), 400);
  });

  it('dot segments pass where no path decides', async () => {
    await start({ match: { host: 'a' } });
    assert.equal(statusOf(await send('GET /x/../y HTTP/1.1\r\nHost: a')), 200);
    assert.equal(upstream.seen[0]?.url, '/x/../y');
  });

  it('a rewrite changes the front of the raw path and nothing else', async () => {
    await start({ match: { path: '/payments/*' }, rewrite: { stripPrefix: '/payments', addPrefix: '/v2' } });
    const targets = ['/payments/a%2Fb//c?x=/payments/', '/payments', '/payments/', '/payments?q=1', '/%70ayments/%61'];
    for (const target of targets) {
      await send(`GET ${target} HTTP/1.1\r\nHost: a`);
    }
    assert.deepEqual(
      upstream.seen.map(({ url }) => url),
      ['/v2/a%2Fb//c?x=/payments/', '/v2', '/v2/', '/v2?q=1', '/v2/%61'],
    );
  });

  it('a request that has passed us more than five times is a loop', async () => {
    await start();
    const via = (times: number) => Array(times).fill('1.1 outrigger').join(', ');
    assert.equal(statusOf(await send(`GET / HTTP/1.1\r\nHost: a\r\nVia: 1.0 other, ${via(5)}`)), 200);
    const answer = await send(`GET / HTTP/1.1\r\nHost: a\r\nVia: ${via(3)}\r\nVia: ${via(3)}`);
    assert.equal(statusOf(answer), 508);
    assert.match(answer, /proxy-status: outrigger; error=proxy_loop_detected/);
  });

  it('a coding other than chunked is not understood', async () => {
    await start();
    const answer = await send('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked', '0\r\n\r\n');
    assert.equal(statusOf(answer), 501);
  });
});

describe('requests that no parser should take', () => {
  for (const [what, text] of [
    [
      'Content-Length beside Transfer-Encoding',
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['two Content-Lengths', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd'],
    ['a folded Content-Length', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n 3\r\n\r\nabc'],
    ['a space before the colon', 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n'],
    ['chunked that is not last', 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n'],
    ['a bare CR in a header', 'GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n'],
    ['garbage', 'hello\r\n\r\n'],
  ] as const) {
    it(`${what}: refused, and nothing goes on`, async () => {
      await start();
      const answer = await exchange(edge.port, text);
      assert.match(answer, /^HTTP\/1\.1 (400|501) /);
      assert.match(answer, /application\/problem\+json/);
      assert.equal(upstream.seen.length, 0);
    });
  }
});
