/** Whatever is sent through the whole proxy comes out as it went in, both ways, however it is framed and cut. */
import assert from 'node:assert/strict';
import { createServer, request, type IncomingMessage } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { startApp } from '../../support/running-app.js';

const RUNS = Number(process.env.FUZZ_RUNS ?? 150);

/** A message: headers, content in pieces, and how the end of the content is told. */
interface Message {
  readonly headers: readonly (readonly [string, string])[];
  readonly pieces: readonly Uint8Array[];
  readonly framing: 'length' | 'chunked' | 'close';
  readonly trailers: readonly (readonly [string, string])[];
  /** The bytes are sent in parts of these lengths, again and again. */
  readonly cuts: readonly number[];
}

const name = fc
  .stringMatching(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,12}$/)
  // Of its own, so that it is none of those that frame a message or are the proxy's.
  .map((text) => `q-${text}`);
const value = fc
  .array(fc.oneof(fc.integer({ min: 0x20, max: 0x7e }), fc.constant(9), fc.integer({ min: 0x80, max: 0xff })), {
    maxLength: 20,
  })
  .map((codes) => String.fromCharCode(...codes).replace(/^[ \t]+|[ \t]+$/g, ''));
const fields = fc.array(fc.tuple(name, value), { maxLength: 8 });

const message = (framing: Message['framing'][]): fc.Arbitrary<Message> =>
  fc.record({
    headers: fields,
    pieces: fc.array(
      fc.oneof(
        fc.uint8Array({ minLength: 1, maxLength: 40 }),
        // Beyond what is written in one piece with a head, and beyond what is read at once; told by their lengths.
        fc
          .constantFrom(4_095, 4_096, 4_097, 16_384, 65_537, 200_000)
          .map((length) => new Uint8Array(length).fill(length)),
        // What looks like framing is content here.
        fc
          .constantFrom('0\r\n\r\n', '\r\n\r\nHTTP/1.1 200 OK\r\n\r\n', 'GET / HTTP/1.1\r\n\r\n')
          .map((text) => Buffer.from(text)),
      ),
      { maxLength: 5 },
    ),
    framing: fc.constantFrom(...framing),
    trailers: fc.array(fc.tuple(name, value), { maxLength: 3 }),
    cuts: fc.array(fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 100, max: 70_000 })), {
      minLength: 1,
      maxLength: 4,
    }),
  });

const lines = (pairs: Message['headers']) => pairs.map(([field, text]) => `${field}: ${text}\r\n`).join('');

/** A message's bytes behind its first line. */
function bytesOf({ headers, pieces, framing, trailers }: Message): Buffer {
  const content = Buffer.concat(pieces);
  const head = {
    length: `content-length: ${content.length}\r\n`,
    chunked: 'transfer-encoding: chunked\r\n',
    close: '',
  }[framing];
  const body =
    framing === 'chunked'
      ? Buffer.concat([
          ...pieces.flatMap((piece) => [Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n')]),
          Buffer.from(`0\r\n${lines(trailers)}\r\n`, 'latin1'),
        ])
      : content;
  return Buffer.concat([Buffer.from(`${lines(headers)}${head}\r\n`, 'latin1'), body]);
}

async function send(socket: Socket, bytes: Buffer, cuts: readonly number[]): Promise<void> {
  // So many pieces are enough of small ones.
  let pieces = 0;
  for (let at = 0; at < bytes.length && !socket.destroyed; pieces++) {
    const length = pieces < 60 ? cuts[pieces % cuts.length]! : bytes.length;
    if (!socket.write(bytes.subarray(at, at + length))) await new Promise((resolve) => socket.once('drain', resolve));
    at += length;
    if (pieces % 3 === 0) await setImmediate();
  }
}

/** Our own fields, [name in lower case, value]. */
function own(raw: readonly string[]): string[] {
  const found: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    if (/^q-/i.test(raw[i]!)) found.push(`${raw[i]!}: ${raw[i + 1]!}`);
  }
  return found;
}

const written = (pairs: Message['headers']) => pairs.map(([field, text]) => `${field}: ${text}`);

async function read(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** An upstream that notes what it gets and answers with the bytes it was given. */
async function upstream(t: TestContext) {
  const state: { answer: Message; seen: { headers: string[]; body: Buffer }[] } = {
    answer: { headers: [], pieces: [], framing: 'length', trailers: [], cuts: [1] },
    seen: [],
  };
  const server = createServer({ requestTimeout: 0 }, (incoming) => {
    void read(incoming).then(async (body) => {
      state.seen.push({ headers: own(incoming.rawHeaders), body });
      const { answer } = state;
      // The connection ends with the answer: Node's own response never comes to an end.
      await send(
        incoming.socket,
        Buffer.concat([Buffer.from('HTTP/1.1 200 OK\r\nconnection: close\r\n'), bytesOf(answer)]),
        answer.cuts,
      );
      incoming.socket.end();
    });
  });
  server.maxHeadersCount = 0;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { state, origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

async function call(port: number, method: string, { headers, pieces, framing, cuts }: Message) {
  const raw = headers.flat();
  if (framing === 'length') raw.push('content-length', String(Buffer.concat(pieces).length));
  else raw.push('transfer-encoding', 'chunked');
  const outgoing = request({
    port,
    host: '127.0.0.1',
    method,
    path: '/x',
    headers: ['host', 'a.example', ...raw],
    agent: false,
  });
  outgoing.setNoDelay(true);
  const answered = new Promise<IncomingMessage>((resolve, reject) =>
    outgoing.once('response', resolve).once('error', reject),
  );
  for (const [index, piece] of pieces.entries()) {
    outgoing.write(piece);
    if (cuts[index % cuts.length]! < 9) await setImmediate();
  }
  outgoing.end();
  const incoming = await answered;
  const body = await read(incoming);
  return { status: incoming.statusCode, headers: own(incoming.rawHeaders), body, trailers: own(incoming.rawTrailers) };
}

test('bytes out are bytes in, for headers, content and trailers', { timeout: 170_000 }, async (t) => {
  const { state, origin } = await upstream(t);
  const app = await startApp(
    t,
    `upstreams: { up: { url: '${origin}' } }\nroutes: [{ name: all, match: { path: /* }, upstream: up, timeout: 30s, attemptTimeout: 20s }]\n`,
  );
  let tried = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom('POST', 'PUT'),
      message(['length', 'chunked']),
      message(['length', 'chunked', 'close']),
      async (method, sent, answer) => {
        state.answer = answer;
        state.seen.length = 0;
        tried++;
        const got = await call(app.port, method, sent);
        assert.equal(got.status, 200);
        assert.equal(state.seen.length, 1, 'the upstream saw one request');
        const [seen] = state.seen;
        assert.deepEqual(seen?.headers, written(sent.headers));
        assert.ok(seen.body.equals(Buffer.concat(sent.pieces)), 'the content of the request');
        assert.deepEqual(got.headers, written(answer.headers));
        assert.ok(got.body.equals(Buffer.concat(answer.pieces)), 'the content of the answer');
        if (answer.framing === 'chunked') assert.deepEqual(got.trailers, written(answer.trailers));
      },
    ),
    { numRuns: RUNS },
  );
  assert.ok(tried >= RUNS);
});
