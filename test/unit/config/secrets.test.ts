/** What comes out of a variable is never shown, wherever it stands and whatever is wrong with it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { isAlias, isMap, isScalar, isSeq, parseDocument, type Document } from 'yaml';
import { ConfigError } from '../../../src/config/issues.js';
import { parseConfig } from '../../../src/config/load.js';
import { redactedConfig } from '../../../src/config/redact.js';
import { warnings } from '../../../src/config/warnings.js';
import { projectRoot } from '../../support/project-root.js';

const REFERENCE = readFileSync(`${projectRoot}test/unit/config/fixtures/reference.yaml`, 'utf8');
const CERTIFICATE = readFileSync(`${projectRoot}config/examples/tls/internal-ca.pem`);

/** Values that are wrong, or right, in one place or another. Each bears the word that must not be seen. */
const VALUES: readonly string[] = [
  'canary.internal',
  'canary.internal:80',
  '*.canary.internal:80',
  'unix:/canary',
  'http://canary',
  'http://user:canary@host/',
  'https://canary.internal/path?token=canary',
  '/canary/*',
  'GETcanary',
  '5 canary',
  '[canary]',
  '{canary: 1}',
  '{header:canary}x{canary}',
  'retriable-header:canary',
  'line\nbreak canary',
  'it\'s "canary"',
];

function paths(node: unknown, path: readonly (string | number)[] = []): (string | number)[][] {
  if (isScalar(node) || isAlias(node)) return [[...path]];
  if (isSeq(node)) return node.items.flatMap((item, i) => paths(item, [...path, i]));
  if (!isMap(node)) return [];
  return node.items.flatMap(({ key, value }) => paths(value, [...path, String(isScalar(key) ? key.value : key)]));
}

/** All that is said of a policy file: its errors, or its warnings and how it is shown. */
function saidOf(text: string, value: string): string {
  const env = { VALUE: value };
  const readFile = (file: string) => {
    if (file.endsWith('.pem')) return CERTIFICATE;
    throw Object.assign(new Error(`ENOENT: no such file, open '${file}'`), { code: 'ENOENT' });
  };
  try {
    const config = parseConfig(text, 'policy.yaml', { env, readFile });
    return JSON.stringify([warnings(config), redactedConfig(config)]);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return [error.format(), error.message, JSON.stringify(error.errors)].join('\n');
  }
}

describe('a value that came from a variable', () => {
  const positions = paths(parseDocument(REFERENCE).contents);

  test('is not shown in errors, warnings or the policy in force', () => {
    assert.ok(positions.length > 100, `${positions.length} places`);
    let errors = 0;
    for (const [index, at] of positions.entries()) {
      const document: Document = parseDocument(REFERENCE);
      document.setIn(at, '${VALUE}');
      const text = document.toString();
      // Two places next to each other are of one kind, mostly.
      for (const value of VALUES.filter((_, i) => i % 2 === index % 2)) {
        const said = saidOf(text, value);
        if (said.includes('|')) errors++;
        assert.doesNotMatch(said, /canary/i, `${at.join('.')} with ${value}`);
      }
    }
    assert.ok(errors > 500, `${errors} errors`);
  });
});

describe('user information in a URL', () => {
  test('is not shown, with as many @ as it may have', () => {
    for (const url of ['http://user:canary@host', 'http://user:ca@canary@host', 'https://canary@host:1']) {
      const text = `upstreams: { a: { url: 'http://a' } }
routes: [{ name: r, match: {}, upstream: a, requestHeaders: { set: { x-proxy: '${url}' } } }]`;
      assert.doesNotMatch(saidOf(text, ''), /canary/);
      assert.doesNotMatch(saidOf(`upstreams: { a: { url: '${url}' } }\nroutes: []`, ''), /canary/);
    }
  });
});

test('the admin token is not shown beside what is wrong with it or its neighbours', () => {
  for (const token of ['canary', '"canary"', '[canary]', 'canary canary', '7221724']) {
    const said = saidOf(`admin: { token: ${token}, hosts: 3 }\nupstreams: {}\nroutes: []`, '');
    assert.match(said, /admin\.hosts/);
    assert.doesNotMatch(said, /canary|7221724/, token);
  }
});
