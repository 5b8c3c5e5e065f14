import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readArguments, UsageError, type Flags } from '../../../src/cli/command.js';

const flags: Flags = {
  config: { value: 'FILE', help: 'the policy file' },
  'admin-listen': { value: 'ADDRESS', help: 'the admin address' },
  demo: { help: 'a demo' },
};

describe('arguments', () => {
  test('flags with and without a value, in any order, the last one wins', () => {
    const found = readArguments(['--demo', '--config', 'a', '--admin-listen=:1', '--config=b'], flags);
    assert.deepEqual({ ...found.values }, { config: 'b', 'admin-listen': ':1' });
    assert.deepEqual([...found.switches], ['demo']);
  });

  test('positionals, also behind --', () => {
    assert.deepEqual(readArguments(['a', '--', '--config'], flags, ['FILE', 'URL']).positionals, ['a', '--config']);
  });

  for (const [args, message] of [
    [['--confg', 'x'], 'unknown flag --confg: did you mean --config?'],
    [['--zzzzzz'], 'unknown flag --zzzzzz'],
    [['-q'], 'unknown flag -q'],
    [['--toString'], 'unknown flag --toString'],
    [['--config'], '--config needs FILE'],
    [['--config', '--demo'], '--config needs FILE'],
    [['--config='], '--config needs FILE'],
    [['--demo=yes'], '--demo takes no value'],
    [['extra'], "unexpected 'extra'"],
    [['my-policy.yaml'], "unexpected 'my-policy.yaml': write --config my-policy.yaml"],
  ] as const) {
    test(`${args.join(' ')}: ${message}`, () => {
      assert.throws(() => readArguments(args, flags), new UsageError(message));
    });
  }

  test('a positional in brackets may be left out', () => {
    assert.deepEqual(readArguments([], flags, ['[FILE]']).positionals, []);
  });

  test('a missing positional is named', () => {
    assert.throws(() => readArguments([], flags, ['FILE']), new UsageError('FILE is missing'));
    const ofTwo = new UsageError('URL is missing: write FILE URL');
    assert.throws(() => readArguments(['a'], flags, ['FILE', 'URL']), ofTwo);
  });
});
