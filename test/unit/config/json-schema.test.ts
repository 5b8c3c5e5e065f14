import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { Ajv } from 'ajv';
import { parse } from 'yaml';
import { publishedSchema } from '../../../src/config/json-schema.js';
import { normalise } from '../../../src/config/normalise.js';
import { type ConfigNode, builtIn } from '../../../src/config/nodes.js';
import { ConfigFileSchema } from '../../../src/config/schema.js';
import { propertySchema, schemaFor, type SchemaNode } from '../../../src/config/schema-node.js';
import { pathText, type PathStep } from '../../../src/config/nodes.js';
import { policyFile } from '../../support/policy-file.js';
import { projectRoot } from '../../support/project-root.js';

/** The policy file as it was fixed: every key with its default. */
const reference: unknown = parse(readFileSync(`${projectRoot}test/unit/config/fixtures/reference.yaml`, 'utf8'));

const check = new Ajv({ allErrors: true, allowUnionTypes: true }).compile(publishedSchema());

function problems(text: string): string[] {
  check(parse(text));
  return (check.errors ?? []).map(({ instancePath, keyword }) => `${instancePath} ${keyword}`);
}

describe('the published schema', () => {
  test('is the one that is committed; `outrigger schema > config/outrigger.schema.json` makes it', () => {
    const committed: unknown = JSON.parse(readFileSync(`${projectRoot}config/outrigger.schema.json`, 'utf8'));
    assert.deepEqual(committed, JSON.parse(JSON.stringify(publishedSchema())));
  });

  test('takes the reference and all examples', () => {
    check(reference);
    assert.deepEqual(check.errors, null);
    const examples = readdirSync(`${projectRoot}config/examples`).filter((name) => name.endsWith('.yaml'));
    assert.notEqual(examples.length, 0);
    for (const name of examples)
      assert.deepEqual(problems(readFileSync(`${projectRoot}config/examples/${name}`, 'utf8')), [], name);
  });

  test('takes a string that holds ${…} for any scalar', () => {
    const root =
      'listen: "${L}"\ndrainTimeout: ${D}\nlimits: { maxConnections: "${N:-5}" }\nlog: { level: "${LEVEL}" }';
    const route =
      'timeout: ${T}\npreserveHost: ${P}\nretry: { maxAttempts: "${N}", on: ["${CLASS}"] }\nfallback: ${F:-false}';
    const upstream =
      'circuitBreaker: { failureRate: "${R}" }\nconcurrency: { limit: "${L:-adaptive}" }\nretryBudget: ${B:-false}';
    assert.deepEqual(problems(policyFile({ root, route, upstream })), []);
  });

  test('refuses what the program refuses', () => {
    for (const parts of [
      { root: 'drainTimeout: 25' },
      { root: 'zebra: 1' },
      { route: 'retires: {}' },
      { route: 'retry: true' },
      { route: 'retry: { maxAttempts: three }' },
      { route: 'retry: { on: [600] }' },
      { route: 'fallback: { steps: [{}] }' },
      { upstream: 'connectTimeout: 5' },
      { upstream: 'circuitBreaker: { failureRate: "0.5" }' },
    ]) {
      assert.notDeepEqual(problems(policyFile(parts)), [], JSON.stringify(parts));
    }
    assert.deepEqual(problems('routes: []\n').sort(), [' required', '/routes minItems']);
    assert.deepEqual(problems(policyFile().replace('    match: {}\n', '')), ['/routes/0 required']);
  });

  test('requires nothing that defaults may give', () => {
    const root = 'defaults: { upstream: { healthCheck: { path: /h } } }';
    assert.deepEqual(problems(policyFile({ root, upstream: 'healthCheck: { interval: 1s }' })), []);
  });

  test('describes every property', () => {
    const bare: string[] = [];
    const visit = (schema: SchemaNode, path: string) => {
      for (const [key, property] of Object.entries(schema.properties ?? {})) {
        const isStep = ['stale', 'response'].includes(key);
        if (property.description === undefined && !isStep) bare.push(`${path}.${key}`);
        visit(property, `${path}.${key}`);
      }
      for (const part of [...(schema.anyOf ?? []), ...Object.values(schema.patternProperties ?? {})]) visit(part, path);
      if (schema.items !== undefined) visit(schema.items, path);
    };
    visit(ConfigFileSchema, '');
    assert.deepEqual(bare, []);
  });
});

/** What the reference shows that has no default: names, addresses, paths and the like. */
const WITHOUT_DEFAULT = new Set([
  'admin.token',
  'tracing.otlp',
  'defaults.route.retry.maxAttempts',
  'upstreams.payments.endpoints',
  'upstreams.payments.tls.ca',
  'upstreams.payments.tls.cert',
  'upstreams.payments.tls.key',
  'upstreams.payments.tls.serverName',
  // What the bucket holds is `requests` if left out.
  'upstreams.payments.rateLimit.burst',
  'upstreams.payments.healthCheck.path',
  'upstreams.payments-eu.url',
  'routes[0].name',
  'routes[0].match.host',
  'routes[0].match.path',
  'routes[0].match.methods',
  'routes[0].match.headers.x-tenant',
  'routes[0].upstream',
  'routes[0].rewrite.stripPrefix',
  'routes[0].rewrite.addPrefix',
  'routes[0].rateLimit.burst',
  'routes[0].fallback.steps[1].upstream',
  'routes[0].fallback.steps[2].response.body',
  'routes[0].faults[0].percent',
  'routes[0].faults[0].delay',
  'routes[0].faults[1].percent',
  'routes[0].faults[1].status',
  'routes[0].faults[2].percent',
  'routes[0].faults[2].abort',
]);

/** Header edits, which default to none. */
const EDITS = new Set([
  'routes[0].requestHeaders.set',
  'routes[0].requestHeaders.remove',
  'routes[0].responseHeaders.remove',
]);

describe('the reference', () => {
  const shown: { path: string; value: unknown; default: unknown }[] = [];

  const plain = (node: ConfigNode): unknown => {
    if (node.kind === 'scalar') return node.value;
    if (node.kind === 'list') return node.items.map(plain);
    return Object.fromEntries(node.entries.map((entry) => [entry.key, plain(entry.value)]));
  };

  const visit = (node: ConfigNode, schema: SchemaNode, path: readonly PathStep[]) => {
    // A policy that is off by default has defaults inside.
    const inside = schema.default === false && node.kind !== 'scalar';
    if (schema.default !== undefined && !inside) {
      shown.push({ path: pathText(path), value: plain(node), default: schema.default });
      return;
    }
    const own = schemaFor(schema, node) ?? assert.fail(`no schema for ${pathText(path)}`);
    const items = own.items;
    if (node.kind === 'map') {
      for (const { key, value } of node.entries) {
        const property = propertySchema(own, key) ?? assert.fail(`${pathText([...path, key])} is not in the schema`);
        visit(value, property, [...path, key]);
      }
    } else if (node.kind === 'list' && items?.anyOf !== undefined) {
      node.items.forEach((item, index) => {
        visit(item, items, [...path, index]);
      });
    } else if (node.kind === 'list' && items?.properties !== undefined) {
      node.items.forEach((item, index) => {
        visit(item, items, [...path, index]);
      });
    } else {
      shown.push({ path: pathText(path), value: plain(node), default: undefined });
    }
  };
  visit(normalise(builtIn(reference), ConfigFileSchema), ConfigFileSchema, []);

  test('shows for each key the default that the schema has', () => {
    assert.ok(shown.length > 80, `only ${shown.length} keys seen`);
    for (const { path, value, default: byDefault } of shown) {
      if (EDITS.has(path)) assert.deepEqual(byDefault, path.endsWith('set') ? {} : [], path);
      else if (byDefault !== undefined) assert.deepEqual(byDefault, value, path);
    }
  });

  test('names all that has no default', () => {
    const without = shown.filter((one) => one.default === undefined).map((one) => one.path);
    const expected = [...WITHOUT_DEFAULT].filter((path) => path !== 'defaults.route.retry.maxAttempts');
    assert.deepEqual(new Set(without), new Set(expected));
  });
});
