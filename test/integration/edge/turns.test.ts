import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { dispatchTo, routeTo, startEdge, type EdgeHarness } from '../../support/edge-harness.js';
import { startUpstream, type SeenRequest, type Upstream } from '../../support/http-upstream.js';
import { rawClient } from '../../support/raw-client.js';
import { until } from '../../support/running-app.js';

let edge: EdgeHarness;
let upstream: Upstream;
/** Requests that the upstream has and has not answered, and how many there were at most. */
let [now, most] = [0, 0];

/** An upstream that answers with the path after some milliseconds. */
async function start(delayMs: (seen: SeenRequest) => number): Promise<void> {
  [now, most] = [0, 0];
  upstream = await startUpstream((response, seen) => {
    most = Math.max(most, ++now);
    setTimeout(() => {
      now--;
      response.end(`<${seen.url}>`);
    }, delayMs(seen)).unref();
  });
  edge = await startEdge((agent) => [routeTo(dispatchTo(agent, upstream.origin))]);
}

afterEach(async () => {
  await edge.close();
  await upstream.close();
});

const get = (path: number | string, headers = '') => `GET /${path} HTTP/1.1\r\nHost: a\r\n${headers}\r\n`;
const paths = (count: number) => Array.from({ length: count }, (_, i) => `/${i + 1}`);
const answered = (received: string) => [...received.matchAll(/<([^>]+)>/g)].map(([, path]) => path);
const asked = () => upstream.seen.map(({ url }) => url);

describe('requests that come in one packet', () => {
  it('are calls one after the other, each answered once and in order, however many they are', async () => {
    await start(() => 0);
    const client = rawClient(edge.port);
    client.write(
      paths(1_000)
        .map((path) => get(path.slice(1)))
        .join(''),
    );
    const received = await client.until('</1000>');
    assert.deepEqual(answered(received), paths(1_000));
    assert.deepEqual(asked(), paths(1_000));
    assert.equal(most, 1);
    client.write(get('last'));
    await client.until('</last>');
    client.socket.destroy();
    assert.equal((await edge.callsEnded(1_001)).filter(({ outcome }) => outcome === 'success').length, 1_001);
  });

  it('with bodies, some of them after 100 Continue, are passed on whole', async () => {
    await start(() => 1);
    const client = rawClient(edge.port);
    const body = 'x'.repeat(3_000);
    const post = (n: number) =>
      `POST /${n} HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n` +
      `${n % 5 === 0 ? 'Expect: 100-continue\r\n' : ''}\r\n${body}`;
    client.write(Array.from({ length: 100 }, (_, i) => post(i + 1)).join(''));
    const received = await client.until('</100>');
    assert.deepEqual(answered(received), paths(100));
    assert.equal(received.match(/HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200/g)?.length, 20);
    assert.ok(upstream.seen.every((seen) => seen.body.toString() === body));
    client.socket.destroy();
  });

  it('are no calls yet when their app goes away', async () => {
    await start(() => 60_000);
    const client = rawClient(edge.port);
    client.write(get(1) + get(2) + get(3));
    await until(() => asked().length === 1, 'the first is asked');
    client.socket.destroy();
    const calls = await edge.callsEnded(1);
    assert.equal(calls[0]?.outcome, 'client-gone');
    await sleep(50);
    assert.deepEqual(asked(), ['/1']);
    assert.equal(edge.edge.inFlight, 0);
    assert.equal(edge.calls().length, 1);
  });

  it('keep the connection from being read on while many of them wait', async () => {
    let [answerFirst, first] = [() => {}, true];
    upstream = await startUpstream((response, { url }) => {
      const answer = () => void response.end(`<${url}>`);
      if (first) answerFirst = answer;
      else answer();
      first = false;
    });
    edge = await startEdge((agent) => [routeTo(dispatchTo(agent, upstream.origin))]);
    const client = rawClient(edge.port);
    const padding = `X: ${'x'.repeat(10_000)}\r\n`;
    // More than the kernel holds.
    const count = 2_000;
    client.write(
      paths(count)
        .map((path) => get(path.slice(1), padding))
        .join(''),
    );
    await until(() => asked().length === 1, 'the first is asked');
    await sleep(100);
    assert.ok(client.socket.writableLength > 1_000_000, `${client.socket.writableLength} bytes were not taken`);
    answerFirst();
    assert.deepEqual(answered(await client.until(`</${count}>`)), paths(count));
    client.socket.destroy();
  });
});

describe('behind the last answer of a connection', () => {
  it('that the request asked for, nothing is asked', async () => {
    await start(() => 20);
    const client = rawClient(edge.port);
    client.write(get(1) + get(2, 'Connection: close\r\n') + get(3) + get(4));
    const { received, error } = await client.ended();
    assert.equal(error, undefined);
    assert.deepEqual(answered(received), ['/1', '/2']);
    assert.match(received, /connection: close\r\n[^]*<\/2>$/i);
    assert.deepEqual(asked(), ['/1', '/2']);
  });

  it('during a drain, nothing is asked: what was asked is answered', async () => {
    await start(() => 50);
    const client = rawClient(edge.port);
    client.write(get(1) + get(2) + get(3) + get(4));
    await client.until('</1>');
    edge.edge.beginDrain();
    const { received, error } = await client.ended();
    assert.equal(error, undefined);
    assert.deepEqual(answered(received), asked());
    assert.match(received, /connection: close\r\n[^]*>$/i);
    assert.ok(asked().length < 4);
    assert.equal((await edge.callsEnded(asked().length)).length, asked().length);
  });
});
