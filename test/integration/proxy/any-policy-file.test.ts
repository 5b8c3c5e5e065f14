/** A policy file that is accepted is one that works: no value in it may be taken that the proxy can't be built with. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { isScalar, parseDocument, visit } from 'yaml';
import { createApp } from '../../../src/app.js';
import { ConfigError } from '../../../src/config/issues.js';
import { parseConfig } from '../../../src/config/load.js';
import { redactedConfig } from '../../../src/config/redact.js';
import { warnings } from '../../../src/config/warnings.js';
import { createLogger } from '../../../src/observability/logging.js';
import { projectRoot } from '../../support/project-root.js';
import { VirtualClock } from '../../../src/simulation/virtual-clock.js';

const RUNS = Number(process.env.FUZZ_RUNS ?? 400);

const files = [
  'config/outrigger.yaml',
  ...readdirSync(`${projectRoot}config/examples`).map((name) => `config/examples/${name}`),
].filter((name) => name.endsWith('.yaml'));

/** What stands in the file in place of another value. */
const VALUES: readonly unknown[] = [
  ...[
    null,
    true,
    false,
    0,
    1,
    -1,
    0.5,
    1e21,
    9_007_199_254_740_993,
    '',
    ' ',
    '-',
    '0',
    '1',
    'off',
    'on',
    '*',
    '/*',
    '/a',
    '/a/*',
  ],
  ...[
    '0s',
    '1ms',
    '1h',
    '999999h',
    '0.5s',
    '-1s',
    '5',
    '0%',
    '1%',
    '100%',
    '101%',
    '0B',
    '1B',
    '64KiB',
    '999999GiB',
    '2',
  ],
  ...[
    'GET',
    'get',
    '5xx',
    '429',
    'reset',
    '503',
    '{endpoint}',
    '{upstream} {header:x-a}',
    '{nothing}',
    '{',
    'http://127.0.0.1:1',
  ],
  ...[
    'https://[::1]:1',
    'http://a.test',
    'ftp://a',
    'http://u:p@a.test',
    '127.0.0.1:0',
    ':0',
    'unix:/tmp/x',
    'p99',
    'p100',
    'adaptive',
  ],
  ...['x\r\ny: z', 'é', '__proto__', 'constructor', 'full', 'equal', 'leastRequest', 'shadow', 'debug', 'each', 'host'],
];

/** A file with some of its scalars replaced, keys not included. */
function mutated(text: string, changes: readonly (readonly [at: number, value: unknown])[]): string {
  const document = parseDocument(text);
  const values: { value: unknown }[] = [];
  visit(document, {
    Scalar(key, node) {
      if (key !== 'key' && isScalar(node)) values.push(node);
    },
  });
  for (const [at, value] of changes) values[at % values.length]!.value = value;
  return document.toString();
}

test('is built from any policy file that is accepted', () => {
  const texts = files.map((name) => readFileSync(`${projectRoot}${name}`, 'utf8'));
  const change = fc.tuple(fc.nat(1_000), fc.constantFrom(...VALUES));
  let accepted = 0;
  let refused = 0;
  fc.assert(
    fc.property(fc.constantFrom(...texts), fc.array(change, { minLength: 0, maxLength: 2 }), (text, changes) => {
      let config;
      try {
        config = parseConfig(mutated(text, changes), 'f.yaml', { env: {}, readFile: () => Buffer.from('content') });
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        refused++;
        return;
      }
      accepted++;
      for (const { message } of warnings(config)) assert.notEqual(message, '');
      assert.doesNotThrow(() => JSON.stringify(redactedConfig(config)));
      const clock = new VirtualClock();
      const logger = createLogger(config.log, { write: () => undefined });
      const app = createApp({ config, logger, clock, random: () => 0.5, version: '0.0.0' });
      app.closeNow();
    }),
    { numRuns: RUNS },
  );
  assert.ok(accepted > RUNS / 10 && refused > RUNS / 10, `${accepted} accepted, ${refused} refused`);
});
