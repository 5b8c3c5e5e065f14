import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { stringify } from 'yaml';
import { ConfigError } from '../../../src/config/issues.js';
import { parseConfig } from '../../../src/config/load.js';
import { warnings } from '../../../src/config/warnings.js';
import { policyFile } from '../../support/policy-file.js';

const readFile = () => {
  throw Object.assign(new Error('no files here'), { code: 'ENOENT' });
};

/** Takes the text or refuses it with at least one error that has a place in it; anything else is a crash. */
function takesOrRefuses(text: string): void {
  const lines = text.split('\n').length;
  try {
    warnings(parseConfig(text, 'f.yaml', { env: { X: 'x' }, readFile }));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    assert.ok(error.errors.length > 0);
    for (const { line, column } of error.errors) assert.ok(line >= 1 && line <= lines && column >= 1);
    assert.ok(error.format().length > 0);
  }
}

const full = policyFile({
  root: 'listen: [":0"]\nadmin: { listen: ":0", token: "${X}" }\ndefaults: { route: { timeout: 9s } }',
  upstream: 'circuitBreaker: { failOn: [503, reset], key: "{endpoint}" }\ntls: { verify: false }\nconcurrency: false',
  route:
    'retry: { on: [5xx], backoff: { strategy: sequence, delays: [1s] } }\nfallback: { steps: [{ response: { body: x } }] }',
});

test('no text crashes it', () => {
  fc.assert(fc.property(fc.string({ unit: 'grapheme' }), takesOrRefuses), { numRuns: 300 });
});

test('no damage to a good file crashes it', () => {
  const piece = fc.constantFrom(
    '',
    ' ',
    '\n',
    ':',
    '-',
    '[',
    '{',
    '"',
    '&a ',
    '*a',
    '${',
    '${X}',
    '!!x ',
    '? ',
    '#',
    '\t',
    '0',
    '~',
    '\0',
  );
  const damage = fc.tuple(fc.nat(full.length), fc.nat(12), piece);
  fc.assert(
    fc.property(fc.array(damage, { minLength: 1, maxLength: 4 }), (damages) => {
      let text = full;
      for (const [at, length, put] of damages) text = text.slice(0, at) + put + text.slice(at + length);
      takesOrRefuses(text);
    }),
    { numRuns: 500 },
  );
});

test('no value at any known key crashes it', () => {
  const keys = fc.constantFrom(
    ...['listen', 'admin', 'log', 'limits', 'defaults', 'route', 'upstream', 'upstreams', 'routes', 'name', 'match'],
    ...[
      'retry',
      'backoff',
      'delays',
      'fallback',
      'steps',
      'response',
      'stale',
      'faults',
      'url',
      'endpoints',
      'tls',
      'key',
    ],
    ...[
      'circuitBreaker',
      'timeout',
      'rewrite',
      'requestHeaders',
      'set',
      'headers',
      'hedge',
      'healthCheck',
      '__proto__',
    ],
  );
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 5 },
      fc.constantFrom<unknown>(null, true, false, 0, -1, 1.5, '5s', 'a', '', '${X}', '50%', 'GET', '/x', '{endpoint}'),
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(keys, tie('value'), { maxKeys: 5 }),
    ),
  }));
  fc.assert(
    fc.property(fc.dictionary(keys, value), (file) => {
      takesOrRefuses(stringify(file));
    }),
    { numRuns: 500 },
  );
});
