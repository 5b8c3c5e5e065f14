import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { runCommandLine } from '../../../src/cli/commands.js';
import type { ResolvedRoute } from '../../../src/config/config.js';
import { loadConfig } from '../../../src/config/load.js';
import { pathText } from '../../../src/config/nodes.js';
import { redactedConfig } from '../../../src/config/redact.js';
import { createRouter } from '../../../src/routing/router.js';
import { blocksOf } from '../../support/markdown.js';
import { policyFile } from '../../support/policy-file.js';
import { projectRoot } from '../../support/project-root.js';

// Lines are broken by what stands in them, which is the file's name as it was given.
const folder = mkdtempSync(join(tmpdir(), 'outrigger-'));
process.chdir(folder);
after(() => {
  process.chdir(projectRoot);
  rmSync(folder, { recursive: true });
});

const file = 'policy.yaml';

interface Terminal {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly env?: Readonly<Record<string, string>>;
}

async function explain(args: readonly string[], { env = {}, ...terminal }: Terminal = {}) {
  const written = { stdout: '', stderr: '' };
  const code = await runCommandLine(['explain', ...args], {
    stdout: { ...terminal, write: (text) => (written.stdout += text) },
    stderr: { write: (text) => (written.stderr += text) },
    env,
  });
  return { code, ...written };
}

/** Of a file with this text. */
function explainText(text: string, args: readonly string[], terminal?: Terminal) {
  writeFileSync(file, text);
  return explain([file, ...args], terminal);
}

interface Shape {
  readonly considered: readonly { readonly route: string; readonly matches: boolean }[];
  readonly route: {
    readonly name: string;
    readonly refused: string | null;
    readonly warnings: readonly { readonly path: string }[];
    readonly otherWarnings: number;
    readonly values: readonly {
      readonly of: string;
      readonly name: string;
      readonly path: string;
      readonly value: unknown;
      readonly from: string;
      readonly line?: number;
    }[];
  } | null;
}

describe('docs/explain.md', () => {
  const document = 'docs/explain.md';
  const policy = () => blocksOf(document, 'yaml')[0]?.text ?? assert.fail('no policy');

  test('prints what the command prints, and so does the README', async () => {
    const { code, stdout } = await explainText(policy(), ['GET', '/payments/42']);
    assert.equal(code, 0);
    assert.equal(stdout, blocksOf(document, 'text')[0]?.text);
    const shown = blocksOf('README.md', 'text').find(({ text }) => text.startsWith('$ outrigger explain'));
    const lines = shown?.text.split('\n').slice(1, -2) ?? [];
    assert.ok(lines.length > 10 && stdout.startsWith(lines.join('\n')), 'the README shows the beginning');
  });

  test('shows the JSON as it is, but for most of the values', async () => {
    const { stdout } = await explainText(policy(), ['GET', '/payments/42', '--json']);
    const shown = JSON.parse(blocksOf(document, 'json')[0]?.text ?? '') as Shape;
    const found = JSON.parse(stdout) as Shape;
    const values = found.route?.values.filter((value) => {
      return shown.route?.values.some(({ path, of }) => path === value.path && of === value.of);
    });
    const expected = { ...found, file: 'policy.yaml', route: { ...found.route, values } };
    assert.deepEqual(shown, expected);
    assert.equal(values?.length, 2);
  });
});

describe('outrigger explain', () => {
  test('says which route would have matched and why it did not, and ends with 1', async () => {
    const text = policyFile().replace(
      'match: {}',
      'match: { host: "*.shop", path: /x/*, methods: [GET, PUT], headers: { x-tenant: acme, x-api-key: s3cret } }',
    );
    const { code, stdout } = await explainText(text, ['POST', 'http://a.test/y', '-H', 'X-Tenant: umbrella']);
    assert.equal(code, 1);
    assert.equal(
      stdout,
      `POST /y, Host a.test
  ✗  r  policy.yaml:5  host is a.test, not *.shop; path is /y, not /x/*; method is POST, not GET or PUT; header x-tenant
                       is umbrella, not acme; header x-api-key is not there, not ***
  no route matches: the app gets 404 no-route
`,
    );
    const matching = ['PUT', 'http://a.shop:80/x/1?q=1', '-H', 'x-tenant: acme', '--header=x-api-key: s3cret'];
    assert.equal((await explainText(text, matching)).code, 0);
  });

  test('says what is not retried for a POST, and that it is with a key', async () => {
    const plain = await explainText(policyFile(), ['POST', '/']);
    assert.match(
      plain.stdout,
      /\n {2}retried {6}after connect-failure\n {2}not retried {2}after reset, timeout, 429, 502/,
    );
    assert.match(plain.stdout, /: POST is not in retry\.methods, and the request bears no\s+idempotency-key\n/);
    const keyed = await explainText(policyFile(), ['POST', '/', '-H', 'Idempotency-Key: 1']);
    assert.match(keyed.stdout, /\n {2}retried {2}after connect-failure, reset, timeout, 429, 502, 503, 504\n\n/);
  });

  test('says what the fallback does, step by step', async () => {
    const route = 'fallback: { steps: [{ stale: {} }, { response: { status: 404 } }] }';
    const { stdout } = await explainText(policyFile({ route }), ['GET', '/']);
    assert.match(stdout, /\n {2}fallback {2}the last good answer \(stale\), then a response of 404\n/);
  });

  for (const [args, route, says] of [
    [
      ['GET', '/', '-H', 'x-retry-attempt: 1'],
      'hedge: {}',
      /not retried .*: x-retry-attempt says[^]*no hedge .*x-retry/,
    ],
    [
      ['PUT', '/', '-H', 'content-length: 70000'],
      'hedge: { methods: [PUT] }',
      /maxBodySize \(64KiB\)[^]*no hedge .*too large/,
    ],
    [
      ['GET', '/'],
      'retry: false\nhedge: { methods: [HEAD] }',
      /not retried +retry is false\n.*no hedge +GET is not in hedge/,
    ],
    [
      ['GET', '/'],
      'retry: { mode: shadow }\nhedge: {}',
      /not retried +retry\.mode is shadow[^]*no hedge +retry\.mode is shadow/,
    ],
    [['GET', '/'], 'retry: { on: [] }', /not retried +retry\.on is empty/],
    [['GET', '/'], 'retry: { maxAttempts: 1 }', /not retried .*: retry\.maxAttempts is 1/],
    [['GET', '/', '-H', 'upgrade: websocket'], 'hedge: {}', /not retried +a WebSocket[^]*no hedge +a WebSocket/],
  ] as const) {
    test(`${args.join(' ')} with ${route.replaceAll('\n', ', ')}: ${String(says)}`, async () => {
      assert.match((await explainText(policyFile({ route }), args)).stdout, says);
    });
  }

  for (const [route, says] of [
    ['timeout: 1m', 'timeout +60s +is enough for all of it: 27.3s'],
    ['timeout: 20s', 'timeout +20s +cuts it off: without it 27.3s'],
    ['attemptTimeout: false', 'first attempt +no bound[^]*timeout +30s +cuts it off: nothing else bounds it'],
    ['timeout: false', 'timeout +off\n'],
    ['attemptTimeout: false\ntimeout: false', 'timeout +off\n +in all +no bound'],
    ['attemptTimeout: 1s\ntimeout: 5s', 'timeout +5s +leaves time for 1 of 2 retries, without it 15s'],
  ] as const) {
    test(`says what the timeout does: ${says.replaceAll('\n', ' ')}`, async () => {
      const backoff = route.includes('5s') ? ', backoff: { strategy: sequence, delays: [2s, 10s], jitter: none }' : '';
      const retry = `retry: { retryAfter: { honor: false }${backoff} }`;
      const { stdout } = await explainText(policyFile({ route: `${route}\n${retry}` }), ['GET', '/']);
      assert.match(stdout, new RegExp(says));
    });
  }

  test('refuses a path with dot segments as the proxy does', async () => {
    const { stdout, code } = await explainText(policyFile({ route: 'rewrite: { addPrefix: /v1 }' }), [
      'GET',
      '/a/../b',
    ]);
    assert.equal(code, 0);
    assert.match(stdout, /refused all the same, with 400 bad-request: the path has dot segments/);
  });

  test('shows warnings about the route and its upstreams, counts the others, and ends with 1 with --strict', async () => {
    const text = `${policyFile({ root: 'drainDelay: 30s', route: 'timeout: 20s' })}  - { name: s, match: {}, upstream: a }\n`;
    const { code, stdout } = await explainText(text, ['GET', '/']);
    assert.equal(code, 0);
    assert.match(
      stdout,
      /\n\nwarning: policy\.yaml:9:14: routes\[0\]\.timeout: route 'r': 3 attempts .*\n {2}9 \| {5}timeout/,
    );
    assert.match(stdout, /\n\n2 warnings are about other parts: outrigger validate policy\.yaml\n$/);
    assert.equal((await explainText(text, ['GET', '/', '--strict'])).code, 1);
    assert.equal((await explainText(policyFile(), ['GET', '/', '--strict'])).code, 0);
    const json = JSON.parse((await explainText(text, ['GET', '/', '--json'])).stdout) as Shape;
    assert.deepEqual(
      [json.route?.warnings.map(({ path }) => path), json.route?.otherWarnings],
      [['routes[0].timeout'], 2],
    );
  });

  test('a file with errors: 2, all of them on stderr, or as JSON', async () => {
    const { code, stdout, stderr } = await explainText(policyFile({ route: 'retires: {}' }), ['GET', '/']);
    assert.deepEqual([code, stdout], [2, '']);
    assert.match(stderr, /policy\.yaml:8:5: routes\[0\]\.retires: did you mean 'retry'\?/);
    const json = await explainText(policyFile({ route: 'retires: {}' }), ['GET', '/', '--json']);
    assert.equal(json.code, 2);
    assert.equal((JSON.parse(json.stdout) as { errors: unknown[] }).errors.length, 1);
  });

  for (const [args, message] of [
    [[], 'METHOD is missing: write FILE METHOD URL'],
    [['GET'], 'URL is missing: write FILE METHOD URL'],
    [['get', '/'], "'get' is no method: did you mean GET?"],
    [['FETCH', '/'], "'FETCH' is no method"],
    [['CONNECT', '/'], 'CONNECT is answered with 501: tunnels are not proxied'],
    [['GET', 'a.test/x'], "'a.test/x': the request target is neither a path nor an http URL"],
    [['GET', '/x#y'], "'/x#y': the request target has a fragment"],
    [['GET', '/', '-H', 'x-tenant=acme'], "'x-tenant=acme' is no header: write 'name: value'"],
    [['GET', '/', '-H', 'host: a b'], "'a b' is no host"],
    [['GET', '/', '-H'], "--header needs 'NAME: VALUE'"],
  ] as const) {
    test(`${args.join(' ')}: exit code 2, ${message}`, async () => {
      const { code, stdout, stderr } = await explainText(policyFile(), args);
      assert.deepEqual({ code, stdout, stderr }, { code: 2, stdout: '', stderr: `outrigger: ${message}\n` });
    });
  }

  test('is coloured on a terminal, as wide as it is, and nowhere else', async () => {
    const colour = '\u001B[';
    const has = async (terminal?: Terminal) =>
      (await explainText(policyFile(), ['GET', '/'], terminal)).stdout.includes(colour);
    assert.equal(await has({ isTTY: true }), true);
    assert.equal(await has({ isTTY: true, env: { NO_COLOR: '' } }), true);
    assert.equal(await has({ isTTY: true, env: { NO_COLOR: '1' } }), false);
    assert.equal(await has(), false);
    assert.equal(await has({ isTTY: false }), false);
    assert.equal((await explainText(policyFile(), ['GET', '/'], { isTTY: true, columns: 0 })).code, 0);
    const plain = { isTTY: true, columns: 80, env: { NO_COLOR: '1' } };
    const { stdout } = await explainText(policyFile(), ['GET', '/'], plain);
    const longest = Math.max(...stdout.split('\n').map((line) => line.length));
    assert.ok(longest <= 80, `${longest} letters`);
  });

  test('shows no secret: variables by their names, and values only where they can be none', async () => {
    const text = policyFile({
      upstream: 'connectTimeout: ${CONNECT}',
      route:
        'timeout: ${T:-40s}\nrequestHeaders: { set: { x-api-key: plain-s3cret, x-other: "${OTHER:-s3cret}" } }\n' +
        'retry: { methods: [GET, "${METHOD}"] }',
    });
    const env = { CONNECT: '2s', OTHER: 'env-s3cret', METHOD: 'PUT' };
    const { stdout } = await explainText(text, ['GET', '/'], { env });
    assert.match(stdout, / connectTimeout +2s \(from \$\{CONNECT\}\) +policy\.yaml:4 /);
    assert.match(stdout, / timeout +40s \(from \$\{T\}\) /);
    assert.match(stdout, / requestHeaders\.set\.x-api-key +\*\*\* /);
    assert.match(stdout, / requestHeaders\.set\.x-other +\*\*\* \(from \$\{OTHER\}\) /);
    assert.match(stdout, / retry\.methods +\[GET, PUT\] \(from \$\{METHOD\}\) /);
    assert.doesNotMatch(stdout, /s3cret/);
    assert.doesNotMatch((await explainText(text, ['GET', '/', '--json'], { env })).stdout, /s3cret/);
  });
});

const examples = [
  'config/outrigger.yaml',
  ...readdirSync(join(projectRoot, 'config/examples'))
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => `config/examples/${name}`),
];

/** A call that a route gets, as arguments. */
function callFor(route: ResolvedRoute, routes: readonly ResolvedRoute[]): string[] {
  const { match } = route;
  const { headers } = match;
  const host = match.host?.replace('*', 'x') ?? 'localhost';
  const path = (match.path ?? '/x').replace('/*', '/x');
  const router = createRouter(routes);
  const call = { host, path, header: (name: string) => headers[name] };
  const method = [...(match.methods ?? []), 'GET', 'DELETE'].find((one) => {
    return router.find({ ...call, method: one }) === route;
  });
  const lines = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
  return [method ?? assert.fail(`no call gets to ${route.name}`), `http://${host}${path}`, ...lines];
}

/** The paths of all values of a tree: scalars, lists of scalars, and what is empty. */
function leaves(value: unknown, path: readonly (string | number)[] = []): string[] {
  const entries: readonly (readonly [string | number, unknown])[] = Array.isArray(value)
    ? value.map((item, index) => [index, item])
    : Object.entries(value ?? {});
  const flat = typeof value !== 'object' || value === null || entries.length === 0;
  const plainList = Array.isArray(value) && value.every((item) => typeof item !== 'object');
  return flat || plainList ? [pathText(path)] : entries.flatMap(([key, item]) => leaves(item, [...path, key]));
}

describe('every route of every example is explained', () => {
  for (const name of examples) {
    test(name, async () => {
      const path = join(projectRoot, name);
      const config = loadConfig(path, { env: {} });
      const shown = redactedConfig(config) as { routes: unknown[]; upstreams: Record<string, unknown> };
      for (const [index, route] of config.routes.entries()) {
        const args = [path, ...callFor(route, config.routes)];
        const { code, stdout } = await explain([...args, '--json']);
        assert.equal(code, 0, `${route.name}: ${stdout}`);
        const found = JSON.parse(stdout) as Shape;
        assert.equal(found.considered.length, index + 1, 'and all before it are looked at');
        assert.deepEqual(
          found.considered.map(({ matches }) => matches),
          [...Array<boolean>(index).fill(false), true],
        );
        assert.equal(found.route?.name, route.name);
        assert.equal(found.route.refused, null);
        assert.deepEqual(found.route.warnings, []);
        const values = (of: string, of2 = of) =>
          found.route?.values.flatMap((one) => (one.of === of || one.of === of2 ? [one] : [])) ?? [];
        assert.deepEqual(
          values('route')
            .map((one) => one.path)
            .sort(),
          leaves(shown.routes[index]).sort(),
        );
        const own = values('upstream').map((one) => one.path);
        assert.deepEqual(own.sort(), leaves(shown.upstreams[route.upstream]).sort());
        for (const { from, line } of found.route.values) assert.equal(line === undefined, from === 'built-in');

        const text = await explain(args);
        assert.equal(text.code, 0);
        for (const one of values('route').filter(({ from }) => from !== 'built-in')) {
          assert.ok(text.stdout.includes(`\n  ${one.path} `), one.path);
        }
      }
    });
  }
});
