import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TestFileSchema } from '../../../src/policy-tests/schema.js';
import { readText } from '../../support/markdown.js';

test('every key of a file of policy tests is explained in docs/testing.md', () => {
  const page = readText('docs/testing.md');
  assert.deepEqual(
    [...keysOf(TestFileSchema)].filter((key) => !page.includes(`\`${key}\``) && !page.includes(`.${key}\``)),
    [],
  );
});

/** All keys in a schema, at any depth. */
function* keysOf(schema: unknown): Generator<string> {
  if (typeof schema !== 'object' || schema === null) return;
  for (const [name, value] of Object.entries(schema) as [string, unknown][]) {
    if (name === 'properties' && typeof value === 'object' && value !== null) yield* Object.keys(value);
    yield* keysOf(value);
  }
}
