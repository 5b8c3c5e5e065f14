import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { forwardedHeaders, isLoop } from '../../../src/edge/forwarded.js';
import { applyEdits, compileEdits } from '../../../src/edge/header-edits.js';
import { hasBody, headerOf, readRequestHead, readResponseHeaders } from '../../../src/edge/headers.js';
import { readTrailers, withoutTrailer } from '../../../src/edge/interim.js';

const NO_EDITS = compileEdits({ set: {}, remove: [] });

describe('a request\u2019s head', () => {
  it('loses what belongs to its connection, whatever the case', () => {
    const raw = ['CONNECTION', 'close', 'Keep-Alive', '1', 'tE', 'x', 'Upgrade', 'h2c', 'Expect', '100-continue'];
    assert.deepEqual(readRequestHead([...raw, 'X-A', '1']).headers, ['X-A', '1']);
  });

  it('loses what Connection names, over several lines of it', () => {
    const raw = ['X-A', '1', 'x-b', '2', 'X-C', '3', 'Connection', 'X-A , close', 'connection', ',x-B,,'];
    assert.deepEqual(readRequestHead(raw).headers, ['X-C', '3']);
  });

  it('keeps Content-Length though Connection names it', () => {
    const { headers, host } = readRequestHead([
      'Content-Length',
      '3',
      'Host',
      'a',
      'Connection',
      'content-length, host',
    ]);
    assert.deepEqual(headers, ['Content-Length', '3']);
    assert.equal(host, 'a');
  });

  it('says how it is framed and how many hosts it names', () => {
    const head = readRequestHead([
      'host',
      'a',
      'Host',
      'b',
      'Transfer-Encoding',
      'gzip',
      'transfer-encoding',
      'chunked',
    ]);
    assert.equal(head.hosts, 2);
    assert.equal(head.transferEncoding, 'gzip, chunked');
    assert.deepEqual(head.headers, []);
  });

  it('says whether a body follows', () => {
    const bodies = ([contentLength, transferEncoding]: readonly (string | undefined)[]) =>
      hasBody({ contentLength, transferEncoding });
    assert.deepEqual([[], ['0'], ['00'], ['1'], ['01'], [undefined, 'chunked']].map(bodies), [
      false,
      false,
      false,
      true,
      true,
      true,
    ]);
  });

  it('keeps back what is said anew for each attempt', () => {
    assert.deepEqual(readRequestHead(['X-Retry-Attempt', '1', 'x-request-timeout-ms', '5']).headers, []);
  });

  it('keeps order, case, duplicates and odd names', () => {
    const raw = ['X-B', '1', 'x-a', '2', 'x-b', '3', '__proto__', '4', 'constructor', '5', 'toString', '6'];
    assert.deepEqual(readRequestHead(raw).headers, raw);
  });
});

describe('where a request came from', () => {
  const sender = { address: '127.0.0.1', host: 'a.test:80', httpVersion: '1.1' };

  it('is said in Via and X-Forwarded-For', () => {
    assert.deepEqual(forwardedHeaders(readRequestHead([]), sender, NO_EDITS), [
      'Via',
      '1.1 outrigger',
      'X-Forwarded-For',
      '127.0.0.1',
    ]);
  });

  it('is said in Forwarded where the app speaks it; how the outermost client spoke stays', () => {
    const head = readRequestHead(['Forwarded', 'for=a', 'x-forwarded-proto', 'https', 'x-forwarded-host', 'shop.test']);
    assert.deepEqual(forwardedHeaders(head, sender, NO_EDITS).slice(4), [
      'X-Forwarded-Proto',
      'https',
      'X-Forwarded-Host',
      'shop.test',
      'Forwarded',
      'for=a, for=127.0.0.1;host="a.test:80";proto=http',
    ]);
  });

  it('is added to all lines that the app sent', () => {
    const head = readRequestHead([
      'Via',
      '1.0 x',
      'via',
      '1.1 y',
      'x-forwarded-for',
      '1.1.1.1',
      'X-Forwarded-For',
      '2.2.2.2',
    ]);
    const headers = forwardedHeaders(head, sender, NO_EDITS);
    assert.equal(headers[1], '1.0 x, 1.1 y, 1.1 outrigger');
    assert.equal(headers[3], '1.1.1.1, 2.2.2.2, 127.0.0.1');
    assert.deepEqual(head.headers, []);
  });

  it('is written as RFC 7239 wants an IPv6 address, and IPv4 in IPv6 as IPv4', () => {
    const forwarded = (address: string) =>
      forwardedHeaders(readRequestHead(['forwarded', 'for=a']), { ...sender, address }, NO_EDITS)[5]!;
    assert.match(forwarded('::1'), /, for="\[::1\]";/);
    assert.match(forwarded('::ffff:10.0.0.1'), /, for=10\.0\.0\.1;/);
  });

  it('is not known on a Unix socket', () => {
    assert.equal(forwardedHeaders(readRequestHead([]), { ...sender, address: undefined }, NO_EDITS)[3], 'unknown');
  });

  it('is left out where the route removes it', () => {
    const edits = compileEdits({ set: { 'X-Forwarded-Proto': 'https' }, remove: ['Via'] });
    const head = readRequestHead(['via', '1.0 x', 'x-forwarded-proto', 'http', 'x-forwarded-host', 'a']);
    const names = forwardedHeaders(head, sender, edits).filter((_, i) => i % 2 === 0);
    assert.deepEqual(names, ['X-Forwarded-For', 'X-Forwarded-Host']);
  });

  it('six times ourselves is a loop, five times not; a comment or another name is not us', () => {
    const via = (times: number) => Array<string>(times).fill('HTTP/1.1 Outrigger (x)').join(',');
    assert.ok(!isLoop([]));
    assert.ok(!isLoop([via(5), '1.1 outrigger2', 'outrigger 1.1']));
    assert.ok(isLoop([via(3), via(3)]));
  });
});

describe('a response\u2019s headers', () => {
  it('are read from bytes as latin1, from text, and from an object', () => {
    const flat = ['Set-Cookie', 'a', 'set-cookie', 'b', 'X', 'caf\u00e9'];
    assert.deepEqual(readResponseHeaders(flat), flat);
    assert.deepEqual(readResponseHeaders(flat.map((text) => Buffer.from(text, 'latin1'))), flat);
    assert.deepEqual(readResponseHeaders({ 'set-cookie': ['a', 'b'], x: '1', y: undefined }), [
      'set-cookie',
      'a',
      'set-cookie',
      'b',
      'x',
      '1',
    ]);
  });

  it('lose what belongs to the connection and what only we may say', () => {
    const raw = [
      'Connection',
      'x-a',
      'X-A',
      '1',
      'Transfer-Encoding',
      'chunked',
      'Proxy-Authenticate',
      'x',
      'X-Outrigger-Fallback',
      'stale',
      'Content-Length',
      '1',
    ];
    assert.deepEqual(readResponseHeaders(raw), ['Content-Length', '1']);
  });

  it('announce no trailers where there will be none, and no length of a 204', () => {
    const headers = ['Trailer', 'X', 'A', '1'];
    assert.equal(withoutTrailer(headers, 200, false), headers);
    assert.deepEqual(withoutTrailer(headers, 200, true), ['A', '1']);
    assert.deepEqual(withoutTrailer([...headers, 'Content-Length', '1'], 200, false), [
      'A',
      '1',
      'Content-Length',
      '1',
    ]);
    assert.deepEqual(withoutTrailer(['content-length', '0'], 204, true), []);
  });

  it('trailers cannot frame the message', () => {
    assert.deepEqual(readTrailers(['X', '1', 'Content-Length', '2', 'transfer-encoding', 'chunked', 'Y', '2']), [
      ['X', '1'],
      ['Y', '2'],
    ]);
  });
});

describe('header edits', () => {
  it('replace and remove without regard to case', () => {
    const edits = compileEdits({ set: { 'X-A': 'new' }, remove: ['x-B'] });
    assert.deepEqual(applyEdits(['x-a', '1', 'X-a', '2', 'X-B', '3', 'x-c', '4'], edits), ['x-c', '4', 'X-A', 'new']);
  });

  it('may not touch how a message is framed', () => {
    assert.throws(
      () => compileEdits({ set: { 'Content-Length': '1' }, remove: [] }),
      /'content-length' belongs to the connection/,
    );
    assert.throws(() => compileEdits({ set: {}, remove: ['Transfer-Encoding'] }), RangeError);
  });
});

describe('one header among raw ones', () => {
  it('is found whatever its case, and its lines are joined', () => {
    const raw = ['X-A', '1', 'x-a', '2', 'Cookie', 'a=1', 'cookie', 'b=2'];
    assert.equal(headerOf(raw, 'x-a'), '1, 2');
    assert.equal(headerOf(raw, 'cookie'), 'a=1; b=2');
    assert.equal(headerOf(raw, 'constructor'), undefined);
    // A value is no name.
    assert.equal(headerOf(['x-b', 'x-a'], 'x-a'), undefined);
  });
});
