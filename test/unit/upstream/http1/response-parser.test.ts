import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { OutriggerError } from '../../../../src/errors.js';
import type { ResponseHead } from '../../../../src/upstream/http1/response-head.js';
import { ResponseParser, type ResponseSink } from '../../../../src/upstream/http1/response-parser.js';

/** What was read of a connection, up to the first mistake. */
class Transcript implements ResponseSink {
  readonly heads: ResponseHead[] = [];
  body = '';
  trailers: string[] | undefined;
  error: OutriggerError | undefined;
  /** Bytes behind the answer's end. */
  rest = '';
  endedByClose = false;
  readonly #parser = new ResponseParser(this);

  constructor(pieces: readonly Buffer[], method: string) {
    this.#parser.expect(method);
    try {
      for (const piece of pieces) {
        const taken = this.#parser.read(piece);
        this.rest += piece.toString('latin1', taken);
      }
      this.endedByClose = this.#parser.end();
    } catch (error) {
      assert.ok(error instanceof OutriggerError, String(error));
      this.error = error;
    }
  }

  onHead(head: ResponseHead): void {
    this.heads.push(head);
  }

  onBody(bytes: Buffer): void {
    assert.equal(this.trailers, undefined, 'nothing comes behind the end');
    this.body += bytes.toString('latin1');
  }

  onComplete(trailers: string[]): void {
    assert.equal(this.trailers, undefined, 'one end');
    this.trailers = trailers;
  }

  /** Everything that must not depend on how the bytes were cut. */
  get seen() {
    const { heads, body, trailers, rest, endedByClose, error } = this;
    return {
      heads,
      body,
      trailers,
      rest,
      endedByClose,
      error: error === undefined ? undefined : [error.code, error.reason],
    };
  }
}

const whole = (text: string, method = 'GET') => new Transcript([Buffer.from(text, 'latin1')], method);

/** Cuts bytes into pieces of these lengths, again and again. */
function cut(bytes: Buffer, lengths: readonly number[]): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const length = lengths[turn % lengths.length]!;
    pieces.push(bytes.subarray(at, at + length));
    at += length;
  }
  return pieces;
}

const OK = 'HTTP/1.1 200 OK\r\n';
const CHUNKED = `${OK}Transfer-Encoding: chunked\r\n\r\n`;

/** [what, bytes, what comes of it, method] */
const GOOD: readonly [
  string,
  string,
  { body: string; trailers?: string[]; rest?: string; status?: number },
  string?,
][] = [
  ['a length', `${OK}Content-Length: 5\r\n\r\nhello`, { body: 'hello', trailers: [] }],
  ['a length of nothing', `${OK}Content-Length: 0\r\n\r\n`, { body: '', trailers: [] }],
  ['a length with zeros before it', `${OK}Content-Length: 005\r\n\r\nhello`, { body: 'hello', trailers: [] }],
  [
    'bytes behind the end',
    `${OK}Content-Length: 2\r\n\r\nokHTTP/1.1 200 OK`,
    { body: 'ok', trailers: [], rest: 'HTTP/1.1 200 OK' },
  ],
  ['the end of the connection', `${OK}\r\nall of it`, { body: 'all of it', trailers: [] }],
  ['chunks', `${CHUNKED}5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n`, { body: 'hello world', trailers: [] }],
  [
    'chunk sizes in either case, with zeros',
    `${CHUNKED}00A\r\n0123456789\r\nb\r\n0123456789a\r\n000\r\n\r\n`,
    { body: '01234567890123456789a', trailers: [] },
  ],
  ['chunk extensions', `${CHUNKED}2;a=b;c="d\te"\r\nok\r\n0;last\r\n\r\n`, { body: 'ok', trailers: [] }],
  [
    'trailers',
    `${CHUNKED}2\r\nok\r\n0\r\nX-Sum: abc\r\nContent-Length: 7\r\n\r\n`,
    { body: 'ok', trailers: ['X-Sum', 'abc', 'Content-Length', '7'] },
  ],
  ['chunks of no bytes but the last', `${CHUNKED}0\r\n\r\n`, { body: '', trailers: [] }],
  ['any case of the coding', `${OK}TRANSFER-ENCODING: Chunked\r\n\r\n0\r\n\r\n`, { body: '', trailers: [] }],
  [
    '204, whatever its length says',
    'HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n',
    { body: '', trailers: [], status: 204 },
  ],
  [
    '304 with the length of what it would be',
    'HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n',
    { body: '', trailers: [], status: 304 },
  ],
  ['the answer to HEAD', `${OK}Content-Length: 99\r\n\r\n`, { body: '', trailers: [] }, 'HEAD'],
  ['the answer to HEAD in chunks', CHUNKED, { body: '', trailers: [] }, 'HEAD'],
  ['no reason', 'HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n', { body: '', trailers: [] }],
  ['a reason beyond ASCII', 'HTTP/1.1 200 \xc3\xa9t\xc3\xa9\r\nContent-Length: 0\r\n\r\n', { body: '', trailers: [] }],
  ['a status nobody knows', 'HTTP/1.1 799 Odd\r\nContent-Length: 0\r\n\r\n', { body: '', trailers: [], status: 799 }],
  [
    'interim answers before it',
    `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${OK}Content-Length: 2\r\n\r\nok`,
    { body: 'ok', trailers: [] },
  ],
];

/** [what, bytes, reason] */
const BAD: readonly [string, string, string][] = [
  ['no HTTP', 'SSH-2.0-OpenSSH_9.2\r\n\r\n', 'protocol'],
  ['HTTP/2', 'HTTP/2 200 OK\r\n\r\n', 'protocol'],
  ['HTTP/1.2', 'HTTP/1.2 200 OK\r\n\r\n', 'protocol'],
  ['HTTP/0.9', '<html>\r\n\r\n', 'protocol'],
  ['a status of two digits', 'HTTP/1.1 20 OK\r\n\r\n', 'protocol'],
  ['a status of four digits', 'HTTP/1.1 2000 OK\r\n\r\n', 'protocol'],
  ['a status below 100', 'HTTP/1.1 099 OK\r\n\r\n', 'protocol'],
  ['a status with a sign', 'HTTP/1.1 +20 OK\r\n\r\n', 'protocol'],
  ['two spaces before the status', 'HTTP/1.1  200 OK\r\n\r\n', 'protocol'],
  ['a bare LF', 'HTTP/1.1 200 OK\r\nA: b\nContent-Length: 0\r\n\r\n', 'protocol'],
  ['a bare CR', 'HTTP/1.1 200 OK\r\nA: b\rContent-Length: 0\r\n\r\n', 'protocol'],
  ['a NUL in a value', `${OK}A: b\0c\r\n\r\n`, 'protocol'],
  ['a control character in the reason', 'HTTP/1.1 200 O\x01K\r\n\r\n', 'protocol'],
  ['a space before the colon', `${OK}Content-Length : 0\r\n\r\n`, 'protocol'],
  ['a space in a name', `${OK}A B: c\r\n\r\n`, 'protocol'],
  ['no colon', `${OK}nothing\r\n\r\n`, 'protocol'],
  ['no name', `${OK}: value\r\n\r\n`, 'protocol'],
  ['a fold without a line before it', `${OK} folded: yes\r\n\r\n`, 'protocol'],
  ['a folded length', `${OK}Content-Length: 1\r\n 0\r\n\r\n0123456789`, 'protocol'],
  ['a folded coding', `${OK}Transfer-Encoding: chun\r\n\tked\r\n\r\n`, 'protocol'],
  ['two lengths', `${OK}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello`, 'protocol'],
  ['two lengths that are the same', `${OK}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello`, 'protocol'],
  ['a list of lengths', `${OK}Content-Length: 5, 5\r\n\r\nhello`, 'protocol'],
  ['a length with a sign', `${OK}Content-Length: +5\r\n\r\nhello`, 'protocol'],
  ['a negative length', `${OK}Content-Length: -1\r\n\r\n`, 'protocol'],
  ['a length in hex', `${OK}Content-Length: 0x5\r\n\r\nhello`, 'protocol'],
  ['a length beyond counting', `${OK}Content-Length: 99999999999999999999\r\n\r\n`, 'protocol'],
  ['an empty length', `${OK}Content-Length: \r\n\r\n`, 'protocol'],
  ['a length and chunks', `${OK}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 'protocol'],
  ['two codings', `${OK}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`, 'protocol'],
  ['two lines of coding', `${OK}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 'protocol'],
  ['another coding', `${OK}Transfer-Encoding: identity\r\n\r\nhello`, 'protocol'],
  ['a coding that looks like one', `${OK}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`, 'protocol'],
  ['a coding in HTTP/1.0', 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 'protocol'],
  ['a chunk size that is none', `${CHUNKED}zz\r\n`, 'body'],
  ['a chunk size that is missing', `${CHUNKED}\r\nok\r\n`, 'body'],
  ['a chunk size with a sign', `${CHUNKED}-2\r\nok\r\n`, 'body'],
  ['a chunk size behind a space', `${CHUNKED} 2\r\nok\r\n`, 'body'],
  ['a chunk size before a space', `${CHUNKED}2 \r\nok\r\n`, 'body'],
  ['a chunk size with 0x', `${CHUNKED}0x2\r\nok\r\n`, 'body'],
  ['a chunk size beyond counting', `${CHUNKED}fffffffffffffffff\r\n`, 'body'],
  ['a chunk size that ends with LF', `${CHUNKED}2\nok\r\n0\r\n\r\n`, 'body'],
  ['a chunk that is longer than its size', `${CHUNKED}2\r\nokay\r\n0\r\n\r\n`, 'body'],
  ['a chunk that ends with LF', `${CHUNKED}2\r\nok\n0\r\n\r\n`, 'body'],
  ['a bare CR in a chunk extension', `${CHUNKED}2;a\rb\r\nok\r\n0\r\n\r\n`, 'body'],
  ['a bare LF in a chunk extension', `${CHUNKED}2;a\nb\r\nok\r\n0\r\n\r\n`, 'body'],
  ['endless chunk extensions', `${CHUNKED}2;${'a'.repeat(17_000)}\r\nok\r\n0\r\n\r\n`, 'body'],
  ['endless chunk extensions, a few to each chunk', CHUNKED + `1;${'a'.repeat(100)}\r\nx\r\n`.repeat(200), 'body'],
  ['a trailer without a colon', `${CHUNKED}0\r\nnothing\r\n\r\n`, 'protocol'],
  ['trailers that are too large', `${CHUNKED}0\r\nA: ${'a'.repeat(70_000)}`, 'body'],
  ['a head that is too large', `${OK}A: ${'a'.repeat(70_000)}\r\n\r\n`, 'headers-too-large'],
  ['a head that never ends', OK + 'A: b\r\n'.repeat(20_000), 'headers-too-large'],
  ['a status line that never ends', `HTTP/1.1 200 ${'a'.repeat(70_000)}`, 'headers-too-large'],
  ['an endless row of interim answers', 'HTTP/1.1 102 Processing\r\n\r\n'.repeat(1_001), 'protocol'],
];

/** Whole, byte by byte, and in pieces that end inside CRLF CRLF. */
const CUTS: readonly (readonly number[])[] = [[1], [2], [3], [5, 1], [17, 2], [1_000]];

describe('an answer', () => {
  for (const [what, text, { status = 200, rest = '', ...expected }, method] of GOOD) {
    test(`is read: ${what}`, () => {
      const seen = whole(text, method);
      assert.equal(seen.error, undefined);
      assert.deepEqual(
        { status: seen.heads.at(-1)?.status, body: seen.body, trailers: seen.trailers, rest: seen.rest },
        { status, rest, ...expected },
      );
    });
  }

  for (const [what, text, reason] of BAD) {
    test(`is a bad response: ${what}`, () => {
      const { error } = whole(text);
      assert.deepEqual([error?.code, error?.reason], ['bad-response', reason]);
    });
  }

  test('is the same however its bytes are cut', () => {
    let tried = 0;
    for (const [what, text, , method = 'GET'] of [...GOOD, ...BAD.map(([name, bytes]) => [name, bytes, {}] as const)]) {
      const bytes = Buffer.from(text, 'latin1');
      const { seen } = whole(text, method);
      for (const lengths of CUTS) {
        const pieces = new Transcript(cut(bytes, lengths), method).seen;
        assert.deepEqual(pieces, seen, `${what}, in pieces of ${lengths.join(', ')}`);
        tried++;
      }
    }
    assert.equal(tried, (GOOD.length + BAD.length) * CUTS.length);
  });

  test('that is cut short is never whole', () => {
    for (const text of [`${OK}Content-Length: 5\r\n\r\nhello`, `${CHUNKED}5\r\nhello\r\n0\r\n\r\n`]) {
      for (let length = 1; length < text.length; length++) {
        const { trailers, endedByClose } = whole(text.slice(0, length));
        assert.deepEqual([trailers, endedByClose], [undefined, false], `the first ${length} bytes`);
      }
    }
  });

  test('has its folded lines unfolded (RFC 9112, 5.2)', () => {
    const { heads } = whole(`${OK}A: one\r\n  two\r\n\tthree\r\nB: c\r\nContent-Length: 0\r\n\r\n`);
    assert.deepEqual(heads[0]?.rawHeaders, ['A', 'one two three', 'B', 'c', 'Content-Length', '0']);
  });

  test('keeps names, values and bytes as they are, and takes the white space around values off', () => {
    const { heads } = whole(
      `${OK}X-Odd:\t \xe9\xff "a:b" \t\r\n__proto__: x\r\nEmpty:\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n\r\n`,
    );
    assert.deepEqual(heads[0]?.rawHeaders, [
      ...['X-Odd', '\xe9\xff "a:b"', '__proto__', 'x', 'Empty', ''],
      ...['Set-Cookie', 'a', 'Set-Cookie', 'b'],
    ]);
  });

  for (const [what, head, persistent, keepAliveMs] of [
    ['HTTP/1.1 alone', OK, true, undefined],
    ['HTTP/1.1 with close', `${OK}Connection: Close\r\n`, false, undefined],
    ['HTTP/1.1 with close in a list', `${OK}Connection: keep-alive, close\r\n`, false, undefined],
    ['HTTP/1.1 with close in a second line', `${OK}Connection: x-a\r\nConnection: close\r\n`, false, undefined],
    ['HTTP/1.1 with something like close', `${OK}Connection: closed\r\n`, true, undefined],
    ['HTTP/1.0 alone', 'HTTP/1.0 200 OK\r\n', false, undefined],
    ['HTTP/1.0 with keep-alive', 'HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\n', true, undefined],
    ['a hint', `${OK}Keep-Alive: timeout=5, max=100\r\n`, true, 5_000],
    ['a hint among others', `${OK}Keep-Alive: max=100;timeout = "7"\r\n`, true, 7_000],
    ['a hint that is none', `${OK}Keep-Alive: xtimeout=5\r\n`, true, undefined],
  ] as const) {
    test(`leaves the connection: ${what}`, () => {
      const { heads } = whole(`${head}Content-Length: 0\r\n\r\n`);
      assert.deepEqual([heads[0]?.persistent, heads[0]?.keepAliveMs], [persistent, keepAliveMs]);
    });
  }

  test('that ends with its connection leaves none', () => {
    assert.equal(whole(`${OK}\r\nall`).heads[0]?.persistent, false);
  });
});

describe('reading', () => {
  test('stops where it is told to', () => {
    let bodies = 0;
    const parser: ResponseParser = new ResponseParser({
      onHead: () => {},
      onBody: () => {
        bodies++;
        parser.stop();
      },
      onComplete: () => assert.fail('it was stopped'),
    });
    parser.expect('GET');
    const input = Buffer.from(`${CHUNKED}2\r\nok\r\n2\r\nno\r\n0\r\n\r\n`);
    assert.ok(parser.read(input) < input.length);
    assert.deepEqual([bodies, parser.idle], [1, true]);
  });

  test('leaves what follows 101 to whoever switches', () => {
    const { heads, rest, trailers } = whole('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81\x02hi');
    assert.deepEqual([heads[0]?.status, rest, trailers], [101, '\x81\x02hi', undefined]);
  });

  test('of a head that comes byte by byte takes time in proportion to it', () => {
    // 64 KiB, each byte a piece: were what is there copied or searched anew for each, it would be 2 GB.
    const bytes = Buffer.from(`${OK}A: ${'a'.repeat(65_000)}\r\nContent-Length: 0\r\n\r\n`);
    const started = process.cpuUsage();
    assert.deepEqual(new Transcript(cut(bytes, [1]), 'GET').trailers, []);
    assert.ok(process.cpuUsage(started).user < 1_000_000);
  });

  test('of any bytes ends well or in a bad response, and never depends on the cuts', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        'HTTP/1.1 200 OK\r\n',
        'HTTP/1.0 ',
        '204',
        '\r\n',
        '\r',
        '\n',
        ':',
        ' ',
        '0\r\n',
        '2\r\nok\r\n',
        ';x',
        'ffff',
      ),
      fc.constantFrom('Content-Length: 2\r\n', 'Transfer-Encoding: chunked\r\n', 'Connection: close\r\n', '\r\n\r\n'),
      fc.string({ unit: 'binary', maxLength: 4 }).map((text) => Buffer.from(text).toString('latin1')),
    );
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 14 }).map((pieces) => pieces.join('')),
        fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 4 }),
        fc.constantFrom('GET', 'HEAD'),
        (text, lengths, method) => {
          assert.deepEqual(
            new Transcript(cut(Buffer.from(text, 'latin1'), lengths), method).seen,
            whole(text, method).seen,
          );
        },
      ),
      { numRuns: 500 },
    );
  });

  test('takes off what the chunked coding puts on, however it is cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 4 }),
        (chunks, lengths) => {
          const coded = chunks.flatMap((chunk) => [
            Buffer.from(`${chunk.length.toString(16)}\r\n`),
            chunk,
            Buffer.from('\r\n'),
          ]);
          const bytes = Buffer.concat([Buffer.from(CHUNKED), ...coded, Buffer.from('0\r\n\r\n')]);
          const { body, trailers } = new Transcript(cut(bytes, lengths), 'GET');
          assert.equal(body, Buffer.concat(chunks).toString('latin1'));
          assert.deepEqual(trailers, []);
        },
      ),
    );
  });
});
