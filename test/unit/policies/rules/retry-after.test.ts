import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseRetryAfter as parse } from '../../../../src/policies/rules/retry-after.js';

const NOW = Date.UTC(2026, 0, 1);

const parseRetryAfter = (value: string | readonly string[] | undefined, wallNow: number) =>
  parse({ 'retry-after': value }, wallNow);

describe('Retry-After', () => {
  test('is seconds, not milliseconds', () => {
    assert.equal(parseRetryAfter('2', NOW), 2_000);
    assert.equal(parseRetryAfter(' 2 ', NOW), 2_000);
    assert.equal(parseRetryAfter('0', NOW), 0);
  });

  test('is a date in any of the three forms, in UTC', () => {
    for (const date of [
      'Thu, 01 Jan 2026 00:01:00 GMT',
      'Thursday, 01-Jan-26 00:01:00 GMT',
      'Thu Jan  1 00:01:00 2026',
    ]) {
      assert.equal(parseRetryAfter(date, NOW), 60_000, date);
    }
  });

  test('as a date counts from the Date of its answer, whatever the time is here', () => {
    const headers = { 'retry-after': 'Thu, 01 Jan 2026 00:01:00 GMT', date: 'Thu, 01 Jan 2026 00:00:50 GMT' };
    for (const wallNow of [NOW, NOW - 86_400_000, NOW + 86_400_000]) assert.equal(parse(headers, wallNow), 10_000);
    assert.equal(parse({ ...headers, date: headers['retry-after'] }, NOW), undefined);
    assert.equal(parse({ ...headers, date: 'now' }, NOW), 60_000);
    assert.equal(parse({ ...headers, 'retry-after': '7' }, NOW), 7_000);
  });

  test('means nothing when it has passed or is neither', () => {
    for (const value of [
      'Thu, 01 Jan 2026 00:00:00 GMT',
      'Wed, 31 Dec 2025 23:59:59 GMT',
      'Thu, 01 Jan 2026 00:01:00 CET',
      '2026-01-01T00:01:00Z',
      'tomorrow',
      '-1',
      '1.5',
      '1s',
      '',
      'Infinity',
    ]) {
      assert.equal(parseRetryAfter(value, NOW), undefined, value);
    }
    assert.equal(parseRetryAfter(undefined, NOW), undefined);
  });

  test('counts by its first value when it comes twice', () => {
    assert.equal(parseRetryAfter(['3', '5'], NOW), 3_000);
    assert.equal(parseRetryAfter([], NOW), undefined);
  });

  test('stays a number for any number of digits', () => {
    const asked = parseRetryAfter('9'.repeat(400), NOW);
    assert.ok(asked === undefined || asked > 1e12);
  });
});
