import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { selfSigned } from '../../support/certificate.js';
import { startApp, until } from '../../support/running-app.js';

/** A server at one address. It counts calls, and answers checks and calls as it is told. */
class Place {
  readonly server: Server;
  calls = 0;
  checks = 0;
  health = 200;
  delayMs = 0;

  constructor(readonly address: string) {
    this.server = createServer((request, response) => {
      if (request.url === '/healthz') {
        this.checks++;
        response.writeHead(this.health).end();
        return;
      }
      this.calls++;
      response.writeHead(200, { 'x-address': address });
      void sleep(this.delayMs, undefined, { ref: false }).then(() => response.end(`from ${address}`));
    });
  }
}

function listen(server: Server, port: number, address: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, address, () => resolve((server.address() as AddressInfo).port));
  });
}

/** Servers at several addresses of loopback, all on one port. */
async function places(
  t: TestContext,
  ...addresses: string[]
): Promise<{ readonly port: number; readonly at: readonly Place[] }> {
  const at = addresses.map((address) => new Place(address));
  let port = 0;
  for (const { server, address } of at) port = await listen(server, port, address);
  t.after(() => {
    for (const { server } of at) {
      server.closeAllConnections();
      server.close();
    }
  });
  return { port, at };
}

const file = (origins: string, upstream: string) => `
upstreams:
  carts:
    endpoints: [${origins}]
    loadBalancing: roundRobin
    ${upstream}
routes: [{ name: carts, match: {}, upstream: carts, retry: false }]
`;

async function calls(url: string, count: number): Promise<string[]> {
  const texts: string[] = [];
  for (let i = 0; i < count; i++) texts.push(await (await fetch(url)).text());
  return texts;
}

describe('discovery on sockets', () => {
  test('every address of a name is an endpoint, and is seen on /metrics', async (t) => {
    const { port, at } = await places(t, '127.0.0.1', '127.0.0.2');
    const app = await startApp(t, file(`'http://carts.test:${port}'`, ''), {
      lookup: () => Promise.resolve(['127.0.0.1', '127.0.0.2']),
    });
    await calls(app.url, 6);
    assert.deepEqual(
      at.map((place) => place.calls),
      [3, 3],
    );
    const attempts = (address: string) =>
      app.metric(
        `attempts_total{route="carts",upstream="carts",endpoint="http://carts.test:${port}#${address}",result="success"}`,
      );
    assert.deepEqual([await attempts('127.0.0.1'), await attempts('127.0.0.2')], [3, 3]);
    const metrics = await app.metrics();
    assert.match(
      metrics,
      new RegExp(
        `outrigger_circuit_state\\{upstream="carts",key="http://carts.test:${port}#127.0.0.2",state="closed"\\} 1`,
      ),
    );
    assert.doesNotMatch(metrics, new RegExp(`circuit_state\\{upstream="carts",key="http://carts.test:${port}"`));
  });

  test('a changed answer is taken up while calls run, and none is dropped', async (t) => {
    const { port, at } = await places(t, '127.0.0.1', '127.0.0.2', '127.0.0.3');
    const [first, second, third] = at as [Place, Place, Place];
    let answer = ['127.0.0.1', '127.0.0.2'];
    const app = await startApp(t, file(`'http://carts.test:${port}'`, 'discovery: { refresh: 20ms }'), {
      lookup: () => Promise.resolve(answer),
    });
    for (const place of at) place.delayMs = 30;
    let load = true;
    const texts: string[] = [];
    const workers = Array.from({ length: 8 }, async () => {
      while (load) texts.push(...(await calls(app.url, 1)));
    });
    await until(() => first.calls > 5 && second.calls > 5, 'calls at both');
    answer = ['127.0.0.3', '127.0.0.2'];
    await until(() => third.calls > 5, 'calls at the new address');
    const before = first.calls;
    await until(() => third.calls > 30, 'more calls');
    load = false;
    await Promise.all(workers);
    assert.equal(first.calls, before, 'the address that is gone gets no calls');
    assert.ok(texts.length > 40 && texts.every((text) => text.startsWith('from 127.0.0.')));
    await until(
      () => new Promise((resolve) => first.server.getConnections((_error, count) => resolve(count === 0))),
      'its connections closed',
    );
  });

  test('the app starts and takes calls while DNS is down, and serves when it is back', async (t) => {
    const { port } = await places(t, '127.0.0.1');
    let down = true;
    const app = await startApp(t, file(`'http://carts.invalid:${port}'`, 'discovery: { refresh: 20ms }'), {
      lookup: () => (down ? Promise.reject(new Error('EAI_AGAIN')) : Promise.resolve(['127.0.0.1'])),
    });
    const refused = await fetch(app.url);
    assert.equal(refused.status, 502);
    assert.match(refused.headers.get('proxy-status') ?? '', /error=dns_error/);
    await refused.text();
    down = false;
    await until(async () => (await fetch(app.url)).status === 200, 'an answer');
  });

  test('TLS still names the host', async (t) => {
    const { cert, key } = selfSigned('DNS:carts.test');
    const names: unknown[] = [];
    const server = createTlsServer({ cert, key }, (request, response) => {
      names.push((request.socket as { servername?: unknown }).servername, request.headers.host);
      response.end('secure');
    });
    const port = await listen(server, 0, '127.0.0.1');
    t.after(() => {
      server.closeAllConnections();
      server.close();
    });
    const app = await startApp(t, file(`'https://carts.test:${port}'`, 'tls: { ca: ca.pem }'), {
      lookup: () => Promise.resolve(['127.0.0.1', '127.0.0.1']),
      readFile: () => Buffer.from(cert),
    });
    await until(async () => (await fetch(app.url)).status === 200, 'an answer');
    assert.deepEqual(names.slice(-2), ['carts.test', `carts.test:${port}`]);
  });
});

describe('health checks on sockets', () => {
  test('an endpoint that fails its checks gets no calls; too few healthy ones are a panic', async (t) => {
    const { port, at } = await places(t, '127.0.0.1', '127.0.0.2', '127.0.0.3');
    const [first, second] = at as [Place, Place, Place];
    const origins = at.map(({ address }) => `'http://${address}:${port}'`).join(', ');
    const app = await startApp(
      t,
      file(origins, 'healthCheck: { path: /healthz, interval: 10ms, timeout: 500ms, panicThreshold: 50% }'),
    );
    const healthy = (address: string) =>
      app.metric(`endpoint_healthy{upstream="carts",endpoint="http://${address}:${port}"}`);
    const panic = () => app.metric('health_panic{upstream="carts"}');
    assert.deepEqual([await healthy('127.0.0.1'), await panic()], [1, 0]);
    first.health = 503;
    await until(async () => (await healthy('127.0.0.1')) === 0, 'seen as unhealthy');
    const before = first.calls;
    await calls(app.url, 10);
    assert.equal(first.calls, before);
    second.health = 500;
    await until(async () => (await panic()) === 1, 'a panic');
    assert.deepEqual([await healthy('127.0.0.1'), await healthy('127.0.0.2'), await healthy('127.0.0.3')], [0, 0, 1]);
    await calls(app.url, 9);
    assert.equal(first.calls - before, 3, 'all are used again');
    first.health = 200;
    await until(async () => (await healthy('127.0.0.1')) === 1 && (await panic()) === 0, 'well again');
    const made = await app.metric(
      `attempts_total{route="carts",upstream="carts",endpoint="http://127.0.0.1:${port}",result="success"}`,
    );
    assert.ok(first.checks > 6);
    assert.equal(made, first.calls, 'checks are no attempts');
  });

  test('calls that hang do not hold checks up, and checks keep no call waiting', async (t) => {
    const { port, at } = await places(t, '127.0.0.1');
    const [place] = at as [Place];
    const app = await startApp(
      t,
      file(`'http://127.0.0.1:${port}'`, 'healthCheck: { path: /healthz, interval: 10ms, timeout: 500ms }'),
    );
    place.delayMs = 60_000;
    const leaving = new AbortController();
    const hanging = Array.from({ length: 20 }, () =>
      fetch(app.url, { signal: leaving.signal }).then((answer) => answer.text()),
    );
    await until(() => place.calls === 20, 'all calls hang');
    const before = place.checks;
    await until(() => place.checks > before + 5, 'checks go on');
    assert.equal(await app.metric(`endpoint_healthy{upstream="carts",endpoint="http://127.0.0.1:${port}"}`), 1);
    leaving.abort();
    await Promise.allSettled(hanging);
  });
});
