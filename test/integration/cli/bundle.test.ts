/**
 * The program as `npm run build` makes it, where no packages are installed: all that it needs is in it, and what was left
 * out of packages (build/left-out.js) is not missed.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createSecureServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { WebSocket, WebSocketServer } from 'ws';
import { selfSigned } from '../../support/certificate.js';
import { startUpstream } from '../../support/http-upstream.js';
import { skipWithoutScript, writtenOnTerminal } from '../../support/on-terminal.js';
import { startCollector } from '../../support/otlp-collector.js';
import { projectRoot } from '../../support/project-root.js';
import { endOf, folder, policyFileOf, startProxy } from '../../support/proxy-process.js';

const run = promisify(execFile);

/** All of these are read and compiled at each start, and held in memory. One more is a decision. */
const PACKAGES = `
  @fastify/error @fastify/http-proxy @fastify/reply-from @pinojs/redact abstract-logging atomic-sleep avvio end-of-stream
  fast-content-type-parse fast-decode-uri-component fast-deep-equal fast-json-stringify fast-querystring
  fastest-levenshtein fastify fastify-plugin fastq find-my-way on-exit-leak-free once pino pino-std-serializers
  process-warning prom-client quick-format-unescaped ret reusify rfdc safe-regex2 safe-stable-stringify secure-json-parse
  sonic-boom toad-cache wrappy yaml`;

/** These are in the dashboard, which a browser reads and the process does not. */
const PACKAGES_OF_PAGE = ['uplot'];

/** What a start reads, in bytes; raised on purpose only. */
const MAX_PROXY_BYTES = 1_200_000;

describe('the bundle', () => {
  const own = mkdtempSync(path.join(tmpdir(), 'outrigger-bundle-'));
  const dist = path.join(own, 'dist');
  const main = path.join(dist, 'main.js');
  after(() => rmSync(own, { recursive: true, force: true }));
  before(async () => {
    await run(process.execPath, [path.join(projectRoot, 'build/bundle.js'), dist]);
    copyFileSync(path.join(projectRoot, 'package.json'), path.join(own, 'package.json'));
  });

  /** What a command writes, and its exit code. */
  async function outrigger(...args: string[]): Promise<{ stdout: string; stderr: string; code: number }> {
    try {
      return { ...(await run(process.execPath, [main, ...args])), code: 0 };
    } catch (error) {
      return error as { stdout: string; stderr: string; code: number };
    }
  }

  it('loads what each command needs', async () => {
    // The demo would start its upstream, and the library has packages of its own.
    const others = ['main.js', 'demo.js', 'index.js'];
    const files = readdirSync(dist).filter((name) => name.endsWith('.js') && !others.includes(name));
    for (const name of files) await import(path.join(dist, name));
    assert.ok(files.some((name) => name.startsWith('simulate')));
  });

  it('passes calls on: plain, with bodies, to TLS that would rather speak HTTP/2, and WebSockets', async (t) => {
    const plain = await startUpstream((response, { method, body }) => response.end(`${method} ${body.toString()}`));
    t.after(() => plain.close());
    const certificate = selfSigned('IP:127.0.0.1');
    const secure = createSecureServer({ ...certificate, allowHTTP1: true }, ({ httpVersion }, response) => {
      response.end(`over ${httpVersion}`);
    }).listen(0, '127.0.0.1');
    await once(secure, 'listening');
    t.after(() => secure.close());
    const echo = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    await once(echo, 'listening');
    echo.on('connection', (socket) => socket.on('message', (data: Buffer) => socket.send(data.toString())));
    t.after(() => echo.close());
    const port = (server: { address(): unknown }) => (server.address() as AddressInfo).port;
    const ca = path.join(folder(), 'ca.pem');
    writeFileSync(ca, certificate.cert);

    const { url, child } = await startProxy(
      t,
      `upstreams:
  plain: { url: "${plain.origin}" }
  secure: { url: "https://127.0.0.1:${port(secure)}", tls: { ca: "${ca}" } }
  echo: { url: "http://127.0.0.1:${port(echo)}" }
routes:
  - { name: secure, match: { path: /secure }, upstream: secure }
  - { name: echo, match: { path: /echo }, upstream: echo }
  - { name: plain, match: {}, upstream: plain }
`,
      { main },
    );
    assert.equal(await (await fetch(url)).text(), 'GET ');
    assert.equal(await (await fetch(url, { method: 'POST', body: 'x' })).text(), 'POST x');
    assert.equal(await (await fetch(`${url}/secure`)).text(), 'over 1.1');
    const socket = new WebSocket(`${url.replace('http', 'ws')}/echo`);
    socket.on('open', () => socket.send('hello'));
    const [said] = (await once(socket, 'message')) as [Buffer];
    assert.equal(said.toString(), 'hello');
    socket.close();
    await once(socket, 'close');
    child.kill('SIGTERM');
    assert.equal((await endOf(child)).code, 0);
  });

  it('answers the admin address, with metrics of the process', async (t) => {
    const upstream = await startUpstream();
    t.after(() => upstream.close());
    const { admin, url } = await startProxy(
      t,
      `upstreams: { a: { url: "${upstream.origin}" } }\nroutes: [{ name: a, match: {}, upstream: a }]\n`,
      { main },
    );
    await fetch(url);
    const metrics = await (await fetch(`${admin}/metrics`)).text();
    for (const name of ['outrigger_requests_total', 'process_cpu_seconds_total', 'nodejs_eventloop_lag_seconds']) {
      assert.ok(metrics.includes(`\n# TYPE ${name} `), name);
    }
    assert.equal((await fetch(`${admin}/api/routes`)).status, 200);
    assert.equal((await fetch(`${admin}/nowhere`)).status, 404);
    const page = await fetch(admin, { headers: { accept: 'text/html' } });
    assert.match(await page.text(), /^<!doctype html>/);
    const headers = { 'content-type': 'application/json' };
    const change = { method: 'PUT', headers, body: JSON.stringify({ enabled: false }) };
    assert.equal((await fetch(`${admin}/api/retries`, change)).status, 200);
    assert.equal((await outrigger('healthcheck', '--admin-listen', new URL(admin).host)).code, 0);
  });

  it('sends spans where it is asked to, by a file that it reads only then', async (t) => {
    const upstream = await startUpstream();
    t.after(() => upstream.close());
    const collector = await startCollector(t);
    const policy = (more: string) => `${more}
upstreams: { a: { url: "${upstream.origin}" } }
routes: [{ name: a, match: {}, upstream: a }]
`;
    const traced = await startProxy(t, policy(`tracing: { otlp: "${collector.url}", sample: 100% }`), { main });
    assert.equal((await fetch(traced.url)).status, 200);
    traced.child.kill('SIGTERM');
    assert.equal((await endOf(traced.child)).code, 0);
    assert.deepEqual(
      collector.spans.map(({ kind }) => kind),
      ['client', 'server'],
    );
    renameSync(path.join(dist, 'tracing.js'), path.join(dist, 'tracing.js.away'));
    t.after(() => renameSync(path.join(dist, 'tracing.js.away'), path.join(dist, 'tracing.js')));
    assert.equal((await fetch((await startProxy(t, policy(''), { main })).url)).status, 200);
  });

  it(
    'writes JSON on a terminal too, since what writes for people is not in it',
    { skip: skipWithoutScript },
    async (t) => {
      const written = await writtenOnTerminal(t, main);
      for (const line of written.trimEnd().split('\r\n')) assert.ok('msg' in (JSON.parse(line) as object), line);
    },
  );

  it('has all commands, and tells what is wrong', async () => {
    assert.match((await outrigger('--version')).stdout, /^outrigger \d+\.\d+\.\d+\n$/);
    const { stdout: schema } = await outrigger('schema');
    assert.equal(schema, readFileSync(path.join(projectRoot, 'config/outrigger.schema.json'), 'utf8'));
    const { stdout: testSchema } = await outrigger('schema', '--tests');
    assert.equal(testSchema, readFileSync(path.join(projectRoot, 'config/outrigger.test.schema.json'), 'utf8'));
    const tested = await outrigger('test', path.join(projectRoot, 'config/outrigger.test.yaml'));
    assert.deepEqual([tested.code, tested.stderr], [0, '']);
    const bad = policyFileOf('upstreams: { a: { url: "http://a", retrybudget: false } }\nroutes: []\n');
    const { code, stderr } = await outrigger('validate', bad);
    assert.equal(code, 2);
    assert.match(stderr, /upstreams\.a\.retrybudget: did you mean 'retryBudget'/);
    const explained = await outrigger('explain', path.join(projectRoot, 'config/outrigger.yaml'), 'GET', '/fallback/1');
    assert.deepEqual([explained.code, explained.stderr], [0, '']);
    assert.match(
      explained.stdout,
      /^GET \/fallback\/1, Host 127\.0\.0\.1:8080\n.*matches: upstream demo is asked for \/1\n/,
    );
    assert.equal((await outrigger('explain', bad, 'GET', '/')).code, 2);
    // Each part of the program has its own class of this error.
    const unknown = await outrigger('run', '--zebra');
    assert.deepEqual([unknown.code, unknown.stderr], [2, 'outrigger: unknown flag --zebra\n']);
    assert.match((await outrigger('run', '--config', bad)).stderr, /did you mean/);
  });

  it('holds the packages that a start needs, and no others', () => {
    const licences = readFileSync(path.join(dist, 'licences.txt'), 'utf8');
    const held = [...licences.matchAll(/^(\S+) \d+\.\d+\.\d+\S* \(.+\)$/gm)].map(([, name]) => name);
    const expected = [...PACKAGES.trim().split(/\s+/), ...PACKAGES_OF_PAGE];
    assert.deepEqual(held.sort(), expected.sort());
    assert.ok(readFileSync(path.join(dist, 'proxy.js')).length <= MAX_PROXY_BYTES);
  });

  it('is in letters that V8 keeps in one byte each, with maps to src', () => {
    const files = readdirSync(dist, { recursive: true, encoding: 'utf8' });
    for (const file of files.filter((each) => each.endsWith('.js') && each !== 'index.js')) {
      assert.match(readFileSync(path.join(dist, file), 'latin1'), /^[\x00-\x7f]*$/, file);
    }
    const { sources } = JSON.parse(readFileSync(path.join(dist, 'proxy.js.map'), 'utf8')) as { sources: string[] };
    const named = sources.map((source) => path.resolve(dist, source));
    assert.ok(named.includes(path.join(projectRoot, 'src/edge/forward.ts')));
  });
});
