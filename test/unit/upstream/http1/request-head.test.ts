import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { OutriggerError } from '../../../../src/errors.js';
import type { CallOptions } from '../../../../src/policies/policy.js';
import { requestHead } from '../../../../src/upstream/http1/request-head.js';

const STREAM = undefined;

const head = (opts: Partial<CallOptions>, ...[bodyLength]: [bodyLength?: number]) =>
  requestHead({ method: 'GET', path: '/', ...opts }, 'a.example:8080', bodyLength);

describe("a request's head", () => {
  test('names the host and keeps headers as they are', () => {
    assert.deepEqual(head({ path: '/x?y=1', headers: ['X-A', '1', 'x-a', '\xe9'] }, 0), {
      text: 'GET /x?y=1 HTTP/1.1\r\nhost: a.example:8080\r\nconnection: keep-alive\r\nX-A: 1\r\nx-a: \xe9\r\n\r\n',
      contentLength: 0,
    });
  });

  test('takes a host that the headers name, and puts it first (RFC 9112, 3.2)', () => {
    const { text } = head({ headers: ['x-a', '1', 'Host', 'b.example'] }, 0);
    assert.deepEqual(text.split('\r\n').slice(1, 4), ['host: b.example', 'connection: keep-alive', 'x-a: 1']);
  });

  test('takes headers by name too', () => {
    assert.match(
      head({ headers: { 'x-a': ['1', '2'], 'x-b': '3' } }, 0).text,
      /\r\nx-a: 1\r\nx-a: 2\r\nx-b: 3\r\n\r\n$/,
    );
  });

  for (const [what, opts, bodyLength, line] of [
    ['none for a GET without content', {}, 0, undefined],
    ['0 for a POST without content', { method: 'POST' }, 0, 'content-length: 0'],
    ['of what is there', { method: 'POST' }, 5, 'content-length: 5'],
    ['of a GET with content', { method: 'GET' }, 5, 'content-length: 5'],
    [
      'as announced, for a stream',
      { method: 'POST', headers: ['Content-Length', '7'] },
      undefined,
      'content-length: 7',
    ],
    ['chunks for a stream of unknown length', { method: 'POST' }, STREAM, 'transfer-encoding: chunked'],
  ] as const) {
    test(`says how long the content is: ${what}`, () => {
      const lines = head(opts as Partial<CallOptions>, bodyLength).text.split('\r\n');
      assert.deepEqual(
        lines.filter((one) => /^(content-length|transfer-encoding)/i.test(one)),
        line === undefined ? [] : [line],
      );
    });
  }

  test('asks to go on in another protocol', () => {
    assert.match(head({ upgrade: 'websocket' }, 0).text, /\r\nconnection: upgrade\r\nupgrade: websocket\r\n/);
  });

  for (const [what, opts, bodyLength] of [
    ['a method with a space', { method: 'GET /x HTTP/1.1\r\n' }, 0],
    ['a path with a space', { path: '/x HTTP/1.1' }, 0],
    ['a path with a line break', { path: '/x\r\nX: y' }, 0],
    ['an empty path', { path: '' }, 0],
    ['a path beyond latin1', { path: '/\u0141' }, 0],
    ['a header name with a colon', { headers: ['a:b', 'c'] }, 0],
    ['a header value with a line break', { headers: ['a', 'b\r\nc: d'] }, 0],
    ['a header value with a NUL', { headers: ['a', 'b\0'] }, 0],
    ['a header value beyond latin1', { headers: ['a', '\u0141'] }, 0],
    ['a Connection header', { headers: ['Connection', 'close'] }, 0],
    ['a Transfer-Encoding header', { headers: ['transfer-encoding', 'chunked'] }, 0],
    ['an Upgrade header', { headers: ['upgrade', 'h2c'] }, 0],
    ['an Expect header', { headers: ['expect', '100-continue'] }, 0],
    ['two Content-Length headers', { headers: ['content-length', '0', 'Content-Length', '0'] }, 0],
    ['a Content-Length that is none', { headers: ['content-length', '+5'] }, STREAM],
    ["a Content-Length that is not the body's", { headers: ['content-length', '4'] }, 5],
    ['a Content-Length without a body', { headers: ['content-length', '4'] }, 0],
    ['two Host headers', { headers: ['host', 'a', 'Host', 'b'] }, 0],
  ] as readonly (readonly [string, Partial<CallOptions>, number | undefined])[]) {
    test(`is refused: ${what}`, () => {
      assert.throws(
        () => requestHead({ method: 'POST', path: '/', ...opts }, 'a', bodyLength),
        (error) => error instanceof OutriggerError && error.code === 'bad-request',
      );
    });
  }
});
