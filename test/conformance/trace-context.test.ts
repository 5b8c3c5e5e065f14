/** Known answers of the W3C's own test suite for Trace Context (w3c/trace-context, test/test.py), restated. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseTraceparent, passedTracestate } from '../../src/pipeline/trace-context.js';

const TRACE = '12345678901234567890123456789012';
const SPAN = '1234567890123456';

const continued = (text: string) => parseTraceparent(text)?.traceId === TRACE;

describe('traceparent', () => {
  it('is taken apart', () => {
    assert.deepEqual(parseTraceparent(`00-${TRACE}-${SPAN}-01`), {
      traceId: TRACE,
      parentId: SPAN,
      sampled: true,
      random: false,
    });
    assert.equal(parseTraceparent(undefined), undefined);
  });

  const valid: Readonly<Record<string, string>> = {
    'flags that are not known': `00-${TRACE}-${SPAN}-ff`,
    'a later version': `cc-${TRACE}-${SPAN}-01`,
    'a later version with more': `cc-${TRACE}-${SPAN}-01-what-the-future-will-be-like`,
  };
  for (const [what, text] of Object.entries(valid)) it(`is continued: ${what}`, () => assert.ok(continued(text)));

  const invalid: Readonly<Record<string, string>> = {
    'version ff': `ff-${TRACE}-${SPAN}-01`,
    'an illegal version': `.0-${TRACE}-${SPAN}-01`,
    'a version too long': `000-${TRACE}-${SPAN}-01`,
    'a version too short': `0-${TRACE}-${SPAN}-01`,
    'version 00 with more': `00-${TRACE}-${SPAN}-01-more`,
    'version 00 with a dash more': `00-${TRACE}-${SPAN}-01-`,
    'a later version with more and no dash': `cc-${TRACE}-${SPAN}-01.what-the-future-will-be-like`,
    'a trace id of zeros': `00-${'0'.repeat(32)}-${SPAN}-01`,
    'a trace id with other letters': `00-.${TRACE.slice(1)}-${SPAN}-01`,
    'a trace id in upper case': `00-${TRACE.slice(0, -1)}A-${SPAN}-01`,
    'a trace id too long': `00-${TRACE}3-${SPAN}-01`,
    'a trace id too short': `00-${TRACE.slice(1)}-${SPAN}-01`,
    'a parent id of zeros': `00-${TRACE}-${'0'.repeat(16)}-01`,
    'a parent id with other letters': `00-${TRACE}-.${SPAN.slice(1)}-01`,
    'a parent id too long': `00-${TRACE}-${SPAN}7-01`,
    'a parent id too short': `00-${TRACE}-${SPAN.slice(1)}-01`,
    'flags with other letters': `00-${TRACE}-${SPAN}-.0`,
    'flags too long': `00-${TRACE}-${SPAN}-001`,
    'flags too short': `00-${TRACE}-${SPAN}-1`,
    'two headers': `00-${TRACE}-${SPAN}-01, 00-${TRACE}-${SPAN}-01`,
    nothing: '',
  };
  for (const [what, text] of Object.entries(invalid)) {
    it(`is not continued: ${what}`, () => assert.equal(parseTraceparent(text), undefined));
  }

  it('says whether the trace is sampled and its id random', () => {
    const flags = ['00', '01', '02', '03', 'fc'].map((digits) => parseTraceparent(`00-${TRACE}-${SPAN}-${digits}`));
    assert.deepEqual(
      flags.map((context) => [context?.sampled, context?.random]),
      [
        [false, false],
        [true, false],
        [false, true],
        [true, true],
        [false, false],
      ],
    );
  });
});

describe('tracestate', () => {
  const passed: Readonly<Record<string, readonly [string, string]>> = {
    'one member': ['foo=1', 'foo=1'],
    'several, in their order': ['foo=1,bar=2', 'foo=1,bar=2'],
    'spaces and tabs around members': ['foo=1 \t , \t bar=2', 'foo=1,bar=2'],
    'empty members, which go': ['foo=1,,bar=2,', 'foo=1,bar=2'],
    'keys of tenants': ['0tenant@system=1,a-b*c/d_e=2', '0tenant@system=1,a-b*c/d_e=2'],
    'spaces and equals signs within values': ['foo= a b', 'foo= a b'],
    'keys and values as long as they may be': [
      `${'z'.repeat(256)}=1,foo=${'v'.repeat(200)}`,
      `${'z'.repeat(256)}=1,foo=${'v'.repeat(200)}`,
    ],
    'as many members as there may be': [
      Array.from({ length: 32 }, (_, i) => `k${i}=1`).join(','),
      Array.from({ length: 32 }, (_, i) => `k${i}=1`).join(','),
    ],
  };
  for (const [what, [text, expected]] of Object.entries(passed)) {
    it(`goes on: ${what}`, () => assert.equal(passedTracestate(text), expected));
  }

  const dropped: Readonly<Record<string, string>> = {
    'no value': 'foo',
    'an empty key': '=1',
    'an empty value': 'foo=',
    'a space in a key': 'foo =1',
    'upper case in a key': 'FOO=1',
    'other letters in a key': 'foo.bar=1',
    'two @ in a key': 'foo@bar@baz=1',
    'nothing before the @': '@foo=1',
    'nothing behind the @': 'foo@=1',
    'an equals sign in a value': 'foo=bar=baz',
    'a key too long': `${'z'.repeat(257)}=1`,
    'a value too long': `foo=${'v'.repeat(257)}`,
    'a key twice': 'foo=1,bar=2,foo=3',
    'too many members': Array.from({ length: 33 }, (_, i) => `k${i}=1`).join(','),
    'nothing at all': '',
  };
  for (const [what, text] of Object.entries(dropped)) {
    it(`is left out as a whole: ${what}`, () => assert.equal(passedTracestate(text), undefined));
  }

  it('costs no more than its length, however many blanks are in it', () => {
    const started = process.cpuUsage();
    for (let i = 0; i < 50; i++) assert.equal(passedTracestate(`foo=${' '.repeat(16_000)}bar`), undefined);
    assert.ok(process.cpuUsage(started).user < 1_000_000);
  });

  it('that is too long loses its long members first, then those at its end', () => {
    const long = `big=${'v'.repeat(200)}`;
    const short = Array.from({ length: 31 }, (_, i) => `key${String(i).padStart(2, '0')}=1234567`);
    assert.equal(passedTracestate([short[0], long, ...short.slice(1)].join(',')), short.join(','));
    const many = Array.from({ length: 32 }, (_, i) => `key${String(i).padStart(2, '0')}=${'v'.repeat(20)}`);
    assert.equal(passedTracestate(many.join(',')), many.slice(0, 19).join(','));
    assert.ok(many.slice(0, 19).join(',').length <= 512);
  });
});
