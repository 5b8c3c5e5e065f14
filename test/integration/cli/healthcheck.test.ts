import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { healthcheckCommand } from '../../../src/cli/healthcheck.js';

/** Runs the command; the admin server answers with `listener`. */
async function serve(t: TestContext, listener: RequestListener, socket?: string) {
  const server = createServer(listener);
  if (socket === undefined) server.listen(0, '127.0.0.1');
  else server.listen(socket);
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return socket === undefined ? `127.0.0.1:${(server.address() as AddressInfo).port}` : `unix:${socket}`;
}

async function check(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  let stderr = '';
  const code = await healthcheckCommand.run(args, {
    stdout: { write: () => assert.fail('nothing belongs on stdout') },
    stderr: { write: (text) => (stderr += text) },
    env,
  });
  return { code, stderr };
}

const ready: RequestListener = (request, response) => {
  response.writeHead(request.url === '/readyz' ? 200 : 404).end('ready\n');
};

function folder(): string {
  return mkdtempSync(path.join(tmpdir(), 'outrigger-'));
}

describe('healthcheck', () => {
  test('ready: 0, and nothing to say', async (t) => {
    assert.deepEqual(await check(['--admin-listen', await serve(t, ready)]), { code: 0, stderr: '' });
  });

  test('not ready: 1, and why', async (t) => {
    const address = await serve(t, (_request, response) => response.writeHead(503).end('draining\n'));
    const { code, stderr } = await check([], { OUTRIGGER_ADMIN_LISTEN: address });
    assert.deepEqual([code, stderr], [1, `outrigger: ${address}/readyz: 503 draining\n`]);
  });

  test('nobody listens: 1', async (t) => {
    const socket = path.join(folder(), 'nobody.sock');
    const { code, stderr } = await check(['--admin-listen', `unix:${socket}`]);
    assert.equal(code, 1);
    assert.match(stderr, /^outrigger: unix:.*nobody\.sock\/readyz: connect ENOENT .*\n$/);
    t.diagnostic(stderr);
  });

  test('no answer within two seconds: 1', async (t) => {
    const address = await serve(t, () => undefined);
    const { code, stderr } = await check(['--admin-listen', address]);
    assert.deepEqual([code, stderr], [1, `outrigger: ${address}/readyz: no answer within 2 s\n`]);
  });

  test('a unix socket', async (t) => {
    const address = await serve(t, ready, path.join(folder(), 'admin.sock'));
    assert.deepEqual(await check(['--admin-listen', address]), { code: 0, stderr: '' });
  });

  test("the file's admin.listen, variables replaced, whatever else is wrong with the file", async (t) => {
    const file = path.join(folder(), 'outrigger.yaml');
    writeFileSync(file, 'admin: { listen: "${ADMIN}" }\nroutes: nonsense\nretires: 3\n');
    const address = await serve(t, ready);
    assert.deepEqual(await check(['--config', file], { ADMIN: address }), { code: 0, stderr: '' });
    assert.deepEqual(await check([], { ADMIN: address, OUTRIGGER_CONFIG: file }), { code: 0, stderr: '' });
  });

  test('all addresses are asked on the loopback', async (t) => {
    const port = (await serve(t, ready)).split(':')[1];
    assert.equal((await check(['--admin-listen', `:${port}`])).code, 0);
    assert.equal((await check(['--admin-listen', `0.0.0.0:${port}`])).code, 0);
  });
});
