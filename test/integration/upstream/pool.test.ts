import assert from 'node:assert/strict';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { classifyFailure } from '../../../src/policies/rules/classify.js';
import { createPool } from '../../../src/upstream/pool.js';
import { selfSigned, type Certificate } from '../../support/certificate.js';
import { startUpstream } from '../../support/http-upstream.js';
import { poolOptions } from '../../support/pool-options.js';
import { Recorder } from '../../support/recorder.js';
import { VirtualClock } from '../../../src/simulation/virtual-clock.js';

interface SeenRequest {
  readonly host: string | undefined;
  /** The name that the client's TLS asked for; false if it named none. */
  readonly servername: string | false;
  /** Equal for requests over one connection. */
  readonly connection: number | undefined;
}

async function tlsServer(t: TestContext, { cert, key }: Certificate) {
  const seen: SeenRequest[] = [];
  const server = createServer({ cert, key }, (request, response) => {
    const socket = request.socket as typeof request.socket & { readonly servername: string | false };
    const { servername, remotePort: connection } = socket;
    seen.push({ host: request.headers.host, servername, connection });
    response.end('ok');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, seen };
}

/** One GET, with these headers. */
function get(pool: ReturnType<typeof createPool>, headers: string[] = []): Promise<Recorder> {
  return new Promise((resolve) => {
    class Done extends Recorder {
      override onResponseEnd(): void {
        super.onResponseEnd();
        resolve(this);
      }

      override onResponseError(...given: Parameters<Recorder['onResponseError']>): void {
        super.onResponseError(...given);
        resolve(this);
      }
    }
    pool.dispatch({ method: 'GET', path: '/', headers }, new Done(new VirtualClock()));
  });
}

/** Why no connection came about. */
function refusal({ error }: Recorder): string | undefined {
  return classifyFailure(error?.cause, 'unsent').reason;
}

function poolFor(t: TestContext, ...given: Parameters<typeof createPool>) {
  const pool = createPool(...given);
  t.after(() => pool.destroy());
  return pool;
}

describe('a pool for one address of a name', () => {
  test('connects to the address, and Host is the name', async (t) => {
    const upstream = await startUpstream();
    t.after(() => upstream.close());
    const pool = poolFor(t, `http://carts.test:${upstream.port}`, poolOptions(), '127.0.0.1');
    assert.equal((await get(pool)).status, 200);
    const { rawHeaders } = upstream.seen[0] ?? assert.fail('nothing came');
    assert.equal(
      rawHeaders[rawHeaders.findIndex((name) => name.toLowerCase() === 'host') + 1],
      `carts.test:${upstream.port}`,
    );
  });

  test('has TLS name the host, and holds the certificate against it', async (t) => {
    const certificate = selfSigned('DNS:carts.test');
    const { port, seen } = await tlsServer(t, certificate);
    const pool = poolFor(t, `https://carts.test:${port}`, poolOptions({ ca: certificate.cert }), '127.0.0.1');
    const answer = await get(pool);
    assert.deepEqual([answer.status, answer.body], [200, 'ok']);
    assert.deepEqual([seen[0]?.servername, seen[0]?.host], ['carts.test', `carts.test:${port}`]);
    const other = poolFor(t, `https://orders.test:${port}`, poolOptions({ ca: certificate.cert }), '127.0.0.1');
    assert.equal(refusal(await get(other)), 'tls-certificate');
    assert.equal(seen.length, 1);
  });
});

describe('the name that TLS asks for', () => {
  test("is the endpoint's, whatever Host the app has preserved, and the connection lives on", async (t) => {
    const certificate = selfSigned('DNS:carts.test');
    const { port, seen } = await tlsServer(t, certificate);
    const pool = poolFor(t, `https://carts.test:${port}`, poolOptions({ ca: certificate.cert }), '127.0.0.1');
    for (const host of ['a.example', 'b.example:8080']) {
      assert.equal((await get(pool, ['host', host])).status, 200);
      // The connection is free when the end has been told.
      await setImmediate();
    }
    assert.deepEqual(
      seen.map(({ host, servername }) => [host, servername]),
      [
        ['a.example', 'carts.test'],
        ['b.example:8080', 'carts.test'],
      ],
    );
    assert.equal(seen[0]?.connection, seen[1]?.connection);
  });

  test('is tls.serverName where that is given', async (t) => {
    const certificate = selfSigned('DNS:payments.internal');
    const { port, seen } = await tlsServer(t, certificate);
    const options = poolOptions({ ca: certificate.cert, serverName: 'payments.internal' });
    const pool = poolFor(t, `https://127.0.0.1:${port}`, options);
    assert.equal((await get(pool, ['host', 'a.example'])).status, 200);
    assert.equal(seen[0]?.servername, 'payments.internal');
  });

  test('is none where the endpoint is an address: the certificate is held against that', async (t) => {
    const certificate = selfSigned('IP:127.0.0.1');
    const { port, seen } = await tlsServer(t, certificate);
    const pool = poolFor(t, `https://127.0.0.1:${port}`, poolOptions({ ca: certificate.cert }));
    assert.equal((await get(pool, ['host', 'a.example'])).status, 200);
    assert.equal(seen[0]?.servername, false);
    const named = selfSigned('DNS:a.example');
    const other = await tlsServer(t, named);
    const refusing = poolFor(t, `https://127.0.0.1:${other.port}`, poolOptions({ ca: named.cert }));
    assert.equal(refusal(await get(refusing, ['host', 'a.example'])), 'tls-certificate');
  });
});
