/**
 * What web pages in a browser on this machine can do to the admin API: nothing. In a real browser, since what it lets
 * pages send, and what it says about them, is what the protection is made of.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { connect, createServer as createRelay, type AddressInfo, type Server, type Socket } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import { openPage, skipWithoutChromium } from '../../support/chromium.js';
import { startUpstream } from '../../support/http-upstream.js';
import { projectRoot } from '../../support/project-root.js';
import { startApp, until, type RunningApp } from '../../support/running-app.js';

type Found = Readonly<Record<string, unknown>>;

const page = (name: string) => readFileSync(`${projectRoot}test/integration/admin/pages/${name}.html`);

async function startProxy(t: TestContext): Promise<RunningApp> {
  const upstream = await startUpstream();
  t.after(() => upstream.close());
  return startApp(
    t,
    `upstreams: { up: { url: ${upstream.origin} } }\nroutes: [{ name: all, match: {}, upstream: up }]\n`,
  );
}

async function listen(t: TestContext, server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

/** Somebody else's web server. */
function attacker(t: TestContext, answer: RequestListener): Promise<number> {
  const server = createServer(answer);
  t.after(() => server.closeAllConnections());
  return listen(t, server);
}

/** Opens a page, and waits for what it has found out. */
async function visit(t: TestContext, url: string): Promise<Found> {
  const opened = await openPage();
  t.after(() => opened.context().close());
  const failed = new Promise<never>((_resolve, reject) => void opened.on('pageerror', reject));
  await opened.goto(url);
  await Promise.race([failed, opened.waitForFunction('window.found !== undefined')]);
  return opened.evaluate<Found>('window.found');
}

const CHANGES = ['circuits', 'retries', 'log', 'quit', 'reload'];

async function counted(app: RunningApp, result: string): Promise<number> {
  const counts = CHANGES.map((change) => app.metric(`admin_changes_total{change="${change}",result="${result}"}`));
  return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
}

async function assertUnchanged(app: RunningApp): Promise<void> {
  assert.equal(await counted(app, 'done'), 0);
  assert.equal(app.quits(), 0);
  assert.equal(await app.metric('retries_enabled{route="all"}'), 1);
  assert.equal((await fetch(app.url)).status, 200);
}

describe('a page of another site', { skip: skipWithoutChromium }, () => {
  for (const [what, host, target] of [
    ['elsewhere', 'evil.test', '127.0.0.1'],
    ['elsewhere, that knows us by our name', 'evil.test', 'localhost'],
    ['on another port of this machine', '127.0.0.1', '127.0.0.1'],
    ['on another port of localhost', 'localhost', 'localhost'],
  ] as const) {
    test(`${what} changes nothing and reads nothing`, async (t) => {
      const app = await startProxy(t);
      const port = await attacker(t, (_request, response) => {
        response.writeHead(200, { 'content-type': 'text/html' }).end(page('cross-site'));
      });
      const admin = `http://${target}:${new URL(app.admin).port}`;
      const found = await visit(t, `http://${host}:${port}/#${admin}`);
      // That nothing happens says something only if the requests get here: eleven go without asking first.
      await until(async () => (await counted(app, 'denied')) === 11, 'all were refused');
      await assertUnchanged(app);
      for (const [name, learnt] of Object.entries(found)) {
        assert(['opaque', 'blocked', 'nothing'].includes(String(learnt)), `${name}: ${String(learnt)}`);
      }
      assert.equal(Object.keys(found).length, 21);
    });
  }
});

describe('a page whose name is pointed at us after it has loaded', { skip: skipWithoutChromium }, () => {
  /** A web server that becomes a way to the admin address at its second wish, as a name server would have it. */
  async function startRebinding(t: TestContext, admin: string): Promise<number> {
    const html = page('rebound');
    let asked = 0;
    let rebound = false;
    const own = await attacker(t, (request, response) => {
      if (request.url === '/rebound') rebound = ++asked > 1;
      response.writeHead(200, { 'content-type': 'text/html', connection: 'close' }).end(html);
    });
    const relay = createRelay((socket: Socket) => {
      const onward = connect(rebound ? Number(new URL(admin).port) : own, '127.0.0.1');
      for (const end of [socket, onward]) end.on('error', () => undefined);
      socket.pipe(onward).pipe(socket);
    });
    return listen(t, relay);
  }

  test('is of our origin to the browser, and yet gets nothing: its Host is not ours', async (t) => {
    const app = await startProxy(t);
    const port = await startRebinding(t, app.admin);
    const found = await visit(t, `http://rebind.test:${port}/`);
    assert.deepEqual([...new Set(Object.values(found))], ['403 host-not-allowed']);
    assert.equal(Object.keys(found).length, 10);
    await assertUnchanged(app);
    assert.equal(await counted(app, 'denied'), 6);
  });

  test('would get all of it, were it not for its name', async (t) => {
    const app = await startProxy(t);
    const port = await startRebinding(t, app.admin);
    const found = await visit(t, `http://localhost:${port}/`);
    const { quit, force, config } = found;
    assert.deepEqual([config, force, quit], ['200 fine', '200 fine', '202 fine']);
    assert.equal(app.quits(), 1);
  });
});
