import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { retype, substitute } from '../../../src/config/substitute.js';
import { errorsOf, load, policyFile, routeOf } from '../../support/policy-file.js';

const variables = {
  env: { HOST: 'h', EMPTY: '', NESTED: '${HOST}' },
  readText: (path: string) => {
    if (path === '/run/secrets/x') return ' s3cret\n';
    throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
  },
};

describe('${…} in a text', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['a ${HOST} b', 'a h b'],
    ['${HOST}${HOST}', 'hh'],
    ['${NOPE:-x}', 'x'],
    ['${NOPE:-}', ''],
    ['${EMPTY:-x}', 'x'],
    ['${EMPTY}', ''],
    ['${NOPE:-http://h:1/a?b=c}', 'http://h:1/a?b=c'],
    ['${file:/run/secrets/x}', 's3cret'],
    ['$${HOST}', '${HOST}'],
    ['$$${HOST}', '$${HOST}'],
    ['$HOST {HOST} $', '$HOST {HOST} $'],
    // What a variable holds is not looked at again.
    ['${NESTED}', '${HOST}'],
  ];
  for (const [text, expected] of cases) {
    test(`${text} becomes '${expected}'`, () => {
      const result = substitute(text, variables);
      assert.deepEqual(result.problems, []);
      assert.equal(result.text, expected);
    });
  }

  test('an escaped one is no substitution', () => {
    assert.equal(substitute('$${HOST}', variables).substituted, false);
    assert.equal(substitute('${HOST}', variables).substituted, true);
  });

  const wrong: readonly (readonly [string, string])[] = [
    ['${NOPE}', 'the variable NOPE is not set'],
    ['${}', "'${}' names no variable"],
    ['${1X}', "'${1X}' names no variable"],
    ['${A-B}', "'${A-B}' names no variable"],
    ['${HOST', "'${HOST' has no closing brace"],
    ['${file:/nope}', "'/nope' can not be read: there is no such file"],
    ['${toString}', 'the variable toString is not set'],
  ];
  for (const [text, message] of wrong) {
    test(`${text}: ${message}`, () => {
      assert.deepEqual(
        substitute(text, variables).problems.map((problem) => problem.message),
        [message],
      );
    });
  }
});

test('a plain scalar is typed after substitution as YAML would', () => {
  const cases: readonly (readonly [string, unknown])[] = [
    ['', null],
    ['~', null],
    ['null', null],
    ['true', true],
    ['False', false],
    ['yes', 'yes'],
    ['12', 12],
    ['-7', -7],
    ['0x1F', 31],
    ['0o17', 15],
    ['1e3', 1000],
    ['.5', 0.5],
    ['1.5.2', '1.5.2'],
    ['12 ', '12 '],
    ['[1]', '[1]'],
  ];
  for (const [text, value] of cases) assert.equal(retype(text), value, text);
});

describe('${…} in the policy file', () => {
  const retries = (value: string) => ({ route: `retry:\n  maxAttempts: ${value}` });
  const attempts = (value: string, env: Record<string, string>) => {
    const { retry } = routeOf(retries(value), { env });
    return retry === false ? undefined : retry.maxAttempts;
  };

  test('a plain one becomes a number', () => {
    assert.equal(attempts('${N:-4}', {}), 4);
    assert.equal(attempts('${N:-4}', { N: '7' }), 7);
  });

  test('a quoted one stays a text', () => {
    const [error] = errorsOf(policyFile(retries('"${N:-4}"')));
    assert.equal(error?.path, 'routes[0].retry.maxAttempts');
    assert.equal(error.message, 'found the value of ${N:-4} (text); allowed: a whole number from 1 to 100');
  });

  test('can turn a policy off', () => {
    assert.equal(routeOf({ route: 'retry: ${RETRY:-false}' }).retry, false);
  });

  test('can not bring structure in', () => {
    const [error] = errorsOf(policyFile({ route: 'retry: ${X}' }), { env: { X: '{maxAttempts: 9}' } });
    assert.match(error?.message ?? '', /found the value of \$\{X\} \(text\); allowed: a map, or false/);
  });

  test('an error never shows what a variable holds', () => {
    const text = policyFile({ root: 'log: { level: "${SECRET}" }', upstream: 'connectTimeout: ${SECRET}' });
    const errors = errorsOf(text, { env: { SECRET: 'hunter2' } });
    assert.equal(errors.length, 2);
    assert.doesNotMatch(JSON.stringify(errors), /hunter2/);
  });

  test('a missing one is an error at its place, and other errors are told beside it', () => {
    const errors = errorsOf(policyFile({ root: 'drainTimeout: 5\nadmin:\n  token: ${NOPE}' }));
    assert.deepEqual(
      errors.map(({ line, column, path, message }) => ({ line, column, path, message })),
      [
        {
          line: 1,
          column: 15,
          path: 'drainTimeout',
          message: 'found 5; allowed: a duration such as 250ms, 3s, 1m30s or 1h',
        },
        { line: 3, column: 10, path: 'admin.token', message: 'the variable NOPE is not set' },
      ],
    );
  });

  test('an empty token is none', () => {
    for (const token of ['${T:-}', '"${T:-}"', '""']) {
      assert.equal(
        load(policyFile({ root: `admin: { token: ${token === '${T:-}' ? '"${T:-}"' : token} }` })).admin.token,
        undefined,
      );
    }
    assert.equal(load(policyFile({ root: 'admin:\n  token: ${T:-}' })).admin.token, undefined);
  });

  test('a token or a header value that looks like a number stays the text it was', () => {
    const env = { T: '0012', K: 'true' };
    assert.equal(load(policyFile({ root: 'admin:\n  token: ${T}' }), { env }).admin.token, '0012');
    const { set } = routeOf(
      { route: 'requestHeaders:\n  set:\n    x-k: ${K}\n    x-n: 1.50\n    x-e: ${E:-}' },
      { env },
    ).requestHeaders;
    assert.deepEqual(set, { 'x-k': 'true', 'x-n': '1.50', 'x-e': '' });
  });

  test('a file is read from the folder of the policy file', () => {
    const read: string[] = [];
    const readFile = (path: string) => {
      read.push(path);
      return Buffer.from('7\n');
    };
    const { retry } = routeOf(retries('${file:secrets/n}'), { readFile });
    assert.equal(retry === false ? undefined : retry.maxAttempts, 7);
    assert.deepEqual(read, [`${process.cwd()}/secrets/n`]);
  });

  test('inside [ ] and { } without quotes, the YAML error says what to do', () => {
    const [error] = errorsOf(policyFile({ route: 'rewrite: { addPrefix: ${P} }' }));
    assert.match(error?.message ?? '', /^not valid YAML: /);
    assert.equal(error?.suggestion, 'inside [ ] and { }, write "${…}" in quotes');
  });
});
