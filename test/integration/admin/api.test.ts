/** The admin API on the whole proxy: what it shows, what it changes, and what becomes of calls then. */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { MAX_BODY_BYTES } from '../../../src/admin/body.js';
import { startUpstream } from '../../support/http-upstream.js';
import { startApp, until, type RunningApp, type RunOptions } from '../../support/running-app.js';

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

type Init = Omit<RequestInit, 'body'> & { readonly json?: unknown; readonly text?: string };

/** Asks the admin address; a body is JSON unless it is text. */
async function ask(app: RunningApp, target: string, { json, text, ...init }: Init = {}): Promise<Answer> {
  const body = json === undefined ? text : JSON.stringify(json);
  const type: Record<string, string> = json === undefined ? {} : { 'content-type': 'application/json' };
  const headers = { ...type, ...(init.headers as Record<string, string> | undefined) };
  const response = await fetch(`${app.admin}${target}`, { ...init, headers, ...(body === undefined ? {} : { body }) });
  const said = await response.text();
  return { status: response.status, headers: response.headers, body: said === '' ? undefined : JSON.parse(said) };
}

const put = (app: RunningApp, target: string, json: unknown, headers: Record<string, string> = {}) =>
  ask(app, target, { method: 'PUT', json, headers });

const codeOf = ({ body }: Answer) => (body as { readonly code?: string }).code;

const POLICY = (origin: string) => `
defaults:
  route: { retry: { backoff: { base: 1ms } } }
upstreams:
  up: { url: ${origin}, circuitBreaker: { consecutiveFailures: 0 } }
  other: { url: ${origin}, circuitBreaker: false, concurrency: false, retryBudget: false }
routes:
  - { name: fails, match: { path: /fails }, upstream: up }
  - { name: rest, match: {}, upstream: up }
`;

/** A proxy before an upstream that answers 503 under /fails, and 200 else. */
async function start(t: TestContext, options: RunOptions = {}) {
  const upstream = await startUpstream((response, { url }) => response.writeHead(url === '/fails' ? 503 : 200).end());
  t.after(() => upstream.close());
  const app = await startApp(t, POLICY(upstream.origin), options);
  const call = async (path: string) => {
    const response = await fetch(app.url + path);
    await response.text();
    return response;
  };
  return { app, call, origin: upstream.origin };
}

describe('what the API shows', () => {
  test('routes with how they fared over the last minute', async (t) => {
    const { app, call } = await start(t);
    for (const path of ['/ok', '/ok', '/ok', '/fails']) await call(path);
    // A call is counted when its answer has gone out, which may be after it came in.
    await until(async () => {
      const { body } = await ask(app, '/api/routes');
      const [fails, rest] = body as Record<string, number>[];
      return fails!.failureRatio === 1 && fails!.retryRatio === 2 && rest!.requestsPerSecond! > 0.04;
    }, 'all are counted');
    const [, rest] = (await ask(app, '/api/routes')).body as Record<string, unknown>[];
    const { requestsPerSecond, p50Ms, p99Ms, ...exact } = rest!;
    assert.deepEqual(exact, {
      name: 'rest',
      upstream: 'up',
      retryRatio: 0,
      failureRatio: 0,
      fallbacks: { stale: 0, upstream: 0, response: 0 },
      retriesEnabled: true,
      retriesRemainingMs: null,
    });
    assert(Number(p50Ms) > 0 && Number(p50Ms) <= Number(p99Ms), 'half of the calls took no longer than nearly all');
    assert(Number(requestsPerSecond) <= 3, 'three calls are no more than three a second');
  });

  test('upstreams with their endpoints, places and budget', async (t) => {
    const { app, origin } = await start(t);
    const { status, headers, body } = await ask(app, '/api/upstreams');
    assert.deepEqual([status, headers.get('cache-control')], [200, 'no-store']);
    const places = { inFlight: 0, queued: 0, healthPanic: false };
    const endpoint = { url: origin, healthy: true, inFlight: 0 };
    assert.deepEqual(body, [
      {
        name: 'up',
        ...places,
        limit: 1024,
        retryBudget: { remaining: 10 },
        endpoints: [{ ...endpoint, circuit: 'closed' }],
      },
      { name: 'other', ...places, limit: null, retryBudget: null, endpoints: [{ ...endpoint, circuit: null }] },
    ]);
  });

  test('the configuration in force, without its secrets', async (t) => {
    const { app } = await start(t, { admin: 'token: hunter2' });
    const { status, body } = await ask(app, '/api/config');
    assert.equal(status, 200);
    assert.equal((body as { admin: { token: string } }).admin.token, '***');
    assert.doesNotMatch(JSON.stringify(body), /hunter2/);
  });

  test('with the headers of what is no page', async (t) => {
    const { app } = await start(t);
    const { headers } = await ask(app, '/api/config');
    assert.equal(headers.get('content-type'), 'application/json; charset=utf-8');
    assert.equal(headers.get('x-content-type-options'), 'nosniff');
    assert.equal(headers.get('cross-origin-resource-policy'), 'same-origin');
    assert.match(headers.get('content-security-policy')!, /default-src 'none'/);
    assert.equal(headers.get('access-control-allow-origin'), null);
  });
});

describe('circuits', () => {
  test('are forced open for a time, and reset', async (t) => {
    const { app, call, origin } = await start(t);
    const forced = await put(app, '/api/circuits/up', { state: 'forced-open', ttl: '5m' });
    assert.equal(forced.status, 200);
    const [circuit] = forced.body as Record<string, unknown>[];
    assert.deepEqual(
      [circuit!.upstream, circuit!.key, circuit!.state, circuit!.calls],
      ['up', origin, 'forced-open', 0],
    );
    assert(Number(circuit!.remainingMs) > 299_000 && Number(circuit!.remainingMs) <= 300_000);
    assert(Math.abs(Date.parse(String(circuit!.since)) - Date.now()) < 60_000);
    const refused = await fetch(`${app.url}/ok`);
    assert.deepEqual([refused.status, refused.headers.get('retry-after')], [503, '300']);
    assert.match(await refused.text(), /an operator asked for it/);
    assert.deepEqual(
      ((await ask(app, '/api/circuits')).body as { state: string }[]).map(({ state }) => state),
      ['forced-open'],
    );
    const reset = await ask(app, '/api/circuits/up', { method: 'DELETE' });
    assert.deepEqual([reset.status, (reset.body as { state: string }[])[0]?.state], [200, 'closed']);
    assert.equal((await call('/ok')).status, 200);
    assert.equal(await app.metric('admin_changes_total{change="circuits",result="done"}'), 2);
  });

  test('are forced by key', async (t) => {
    const { app, origin } = await start(t);
    const answer = await put(app, '/api/circuits/up', { state: 'forced-closed', key: origin });
    assert.deepEqual(
      (answer.body as { key: string; remainingMs: unknown }[]).map(({ key, remainingMs }) => [key, remainingMs]),
      [[origin, null]],
    );
    const reset = await ask(app, `/api/circuits/up?key=${encodeURIComponent(origin)}`, { method: 'DELETE' });
    assert.equal(reset.status, 200);
  });

  for (const [what, target, init, status, code] of [
    ['of an upstream that is not there', 'nobody', { json: { state: 'forced-open' } }, 404, 'unknown-upstream'],
    ['where there are none', 'other', { json: { state: 'forced-open' } }, 409, 'no-circuit-breaker'],
    ['into a state that is none', 'up', { json: { state: 'open' } }, 422, 'invalid'],
    ['without a state', 'up', { json: {} }, 422, 'invalid'],
    ['for a time without a unit', 'up', { json: { state: 'forced-open', ttl: 5 } }, 422, 'invalid'],
    ['for no time', 'up', { json: { state: 'forced-open', ttl: '0s' } }, 422, 'invalid'],
    ['for longer than a week', 'up', { json: { state: 'forced-open', ttl: '169h' } }, 422, 'invalid'],
    ['by a key that no call can have', 'up', { json: { state: 'forced-open', key: 'http://typo' } }, 422, 'invalid'],
    ['with a mistyped key', 'up', { json: { state: 'forced-open', kee: 'x' } }, 422, 'invalid'],
    ['with what is no object', 'up', { json: ['forced-open'] }, 422, 'invalid'],
    ['with null', 'up', { json: null }, 422, 'invalid'],
    ['without a body', 'up', {}, 422, 'invalid'],
    [
      'with what is no JSON',
      'up',
      { text: '{', headers: { 'content-type': 'application/json' } },
      400,
      'malformed-json',
    ],
    ['with text', 'up', { text: '{"state":"forced-open"}' }, 415, 'unsupported-media-type'],
    ['with a malformed name', '%zz', { json: { state: 'forced-open' } }, 400, 'bad-request'],
    [
      'with too much',
      'up',
      { text: ' '.repeat(MAX_BODY_BYTES + 1), headers: { 'content-type': 'application/json' } },
      413,
      'body-too-large',
    ],
  ] as const) {
    test(`are not forced ${what}: ${status} ${code}`, async (t) => {
      const { app, call } = await start(t);
      const answer = await ask(app, `/api/circuits/${target}`, { method: 'PUT', ...init });
      assert.deepEqual([answer.status, codeOf(answer)], [status, code]);
      assert.equal(answer.headers.get('content-type'), 'application/problem+json');
      assert.equal((await call('/ok')).status, 200);
    });
  }

  test('are not reset when the key is given where it is not looked for', async (t) => {
    const { app, call } = await start(t);
    await put(app, '/api/circuits/up', { state: 'forced-open' });
    for (const [query, init] of [
      ['?kee=x', {}],
      ['?key=x', {}],
      ['', { json: { key: 'x' } }],
    ] as const) {
      assert.equal((await ask(app, `/api/circuits/up${query}`, { method: 'DELETE', ...init })).status, 422);
    }
    assert.equal((await call('/ok')).status, 503);
  });
});

describe('retries', () => {
  test('are switched off for one route, for a time, and on again', async (t) => {
    const { app, call } = await start(t);
    const attempts = async () => (await call('/fails')).headers.get('x-outrigger-attempts');
    assert.equal(await attempts(), '3');
    const off = await put(app, '/api/retries', { enabled: false, route: 'fails', ttl: '10m' });
    const [route] = off.body as { route: string; enabled: boolean; remainingMs: number }[];
    assert.deepEqual([off.status, route?.route, route?.enabled], [200, 'fails', false]);
    assert(route!.remainingMs > 599_000);
    assert.equal(await attempts(), '1');
    const suppressed = 'retries_suppressed_total{route="fails",upstream="up",reason="switched-off"}';
    assert.equal(await app.metric(suppressed), 1);
    assert.equal(await app.metric('retries_enabled{route="fails"}'), 0);
    assert.equal(await app.metric('retries_enabled{route="rest"}'), 1);
    const on = await put(app, '/api/retries', { enabled: true });
    assert.deepEqual(on.body, [
      { route: 'fails', enabled: true, remainingMs: null },
      { route: 'rest', enabled: true, remainingMs: null },
    ]);
    assert.equal(await attempts(), '3');
  });

  test('come back by themselves when the time is over', async (t) => {
    const { app, call } = await start(t, { logLevel: 'warn' });
    await put(app, '/api/retries', { enabled: false, ttl: '50ms' });
    await until(async () => (await call('/fails')).headers.get('x-outrigger-attempts') === '3', 'retries are on again');
    const changes = () => app.logged().filter(({ msg }) => msg === 'admin change');
    await until(() => changes().length === 3, 'the other route, whose timer is another one, has them too');
    assert.deepEqual(
      changes().map(({ change, by, route, to }) => [change, by, route, to]),
      [
        ['retries', '127.0.0.1', undefined, 'off'],
        ['retries', 'ttl', 'fails', 'on'],
        ['retries', 'ttl', 'rest', 'on'],
      ],
    );
  });

  test('are not switched for a route that is not there', async (t) => {
    const { app } = await start(t);
    const answer = await put(app, '/api/retries', { enabled: false, route: 'typo' });
    assert.deepEqual(answer.body, {
      type: 'urn:outrigger:problem:invalid',
      title: 'Unprocessable Content',
      status: 422,
      detail: 'route: no route is named "typo"',
      code: 'invalid',
      errors: [{ path: 'route', message: 'no route is named "typo"' }],
    });
  });
});

describe('the log level', () => {
  test('is set, and lines of it are written', async (t) => {
    const { app, call } = await start(t, { logLevel: 'error' });
    const answer = await put(app, '/api/log', { level: 'debug', ttl: '10m' });
    assert.equal((answer.body as { level: string }).level, 'debug');
    await call('/fails');
    await until(() => app.logged().some(({ level }) => level === 'debug'), 'a line at debug');
    const change = app.logged().find(({ msg }) => msg === 'admin change');
    assert.deepEqual(
      [change?.change, change?.by, change?.from, change?.to, change?.forMs],
      ['log', '127.0.0.1', 'error', 'debug', 600_000],
    );
  });
});

describe('the process', () => {
  test('is asked to end, and says so before it does', async (t) => {
    const { app } = await start(t, { logLevel: 'warn' });
    const answer = await ask(app, '/-/quit', { method: 'POST' });
    assert.deepEqual([answer.status, answer.body, app.quits()], [202, { draining: true }, 1]);
    assert.equal(app.logged().at(-1)?.change, 'quit');
  });

  test('reads its policy file again', async (t) => {
    const { app } = await start(t);
    const answer = await ask(app, '/-/reload', { method: 'POST' });
    assert.equal(answer.status, 200);
    assert.equal(await app.metric('admin_changes_total{change="reload",result="done"}'), 1);
  });
});

describe('who may', () => {
  test('with a token: whoever bears it; a wrong one is logged with the peer, and counted', async (t) => {
    const { app, call } = await start(t, { admin: 'token: hunter2', logLevel: 'warn' });
    const change = { state: 'forced-open' };
    for (const headers of [{}, { authorization: 'Bearer hunter' }] as Record<string, string>[]) {
      const refused = await put(app, '/api/circuits/up', change, headers);
      assert.deepEqual([refused.status, codeOf(refused)], [401, 'unauthorized']);
      assert.match(refused.headers.get('www-authenticate')!, /^Bearer /);
    }
    assert.equal((await call('/ok')).status, 200);
    assert.equal(await app.metric('admin_changes_total{change="circuits",result="denied"}'), 2);
    assert.equal((await put(app, '/api/circuits/up', change, { authorization: 'Bearer hunter2' })).status, 200);
    assert.equal((await call('/ok')).status, 503);
    const [first] = app.logged().filter(({ msg }) => msg === 'admin change refused');
    assert.deepEqual(
      [first?.change, first?.by, first?.status, first?.code],
      ['circuits', '127.0.0.1', 401, 'unauthorized'],
    );
    assert.doesNotMatch(JSON.stringify(app.logged()), /hunter/);
  });

  test('a page of another site can not, nor one whose name was pointed at us', async (t) => {
    const { app } = await start(t, { admin: 'hosts: [ops.internal]' });
    for (const [headers, status, code] of [
      [{ origin: 'http://evil.test' }, 403, 'cross-origin'],
      [{ origin: 'null' }, 403, 'cross-origin'],
      [{ 'sec-fetch-site': 'same-site' }, 403, 'cross-origin'],
    ] as const) {
      const answer = await ask(app, '/-/quit', { method: 'POST', headers });
      assert.deepEqual([answer.status, codeOf(answer)], [status, code]);
    }
    assert.equal(app.quits(), 0);
    assert.equal((await ask(app, '/-/quit', { method: 'POST', headers: { origin: app.admin } })).status, 202);
  });

  test('nobody is answered a preflight', async (t) => {
    const { app } = await start(t);
    const headers = { origin: 'http://evil.test', 'access-control-request-method': 'PUT' };
    const answer = await ask(app, '/api/retries', { method: 'OPTIONS', headers });
    assert.equal(answer.status, 403);
    assert.deepEqual(
      [...answer.headers.keys()].filter((name) => name.startsWith('access-control')),
      [],
    );
    const own = await ask(app, '/api/retries', { method: 'OPTIONS' });
    assert.deepEqual([own.status, own.headers.get('allow')], [405, 'PUT']);
  });
});
