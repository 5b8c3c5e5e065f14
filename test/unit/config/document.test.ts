import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { Issues, SourceText } from '../../../src/config/issues.js';
import { readDocument } from '../../../src/config/document.js';
import { nodeAt, pathText, toValue } from '../../../src/config/nodes.js';
import { errorsOf, policyFile } from '../../support/policy-file.js';

function read(text: string) {
  const source = new SourceText('f.yaml', text);
  const issues = new Issues(source);
  const node = readDocument(text, issues, { env: {}, readText: () => '' });
  return { node, issues: issues.sorted(), source };
}

describe('reading YAML', () => {
  test('every value knows where it stands', () => {
    const { node, source } = read('a: 1\nb:\n  - x\n  - { c: "y" }\n');
    const at = (...path: (string | number)[]) => source.position(nodeAt(node, ...path)?.offset ?? -1);
    assert.deepEqual(at('a'), { line: 1, column: 4 });
    assert.deepEqual(at('b', 0), { line: 3, column: 5 });
    assert.deepEqual(at('b', 1, 'c'), { line: 4, column: 10 });
  });

  test('anchors and aliases work', () => {
    const { node, issues } = read('a: &x { n: 1 }\nb: *x\n');
    assert.deepEqual(issues, []);
    assert.deepEqual(node && toValue(node), { a: { n: 1 }, b: { n: 1 } });
  });

  test('an alias stands for the last node before it that has its anchor', () => {
    const { node, issues } = read('a: &x 1\nb: [*x, &x 2, *x]\nc: *x\n');
    assert.deepEqual(issues, []);
    assert.deepEqual(node && toValue(node), { a: 1, b: [1, 2, 2], c: 2 });
    assert.match(read('a: *x\nb: &x 1\n').issues[0]?.message ?? '', /the alias \*x has no anchor/);
  });

  test('a key named __proto__ is a key like any other', () => {
    const { node } = read('__proto__: { polluted: true }\n');
    const value = node && toValue(node);
    assert.ok(typeof value === 'object' && value !== null);
    assert.deepEqual(Object.keys(value), ['__proto__']);
    assert.equal('polluted' in {}, false);
  });

  const broken: readonly (readonly [string, string, RegExp, number, number])[] = [
    ['a key given twice', 'a: 1\nb: 2\na: 3\n', /^this key is given twice$/, 3, 1],
    ['an unclosed list', 'a: [1, 2\n', /^not valid YAML: /, 2, 1],
    ['a tab as indentation', 'a:\n\tb: 1\n', /^not valid YAML: /, 2, 1],
    ['an alias without anchor', 'a: *x\n', /^the alias \*x has no anchor$/, 1, 4],
    ['a map as a key', '? { a: 1 }\n: 2\n', /^a key must be a plain name$/, 1, 3],
    [
      'two documents',
      'a: 1\n---\nb: 2\n',
      /^not valid YAML: the file holds several YAML documents; one is allowed$/,
      2,
      1,
    ],
    ['an unknown tag', 'a: !secret x\n', /^not valid YAML: /, 1, 4],
  ];
  for (const [name, text, message, line, column] of broken) {
    test(`${name} is told with its place`, () => {
      const { issues } = read(text);
      assert.equal(issues.length, 1);
      assert.match(issues[0]?.message ?? '', message);
      assert.deepEqual([issues[0]?.line, issues[0]?.column], [line, column]);
    });
  }

  test('an alias that repeats what holds it comes to an end', () => {
    assert.match(read('a: &x [*x]\n').issues[0]?.message ?? '', /too deeply|no anchor/);
  });

  test('aliases that multiply come to an end', () => {
    const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]'];
    for (let i = 1; i < 9; i++)
      lines.push(
        `a${i}: &a${i} [${Array(10)
          .fill(`*a${i - 1}`)
          .join(', ')}]`,
      );
    assert.match(read(lines.join('\n')).issues[0]?.message ?? '', /too large|Excessive/);
  });

  test('what ${…} stand for comes to an end', () => {
    const files = { env: {}, readText: () => 'a'.repeat(1024 * 1024) };
    for (const text of [`a: "${'${file:x}'.repeat(100_000)}"`, '- ${file:x}\n'.repeat(50_000)]) {
      const issues = new Issues(new SourceText('f.yaml', text));
      assert.equal(readDocument(text, issues, files), undefined);
      assert.deepEqual(
        issues.sorted().map(({ message }) => message),
        ['too large: ${…} stand for more than 16 MiB in all'],
      );
    }
  });

  // Two seconds or three; it was two minutes.
  const timeout = 30_000;
  test('many keys, aliases and upstreams cost what they are, not their square', { timeout }, async () => {
    const many = (line: (index: number) => string) => Array.from({ length: 30_000 }, (_, i) => line(i)).join('\n');
    const aliases = read(`a: &x 1\nb:\n${many(() => ' - *x')}\nc:\n${many((i) => ` k${i}: 1`)}`);
    assert.deepEqual(aliases.issues, []);
    assert.equal(errorsOf(`upstreams:\n${many((i) => ` u${i}: {}`)}`).length, 30_001);
    await setImmediate();
  });

  test('nesting without end is an error, not a crash', () => {
    for (const text of ['[', '{a: ', '- ', '? ', '[{', '"a": [']) {
      const { issues } = read(text.repeat(20_000));
      assert.equal(issues[0]?.message, 'not readable as YAML: nested too deeply', text);
    }
    assert.match(read(`a: ${'['.repeat(80)}${']'.repeat(80)}`).issues[0]?.message ?? '', /^nested too deeply/);
  });
});

describe('the policy file as a whole', () => {
  test('an empty file says what it needs', () => {
    for (const text of ['', '\n', '# nothing\n', '---\n']) {
      assert.deepEqual(
        errorsOf(text).map(({ message, suggestion }) => [message, suggestion]),
        [['the file is empty', 'it needs at least upstreams and routes']],
      );
    }
  });

  test('a file that is no map is refused', () => {
    assert.deepEqual(
      errorsOf('[1]').map((error) => error.message),
      ['found a list; allowed: a map'],
    );
    assert.deepEqual(
      errorsOf('hello').map((error) => error.message),
      ["found 'hello'; allowed: a map"],
    );
  });

  test('a duplicate key is told along with what else is wrong', () => {
    const errors = errorsOf(policyFile({ root: 'reload: auto\nreload: never' }));
    assert.deepEqual(
      errors.map((error) => [error.line, error.path, error.message]),
      [[2, 'reload', 'this key is given twice']],
    );
  });

  test('a byte order mark and Windows line ends are no matter', () => {
    assert.deepEqual(errorsOf(`\uFEFF${policyFile().replaceAll('\n', '\r\n')}`), []);
  });
});

test('paths are written as people write them', () => {
  assert.equal(pathText(['routes', 0, 'retry', 'maxAttempts']), 'routes[0].retry.maxAttempts');
  assert.equal(pathText(['upstreams', 'payments-eu', 'url']), 'upstreams.payments-eu.url');
  assert.equal(pathText(['upstreams', 'a.b', 'url']), 'upstreams["a.b"].url');
  assert.equal(pathText([]), '');
});
