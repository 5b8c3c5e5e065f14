import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  DURATION_PATTERN,
  parseDuration,
  parseRatio,
  parseSize,
  POSITIVE_DURATION_PATTERN,
} from '../../../src/policies/rules/units.js';

describe('a duration', () => {
  const good: readonly (readonly [string, number])[] = [
    ['250ms', 250],
    ['3s', 3000],
    ['1m30s', 90_000],
    ['1h', 3_600_000],
    ['1h2m3s4ms', 3_723_004],
    ['1.5s', 1500],
    ['0.5ms', 0.5],
    ['1m500ms', 60_500],
    ['90m', 5_400_000],
    ['0s', 0],
  ];
  for (const [text, ms] of good) {
    test(`${text} is ${ms} ms`, () => {
      assert.equal(parseDuration(text), ms);
    });
  }

  for (const text of [
    '',
    '5',
    's',
    '5 s',
    '-1s',
    '1s1m',
    '1ms1s',
    '5sec',
    '1d',
    '1e3s',
    '.5s',
    '5.s',
    ' 5s',
    '5s\n',
    '٣s',
  ]) {
    test(`${JSON.stringify(text)} is none`, () => {
      assert.throws(() => parseDuration(text), RangeError);
      assert.doesNotMatch(text, new RegExp(DURATION_PATTERN));
    });
  }

  test('stays finite: the number of digits is bounded', () => {
    assert.throws(() => parseDuration(`${'9'.repeat(400)}h`), RangeError);
    assert.ok(Number.isFinite(parseDuration(`${'9'.repeat(12)}h`)));
  });

  test('above zero is told apart from zero', () => {
    const positive = new RegExp(POSITIVE_DURATION_PATTERN);
    for (const text of ['1ms', '0.5s', '0h1s', '10s']) assert.match(text, positive);
    for (const text of ['0s', '0ms', '0h0m', '0.0s', '', '5']) assert.doesNotMatch(text, positive);
  });
});

describe('a size', () => {
  const good: readonly (readonly [string, number])[] = [
    ['512B', 512],
    ['64KiB', 65_536],
    ['2MB', 2_000_000],
    ['1kB', 1000],
    ['1KB', 1000],
    ['1.5MiB', 1_572_864],
    ['1GiB', 1_073_741_824],
    ['1.0001kB', 1000],
    ['0B', 0],
  ];
  for (const [text, bytes] of good) {
    test(`${text} is ${bytes} bytes`, () => {
      assert.equal(parseSize(text), bytes);
    });
  }

  for (const text of ['', '5', '64K', '64Ki', '64 KiB', '-1B', 'KiB', '1TB', '1..5MB', '64kib']) {
    test(`${JSON.stringify(text)} is none`, () => {
      assert.throws(() => parseSize(text), RangeError);
    });
  }
});

describe('a ratio', () => {
  test('is a number or a percentage, and both mean the same', () => {
    assert.equal(parseRatio('50%'), 0.5);
    assert.equal(parseRatio(0.5), 0.5);
    assert.equal(parseRatio('0%'), 0);
    assert.equal(parseRatio('12.5%'), 0.125);
  });

  test('may be over 100 %', () => {
    assert.equal(parseRatio('150%'), 1.5);
    assert.equal(parseRatio(2), 2);
  });

  for (const value of [-0.1, NaN, Infinity, '0.5', '-5%', '5 %', '%', '']) {
    test(`${JSON.stringify(value)} (${String(value)}) is none`, () => {
      assert.throws(() => parseRatio(value), RangeError);
    });
  }
});
