/** SIGTERM in the middle of everything that a connection can be doing: nothing in flight is lost, and all of it is counted. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, createServer, request, type IncomingMessage } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import { load } from '../../support/load.js';
import { endOf, startProxy, type ProxyProcess } from '../../support/proxy-process.js';
import { until } from '../../support/running-app.js';

const CALLS_AT_ONCE = 500;
const WEBSOCKETS = 20;
const IDLE = 20;
const STREAMS = 20;

/** What an upload, a download or a slow call takes. */
const SLOW_MS = 2_000;

/** Answers after a while, echoes uploads' lengths, streams, and takes WebSockets that echo. */
async function startService(t: TestContext) {
  const server = createServer((incoming, response) => {
    if (incoming.url === '/download') {
      response.writeHead(200);
      const timer = setInterval(() => response.write('x'.repeat(1_000)), SLOW_MS / 10);
      setTimeout(() => {
        clearInterval(timer);
        response.end('end');
      }, SLOW_MS);
    } else if (incoming.method === 'POST') {
      let bytes = 0;
      incoming.on('data', (chunk: Buffer) => (bytes += chunk.length));
      incoming.on('end', () => response.end(String(bytes)));
    } else {
      incoming.resume();
      setTimeout(() => response.end('slow'), incoming.url === '/slow' ? SLOW_MS : 20);
    }
  });
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket) => socket.on('message', (data) => socket.send(data)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    sockets.close();
    server.closeAllConnections();
    server.close();
  });
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

function policy(origin: string): string {
  return `limits: { maxEventLoopDelay: off }
drainTimeout: 20s
upstreams: { service: { url: "${origin}", concurrency: { limit: 5000 } } }
routes: [{ name: all, match: {}, upstream: service, retry: false }]
`;
}

/** Sends a body in pieces over a while; returns how many bytes the service says it got. */
async function upload({ url }: ProxyProcess): Promise<string> {
  const outgoing = request(url, { method: 'POST' });
  for (let i = 0; i < 10; i++) {
    outgoing.write(Buffer.alloc(10_000));
    await new Promise((resolve) => setTimeout(resolve, SLOW_MS / 10));
  }
  outgoing.end();
  return bodyOf(outgoing);
}

async function bodyOf(outgoing: ReturnType<typeof request>): Promise<string> {
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  let body = '';
  response.setEncoding('latin1').on('data', (chunk: string) => (body += chunk));
  await once(response, 'end');
  return body;
}

/** A connection on which a call was made, and nothing after it. */
async function idle({ url }: ProxyProcess, agent: Agent): Promise<void> {
  const outgoing = request(url, { agent });
  outgoing.end();
  await bodyOf(outgoing);
}

test('SIGTERM under load: every call, stream and WebSocket ends well, then the process does, with 0', async (t) => {
  const service = await startService(t);
  const proxy = await startProxy(t, policy(service.origin));
  const { child, url } = proxy;

  const agent = new Agent({ keepAlive: true, maxSockets: IDLE });
  t.after(() => agent.destroy());
  await Promise.all(Array.from({ length: IDLE }, () => idle(proxy, agent)));
  const { hostname, port } = new URL(url);
  const silent: Socket[] = await Promise.all(
    Array.from({ length: IDLE }, async () => {
      const socket = connect(Number(port), hostname).on('error', () => undefined);
      await once(socket, 'connect');
      return socket;
    }),
  );
  t.after(() => silent.forEach((socket) => socket.destroy()));
  const sockets = Array.from({ length: WEBSOCKETS }, () => new WebSocket(url.replace('http', 'ws')));
  await Promise.all(sockets.map((socket) => once(socket, 'open')));

  let stop = false;
  // Calls one after the other, before, during and after the signal, until the app has had enough.
  const steady = load(url, { calls: 20_000, concurrency: 30, goOn: () => !stop });
  const slow = load(url, { path: '/slow', calls: CALLS_AT_ONCE, concurrency: CALLS_AT_ONCE });
  const downloads = Array.from({ length: STREAMS }, () => bodyOf(request(`${url}/download`).end()));
  const uploads = Array.from({ length: STREAMS }, () => upload(proxy));
  let inFlight = 0;
  await until(async () => {
    inFlight = await proxy.metric('in_flight_requests');
    return inFlight > 400;
  }, 'the calls are in flight');
  child.kill('SIGTERM');
  await child.says(/"msg":"draining"/);
  const late = load(url, { path: '/slow', calls: 200, concurrency: 100 });

  // The WebSockets go on, and end when the app ends them.
  const echoes = sockets.map(async (socket, i) => {
    const echoed = once(socket, 'message') as Promise<[Buffer]>;
    socket.send(`after the signal ${i}`);
    const [data] = await echoed;
    assert.equal(data.toString(), `after the signal ${i}`);
    await new Promise((resolve) => setTimeout(resolve, SLOW_MS));
    socket.close(1000);
    const [code] = (await once(socket, 'close')) as [number];
    return code;
  });
  const results = await Promise.all([slow, late]);
  stop = true;
  results.push(await steady);

  for (const { sent, answered, failed } of results) {
    assert.deepEqual(Object.fromEntries(failed), {}, 'nothing is lost');
    assert.deepEqual(Object.fromEntries(answered), { 200: sent });
  }
  const sent = results.reduce((sum, result) => sum + result.sent, 0);
  assert.ok(sent > 1_000, `${sent} calls`);
  assert.deepEqual(new Set(await Promise.all(uploads)), new Set(['100000']));
  for (const body of await Promise.all(downloads)) assert.ok(body.endsWith('end'));
  assert.deepEqual(new Set(await Promise.all(echoes)), new Set([1000]));
  const { code, ms } = await endOf(child);
  assert.equal(code, 0);
  assert.ok(ms < 5_000, `${ms} ms after the last call`);
  t.diagnostic(`${sent} calls answered, ${inFlight} in flight at the signal, 0 lost`);
});
