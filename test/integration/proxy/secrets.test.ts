/** Secrets are sent wherever a secret can be, to a process of its own that tells all it has to tell: none may be in it. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { request, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { selfSigned } from '../../support/certificate.js';
import { startStreamingUpstream } from '../../support/http-upstream.js';
import { startCollector } from '../../support/otlp-collector.js';
import { folder, spawnProxy, startProxy, policyFileOf, type ProxyProcess } from '../../support/proxy-process.js';
import { exchange } from '../../support/raw-client.js';

/** Every secret bears this, so that a part of one is found too. */
const CANARY = 'c4nary';

/** What the app sends with each call. */
const HEADERS: Readonly<Record<string, string>> = {
  authorization: `Bearer ${CANARY}-authorization`,
  cookie: `sid=${CANARY}-cookie`,
  'proxy-authorization': `Basic ${CANARY}-proxy`,
  'x-api-key': `${CANARY}-api-key`,
  'x-tenant-token': `${CANARY}-tenant`,
  referer: `http://user:${CANARY}@app/?token=${CANARY}-referer`,
};

const ENV: Readonly<Record<string, string>> = {
  ADMIN_TOKEN: `${CANARY}-admin-token`,
  API_KEY: `${CANARY}-env-key`,
  PLAIN: `${CANARY}-env-plain`,
  BODY: `${CANARY}-env-body`,
};

/** Bad as the path says; a good answer bears secrets of the upstream. */
function answer(incoming: IncomingMessage, response: ServerResponse): void {
  const { url = '' } = incoming;
  if (url.includes('/reset')) response.socket?.resetAndDestroy();
  else if (url.includes('/hang')) incoming.resume();
  else if (url.includes('/garbage')) response.socket?.end(`${CANARY}/1.1 what?\r\n\r\n`);
  else if (url.includes('/fold'))
    response.socket?.end(`HTTP/1.1 200 OK\r\nset-cookie: ${CANARY}\r\n ${CANARY}\r\n\r\n`);
  else if (url.includes('/cut'))
    response.writeHead(200, { 'content-length': '99' }).write(CANARY, () => response.destroy());
  else {
    const [, status = '200'] = /\/(\d{3})/.exec(url) ?? [];
    response.writeHead(Number(status), {
      'set-cookie': `sid=${CANARY}-set-cookie`,
      'www-authenticate': `Bearer realm="${CANARY}-realm"`,
      location: `https://user:${CANARY}@other/?token=${CANARY}-location`,
    });
    response.end(`${CANARY}-answer`);
  }
}

function policy(origin: string, tls: string, collector: string): string {
  const dir = folder();
  const { cert, key } = selfSigned('DNS:client.test');
  writeFileSync(path.join(dir, 'client.pem'), cert);
  writeFileSync(path.join(dir, 'client.key'), key);
  writeFileSync(path.join(dir, 'secret'), `${CANARY}-file`);
  return `
log: { level: trace, access: all }
tracing: { otlp: "${collector}", sample: 100%, headers: { x-team: ${CANARY}-team } }
upstreams:
  up:
    url: ${origin}
    circuitBreaker: { consecutiveFailures: 3, key: "{endpoint}|{header:authorization}|{header:x-tenant-token}" }
    concurrency: { limit: 20, key: "{header:cookie}" }
  tls:
    url: ${tls}
    tls: { cert: ${dir}/client.pem, key: ${dir}/client.key, serverName: other.test }
defaults:
  route:
    attemptTimeout: 150ms
    retry: { backoff: { base: 1ms } }
    requestHeaders:
      set: { authorization2: "Bearer \${API_KEY}", x-plain: "\${PLAIN}", x-file: "\${file:${dir}/secret}" }
routes:
  - { name: tls, match: { path: /tls/* }, upstream: tls }
  - name: fallback
    match: { path: /fallback/* }
    upstream: up
    fallback: { steps: [{ stale: { overrideCacheControl: true } }, { upstream: tls }, { response: { status: 503, body: "\${BODY}" } }] }
  - { name: limited, match: { path: /limited/* }, upstream: up, rateLimit: { requests: 1, per: 1h, key: "{header:x-api-key}" } }
  - { name: all, match: { path: /p/* }, upstream: up }
`;
}

/** What the process itself said in an answer: all of it, if the answer is its own. */
async function call(url: string, target: string, options: { method?: string; body?: string } = {}): Promise<string> {
  const { method = 'GET', body } = options;
  const outgoing = request(url, { method, path: `${target}?token=${CANARY}-query`, headers: HEADERS });
  // Some answers break off in the middle.
  outgoing.on('error', () => undefined);
  outgoing.end(body);
  try {
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
    let text = '';
    response.setEncoding('latin1').on('data', (chunk: string) => (text += chunk));
    await once(response, 'close');
    const ours =
      response.headers['proxy-status'] !== undefined || response.headers['content-type'] === 'application/problem+json';
    return ours ? [response.statusMessage, ...response.rawHeaders, text].join('\n') : '';
  } catch (error) {
    return String(error);
  }
}

/** Requests that no parser, or no route, should take. */
const BROKEN: readonly string[] = [
  `GET http://user:${CANARY}@up/p/ok HTTP/1.1\r\nHost: up\r\nConnection: close\r\n\r\n`,
  `GET /p/ok HTTP/1.1\r\nHost: user:${CANARY}@up\r\nConnection: close\r\n\r\n`,
  `CONNECT user:${CANARY}@up:443 HTTP/1.1\r\nHost: up\r\nAuthorization: ${CANARY}\r\n\r\n`,
  `GET /p/ok?token=${CANARY} HTTP/1.1\r\nHost: a\r\nAuthorization : Bearer ${CANARY}\r\n\r\n`,
  `GET /p/ok?token=${CANARY} HTTP/1.1\r\nHost: a\r\nCookie: ${CANARY}\r\nContent-Length: ${CANARY}\r\n\r\n`,
  `POST /p/ok HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\nzz${CANARY}\r\n`,
  `POST /p/ok HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: ${CANARY}\r\nConnection: close\r\n\r\n`,
  `GET /p/../?token=${CANARY} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`,
  `${CANARY} /p/ok HTTP/1.1\r\nHost: a\r\n\r\n`,
  `GET /p/ok HTTP/1.1\r\nHost: a\r\nCookie: ${CANARY.repeat(5_000)}\r\n\r\n`,
  `GET /nowhere?token=${CANARY} HTTP/1.1\r\nHost: a\r\nCookie: ${CANARY}\r\nConnection: close\r\n\r\n`,
  `GET /p/reset/ws?token=${CANARY} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nCookie: ${CANARY}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
];

/** What the admin address says, the event stream included, for as long as it says it. */
async function adminSays(t: TestContext, { admin }: ProxyProcess) {
  const said: string[] = [];
  const headers = { authorization: `Bearer ${ENV.ADMIN_TOKEN}` };
  const stream = new AbortController();
  t.after(() => stream.abort());
  const events = fetch(`${admin}/api/events`, { headers, signal: stream.signal })
    .then(async (response) => {
      for await (const chunk of response.body ?? []) said.push(Buffer.from(chunk as Uint8Array).toString());
    })
    .catch(() => undefined);
  return {
    said,
    async look(): Promise<void> {
      for (const target of [
        '/metrics',
        '/',
        '/api/config',
        '/api/routes',
        '/api/upstreams',
        '/api/circuits',
        `/x?token=${CANARY}`,
      ]) {
        for (const accept of ['*/*', 'application/openmetrics-text']) {
          const response = await fetch(admin + target, { headers: { ...headers, accept } });
          said.push(
            `${target.split('?', 1)[0]} ${response.status} ${JSON.stringify([...response.headers])} ${await response.text()}`,
          );
        }
      }
      stream.abort();
      await events;
    },
  };
}

test('no secret is in the log, in problem documents, in metrics, in spans, or in what the admin address says', async (t) => {
  const sent: string[] = [];
  const upstream = await startStreamingUpstream((incoming, response) => {
    sent.push(JSON.stringify([incoming.url, incoming.rawHeaders]));
    incoming.resume();
    answer(incoming, response);
  });
  t.after(() => upstream.close());
  const tls = createTlsServer(selfSigned('DNS:wrong.test'), (_incoming, response) => response.end('never'));
  tls.listen(0, '127.0.0.1');
  await once(tls, 'listening');
  t.after(() => tls.close());

  const collector = await startCollector(t);
  const lines = policy(upstream.origin, `https://127.0.0.1:${(tls.address() as AddressInfo).port}`, collector.url);
  const proxy = await startProxy(t, lines, { env: ENV });
  const admin = await adminSays(t, proxy);
  const said: string[] = [];
  for (const target of [
    '/p/ok',
    '/p/hang',
    '/p/503',
    '/p/reset',
    '/p/garbage',
    '/p/fold',
    '/p/cut',
    '/p/401',
    '/p/429',
  ]) {
    said.push(await call(proxy.url, target));
    said.push(await call(proxy.url, target, { method: 'POST', body: `${CANARY}-body` }));
  }
  for (const target of [
    '/fallback/ok',
    '/fallback/503',
    '/fallback/reset',
    '/tls/x',
    '/limited/ok',
    '/limited/ok',
    '/none',
  ]) {
    said.push(await call(proxy.url, target));
  }
  const { port } = new URL(proxy.url);
  for (const text of BROKEN) said.push(await exchange(Number(port), text));
  await admin.look();
  proxy.child.kill('SIGHUP');
  proxy.child.kill('SIGTERM');
  await proxy.child.ended();

  // It has seen the secrets, and had much to say.
  for (const secret of ['authorization', 'cookie', 'env-key', 'env-plain', 'file', 'query']) {
    assert.ok(
      sent.some((one) => one.includes(`${CANARY}-${secret}`)),
      secret,
    );
  }
  for (const message of ['retrying', 'circuit open', 'call', 'fallback', 'timeout', 'rate limited']) {
    assert.ok(
      proxy.child.lines().some(({ msg }) => msg === message),
      message,
    );
  }
  const problems = said.filter((one) => one.includes('"code":"'));
  assert.ok(problems.length > 15, `${problems.length} problem documents`);
  assert.ok(admin.said.some((one) => one.includes('outrigger_circuit_state')));
  assert.equal(collector.requests[0]?.['x-team'], `${CANARY}-team`);
  assert.ok(collector.spans.length > 30, `${collector.spans.length} spans`);

  const outputs = {
    stdout: proxy.child.stdout,
    stderr: proxy.child.stderr,
    answers: said.join('\n'),
    admin: admin.said.join('\n'),
    spans: JSON.stringify(collector.spans, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value)),
  };
  for (const [where, output] of Object.entries(outputs)) {
    // The static answer is the policy's own, and meant for the app.
    const text = output.replaceAll(`${CANARY}-env-body`, '').toLowerCase();
    const at = text.indexOf(CANARY);
    assert.equal(at, -1, `${where}: ${text.slice(Math.max(0, at - 300), at + 100)}`);
    assert.doesNotMatch(output, /PRIVATE KEY/);
  }
});

test('no secret is in what is said of a policy file that can not be taken', async (t) => {
  const file = policyFileOf(`
upstreams: { up: { url: "\${PLAIN}", connectTimeout: "\${API_KEY}", tls: { ca: "\${PLAIN}", key: "\${file:${secretFile()}}" } } }
routes: [{ name: "\${PLAIN}", match: { path: "\${PLAIN}" }, upstream: "\${PLAIN}", timeout: "\${API_KEY}" }]
`);
  for (const args of [
    ['run', '--config', file],
    ['validate', file],
    ['validate', '--json', file],
  ]) {
    const child = spawnProxy(t, args, ENV);
    assert.equal(await child.ended(), 2);
    const said = child.stdout + child.stderr;
    assert.match(said, /connectTimeout/);
    assert.ok(!said.includes(CANARY), said);
  }
});

/** Any file that has a text. */
function secretFile(): string {
  const file = path.join(folder(), 'secret');
  writeFileSync(file, `${CANARY}-file`);
  return file;
}
