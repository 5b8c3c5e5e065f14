/** /api/openapi.json: that it is well-formed, says all that there is, and that real answers are as it says. */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020, type AnySchema, type ValidateFunction } from 'ajv/dist/2020.js';
import type { TObject } from '@sinclair/typebox';
import fc from 'fast-check';
import { checked } from '../../../src/admin/body.js';
import { ENDPOINTS } from '../../../src/admin/endpoints.js';
import { openApi } from '../../../src/admin/openapi.js';
import { CircuitChange, LogChange, RetriesChange } from '../../../src/admin/shapes.js';
import { startUpstream } from '../../support/http-upstream.js';
import { startApp, until } from '../../support/running-app.js';

interface Response {
  readonly content?: Readonly<Record<string, { readonly schema: object }>>;
}

interface Operation {
  readonly operationId: string;
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: object }>> };
  readonly responses: Readonly<Record<string, Response>>;
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

const document = JSON.parse(JSON.stringify(openApi('1.2.3'))) as Document;

/** Checks against a schema of the document; what the document does not name is refused too. */
function validator(schema: object, open = false): ValidateFunction {
  const formats = { 'date-time': /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, uri: /^urn:outrigger:problem:[a-z-]+$/ };
  const ajv = new Ajv2020({ strict: false, allErrors: true, formats });
  const closed = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(closed);
    if (typeof value !== 'object' || value === null) return value;
    const copy = Object.fromEntries(Object.entries(value).map(([key, of]) => [key, closed(of)]));
    return 'properties' in copy && !open ? { additionalProperties: false, ...copy } : copy;
  };
  return ajv.compile(closed({ ...schema, components: document.components }) as AnySchema);
}

const POLICY = (origin: string) => `
upstreams:
  up: { url: ${origin}, circuitBreaker: { minimumCalls: 1, failureRate: 1% } }
  bare: { url: ${origin}, circuitBreaker: false, concurrency: false, retryBudget: false }
routes:
  - { name: all, match: {}, upstream: up, retry: { backoff: { base: 1ms } }, fallback: { steps: [{ response: {} }] } }
`;

async function start(t: TestContext, admin = '') {
  const upstream = await startUpstream((response) => response.writeHead(503).end());
  t.after(() => upstream.close());
  const app = await startApp(t, POLICY(upstream.origin), { admin });
  await (await fetch(app.url)).text();
  return app;
}

test('the document is well-formed OpenAPI 3.1', async () => {
  const { valid, errors } = await new Validator().validate({ ...structuredClone(document) });
  assert(valid, JSON.stringify(errors));
});

test('the document is served as it is, with our version', async (t) => {
  const app = await start(t);
  const served = (await (await fetch(`${app.admin}/api/openapi.json`)).json()) as { info: { version: string } };
  assert.equal(served.info.version, '0.0.0');
  assert.deepEqual({ ...served, info: 0 }, { ...document, info: 0 });
});

test('the document says all that there is, and nothing else', () => {
  const others = ['/', '/metrics', '/healthz', '/readyz', '/api/events', '/api/openapi.json'];
  const there = Object.entries(ENDPOINTS).flatMap(([path, actions]) =>
    Object.keys(actions).map((method) => `${method.toLowerCase()} ${path}`),
  );
  const said = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method} ${path}`),
  );
  assert.deepEqual(said.sort(), [...there, ...others.map((path) => `get ${path}`)].sort());
});

describe('real answers are as the document says', () => {
  /** method, path, what is sent, what is said in headers, expected status */
  const CASES: readonly (readonly [string, string, unknown?, Readonly<Record<string, string>>?, number?])[] = [
    ['get', '/'],
    ['get', '/', undefined, { accept: 'text/html' }],
    ['get', '/metrics'],
    ['get', '/healthz'],
    ['get', '/readyz'],
    ['get', '/api/routes'],
    ['get', '/api/history'],
    ['get', '/api/history?route=all'],
    ['get', '/api/history?route=nobody', undefined, {}, 422],
    ['get', '/api/upstreams'],
    ['get', '/api/circuits'],
    ['get', '/api/config'],
    ['get', '/api/openapi.json'],
    ['get', '/api/config', undefined, { origin: 'http://evil.test' }, 403],
    ['get', '/api/events?history=x', undefined, {}, 422],
    ['put', '/api/circuits/up', { state: 'forced-open', ttl: '1m' }],
    ['put', '/api/circuits/up', { state: 'open' }, {}, 422],
    ['put', '/api/circuits/up', undefined, { 'content-type': 'text/plain' }, 422],
    ['put', '/api/circuits/up', '{', {}, 400],
    ['put', '/api/circuits/up', ' '.repeat(20_000), {}, 413],
    ['put', '/api/circuits/nobody', { state: 'forced-open' }, {}, 404],
    ['put', '/api/circuits/bare', { state: 'forced-open' }, {}, 409],
    ['put', '/api/circuits/up', { state: 'forced-open' }, { origin: 'null' }, 403],
    ['put', '/api/circuits/up', 'state=forced-open', { 'content-type': 'text/plain' }, 415],
    ['delete', '/api/circuits/up'],
    ['put', '/api/retries', { enabled: false, ttl: '1m' }],
    ['put', '/api/retries', { enabled: 'no' }, {}, 422],
    ['put', '/api/log', { level: 'silent', ttl: '1m' }],
    ['put', '/api/log', { level: 'loud' }, {}, 422],
    ['post', '/-/reload'],
    ['post', '/-/reload', { file: 'x' }, {}, 422],
    ['post', '/-/quit', undefined, {}, 202],
    ['post', '/-/quit', {}, {}, 202],
  ];

  for (const [method, target, sent, headers = {}, expected = 200] of CASES) {
    test(`${method} ${target} ${typeof sent === 'string' ? sent.slice(0, 20) : JSON.stringify(sent)}: ${expected}`, async (t) => {
      const app = await start(t);
      const body = sent === undefined || typeof sent === 'string' ? sent : JSON.stringify(sent);
      const type: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' };
      const response = await fetch(app.admin + target, {
        method: method.toUpperCase(),
        headers: { ...type, ...headers },
        ...(body === undefined ? {} : { body }),
      });
      const text = await response.text();
      assert.equal(response.status, expected, text);
      const path = target.replace(/\?.*$/, '').replace(/circuits\/.*/, 'circuits/{upstream}');
      const content = document.paths[path]?.[method]?.responses[String(expected)]?.content;
      const media = response.headers.get('content-type')?.split(';')[0] ?? '';
      const schema = content?.[media]?.schema;
      assert(schema !== undefined, `${media} is not said to be an answer`);
      const check = validator(schema);
      assert(check(media.endsWith('json') ? JSON.parse(text) : text), JSON.stringify(check.errors));
    });
  }

  test('401 where there is a token', async (t) => {
    const app = await start(t, 'token: hunter2');
    const response = await fetch(`${app.admin}/-/quit`, { method: 'POST' });
    assert.equal(response.status, 401);
    const check = validator(
      document.paths['/-/quit']!.post!.responses['401']!.content!['application/problem+json']!.schema,
    );
    assert(check(await response.json()), JSON.stringify(check.errors));
  });

  test('events of each kind that a failing upstream brings', async (t) => {
    const app = await start(t);
    await fetch(`${app.admin}/api/circuits/up`, { method: 'DELETE' });
    const controller = new AbortController();
    const stream = await fetch(`${app.admin}/api/events?history=100`, { signal: controller.signal });
    let said = '';
    const reading = (async () => {
      for await (const chunk of stream.body!) said += Buffer.from(chunk).toString();
    })().catch(() => undefined);
    await until(
      () => ['retry', 'fallback', 'circuit', 'change'].every((kind) => said.includes(`event: ${kind}\n`)),
      'all',
    );
    controller.abort();
    await reading;
    const check = validator(document.components.schemas.Event!, true);
    const events = [...said.matchAll(/^data: (.*)$/gm)].map((match) => JSON.parse(match[1]!) as unknown);
    for (const event of events) assert(check(event), JSON.stringify([event, check.errors]));
  });
});

describe('a body is taken exactly if the document says that it is right', () => {
  const ttl = fc.oneof(fc.constantFrom('5m', '1h30m', '0s', '0.5s', '5', '', '-1s', '10 m', '1ms'), fc.anything());
  const cases: readonly [string, TObject, Record<string, fc.Arbitrary<unknown>>][] = [
    [
      'CircuitChange',
      CircuitChange,
      { state: fc.constantFrom('forced-open', 'forced-closed', 'open', 1), ttl, key: fc.anything() },
    ],
    ['RetriesChange', RetriesChange, { enabled: fc.oneof(fc.boolean(), fc.anything()), ttl, route: fc.anything() }],
    ['LogChange', LogChange, { level: fc.constantFrom('debug', 'silent', 'loud', null), ttl }],
  ];
  for (const [name, schema, fields] of cases) {
    test(name, () => {
      const check = validator(document.components.schemas[name]!);
      const body = fc.oneof(fc.record({ ...fields, other: fc.anything() }, { requiredKeys: [] }), fc.anything());
      fc.assert(
        fc.property(body, (value) => {
          // As it comes over the wire.
          const text = JSON.stringify(value) as string | undefined;
          fc.pre(text !== undefined);
          const sent: unknown = JSON.parse(text);
          let taken = true;
          try {
            checked(schema, sent);
          } catch {
            taken = false;
          }
          assert.equal(taken, check(sent), text);
        }),
        { numRuns: 300 },
      );
    });
  }
});
