import assert from 'node:assert/strict';
import { test } from 'node:test';
import { referencePage } from '../../../src/config/reference.js';
import { ConfigFileSchema } from '../../../src/config/schema.js';

const page = referencePage();

/** The cells of a key's row. */
function row(key: string): string[] {
  const line = page.split('\n').find((one) => one.startsWith(`| \`${key}\` `)) ?? assert.fail(`no row for ${key}`);
  return line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());
}

/** All keys in a schema, at any depth. */
function* keysOf(schema: unknown): Generator<string> {
  if (typeof schema !== 'object' || schema === null) return;
  for (const [name, value] of Object.entries(schema) as [string, unknown][]) {
    if (name === 'properties' && typeof value === 'object' && value !== null) yield* Object.keys(value);
    yield* keysOf(value);
  }
}

test('has a row, or a heading, for every key there is', () => {
  const named = new Set(
    [...page.matchAll(/^(?:\| `([^`]+)`|#+ .*?(\w+)$)/gm)].flatMap(([, key = '', heading = '']) =>
      `${key}.${heading}`.replaceAll('[]', '').split('.'),
    ),
  );
  named.add('route').add('upstream').add('defaults').add('upstreams').add('routes');
  assert.deepEqual(
    [...keysOf(ConfigFileSchema)].filter((key) => !named.has(key)),
    [],
  );
});

test('says what may be written, and what is in force without', () => {
  const attempts = 'Attempts in all, the first included.';
  assert.deepEqual(row('retry.maxAttempts'), ['`retry.maxAttempts`', 'whole number from 1 to 100', '`3`', attempts]);
  assert.deepEqual(row('hedge.methods').slice(1, 3), ['list of: method', '`[GET, HEAD]`']);
  assert.deepEqual(row('circuitBreaker.slowCallDuration').slice(1, 3), ['duration or `off`', '`off`']);
  assert.deepEqual(row('match.headers').slice(1, 3), ['map of header name to header value', '–']);
});

test('says what has to be written', () => {
  assert.equal(row('name')[2], 'required');
  assert.equal(row('healthCheck.path')[2], 'required');
  assert.equal(row('faults[].percent')[2], 'required');
  // It tells which kind of step it is.
  assert.equal(row('fallback.steps[].upstream')[2], '–');
});

test('says which policies are on', () => {
  assert.match(page, /^### Routes: retry\n\n.* On by default\.$/m);
  assert.match(page, /^### Routes: hedge\n\n.* Off until set\.$/m);
});
