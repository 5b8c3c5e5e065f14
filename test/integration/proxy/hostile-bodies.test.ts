/** Bodies of answers that no upstream should send, through the whole proxy. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FIN, RST, startHostile, type Step } from '../../support/hostile-upstream.js';

const OK = 'HTTP/1.1 200 OK\r\n';
const CHUNKED = `${OK}Transfer-Encoding: chunked\r\n\r\n`;
const EVIL = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil';

const BROKEN: readonly (readonly [what: string, body: string, ...steps: Step[]])[] = [
  ['shorter than its length', 'half', `${OK}Content-Length: 9\r\n\r\nhalf`, FIN],
  ['shorter than its length, and reset', 'half', `${OK}Content-Length: 9\r\n\r\nhalf`, { waitMs: 10 }, RST],
  ['shorter than a length of 53 bits', 'ok', `${OK}Content-Length: 999999999999999\r\n\r\nok`, FIN],
  ['a chunk whose size is none', '', `${CHUNKED}zz\r\n`],
  ['a chunk whose size is negative', '', `${CHUNKED}-2\r\nok\r\n0\r\n\r\n`],
  ['a chunk whose size begins with 0x', '', `${CHUNKED}0x2\r\nok\r\n0\r\n\r\n`],
  ['a chunk whose size has a space', '', `${CHUNKED}2 \r\nok\r\n0\r\n\r\n`],
  ['a chunk whose size overflows', '', `${CHUNKED}FFFFFFFFFFFFFFFFF\r\nok\r\n`],
  ['a chunk of 48 bits', 'ok\r\n', `${CHUNKED}FFFFFFFFFFFF\r\nok\r\n`, FIN],
  ['a chunk extension of 200 KB', '', `${CHUNKED}2;a=${'b'.repeat(200_000)}\r\nok\r\n0\r\n\r\n`],
  ['a chunk longer than its size', 'ok', `${CHUNKED}2\r\nokay\r\n0\r\n\r\n`],
  ['a chunk without its line end', 'ok', `${CHUNKED}2\r\nok0\r\n\r\n`],
  ['chunks with LF alone', '', `${CHUNKED}2\nok\n0\n\n`],
  ['no last chunk', 'ok', `${CHUNKED}2\r\nok\r\n`, FIN],
  ['a trailer without a colon', 'ok', `${CHUNKED}2\r\nok\r\n0\r\nabc\r\n\r\n`],
  ['trailers of 70 KB', 'ok', `${CHUNKED}2\r\nok\r\n0\r\nX: ${'a'.repeat(70_000)}\r\n\r\n`],
  ['trailers that end with the connection', 'ok', `${CHUNKED}2\r\nok\r\n0\r\nX: 1\r\n`, FIN],
  [
    'nothing more for longer than idleTimeout',
    'half',
    `${OK}Content-Length: 9\r\n\r\nhalf`,
    { waitMs: 3_000 },
    'later',
  ],
  ['drips, and then nothing', 'abc', CHUNKED, ...drips('a', 'b', 'c'), { waitMs: 3_000 }, '1\r\nd\r\n0\r\n\r\n'],
];

function drips(...pieces: string[]): Step[] {
  return pieces.flatMap((piece): Step[] => [`1\r\n${piece}\r\n`, { waitMs: 50 }]);
}

test('a body that breaks never seems whole', async (t) => {
  const upstream = await startHostile(t);
  let broken = 0;
  for (const [what, body, ...steps] of BROKEN) {
    await t.test(what, async () => {
      upstream.does(steps);
      const answer = await upstream.ask();
      // What broke before anything of it was sent on is no answer at all.
      if (answer.status !== undefined) assert.deepEqual([answer.status, answer.body], [200, body]);
      assert.deepEqual([answer.whole, answer.code], [false, undefined]);
      assert.equal(await upstream.attempts('bad-response'), ++broken);
      const line = upstream.log[broken - 1];
      assert.deepEqual([line?.error, line?.outcome, line?.status], ['bad-response', 'failure', 200]);
      await upstream.nextIsRight();
    });
  }
  assert.equal(upstream.log.length, broken);
  const idle = await upstream.app.metric('timeouts_total{route="all",upstream="up",kind="idle"}');
  assert.equal(idle, 2, 'those that stalled are told apart');
});

test('an endless chunk extension is cut off: it is no body', async (t) => {
  const upstream = await startHostile(t);
  let written = 0;
  upstream.does(({ socket }) => {
    socket.write(`${CHUNKED}2\r\nok\r\n2`);
    const timer = setInterval(() => {
      if (socket.destroyed || !socket.writable) clearInterval(timer);
      else if (socket.writableLength === 0) socket.write(`;${'a'.repeat(10_000)}`, () => (written += 10_000));
    }, 5);
    socket.on('close', () => clearInterval(timer));
  });
  const answer = await upstream.ask();
  assert.deepEqual([answer.status, answer.body, answer.whole], [200, 'ok', false]);
  assert.ok(written > 0 && answer.tookMs < 4_000, `${written} bytes, ${answer.tookMs} ms`);
  await upstream.nextIsRight();
});

const WHOLE: readonly (readonly [what: string, body: string, ...steps: Step[]])[] = [
  ['longer than its length', 'ok', `${OK}Content-Length: 2\r\n\r\nok and more`],
  ['longer by an answer of its own', 'ok', `${OK}Content-Length: 2\r\n\r\nok${EVIL}`],
  ['longer by half an answer', 'ok', `${OK}Content-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Le`],
  ['chunks, and an answer behind them', 'ok', `${CHUNKED}2\r\nok\r\n0\r\n\r\n${EVIL}`],
  ['a chunk extension of 10 KB', 'ok', `${CHUNKED}2;a=${'b'.repeat(10_000)}\r\nok\r\n0\r\n\r\n`],
  ['as long as its connection', 'ok', `${OK}\r\nok`, FIN],
  ['205 with a body', 'ok', 'HTTP/1.1 205 Reset\r\nContent-Length: 2\r\n\r\nok'],
  ['204 with a length and a body', '', `HTTP/1.1 204 No\r\nContent-Length: ${EVIL.length}\r\n\r\n${EVIL}`],
  ['204 with chunks', '', 'HTTP/1.1 204 No\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nevil\r\n0\r\n\r\n'],
  ['204 with an answer behind it', '', `HTTP/1.1 204 No\r\n\r\n${EVIL}`],
  ['304 with a length and a body', '', `HTTP/1.1 304 No\r\nContent-Length: ${EVIL.length}\r\n\r\n${EVIL}`],
  ['304 with chunks', '', 'HTTP/1.1 304 No\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nevil\r\n0\r\n\r\n'],
  ['304 with an answer behind it', '', `HTTP/1.1 304 No\r\n\r\n${EVIL}`],
];

test('what is more than the answer is given to nobody', async (t) => {
  const upstream = await startHostile(t);
  for (const [what, body, ...steps] of WHOLE) {
    await t.test(what, async () => {
      upstream.does(steps);
      const answer = await upstream.ask();
      assert.deepEqual([answer.body, answer.whole, answer.rest], [body, true, '']);
      await upstream.nextIsRight();
      // Two at once, so that whatever connections are left are used.
      await Promise.all([upstream.nextIsRight(), upstream.nextIsRight()]);
    });
  }
  for (const [what, steps] of [
    ['a body', [`${OK}Content-Length: 4\r\n\r\nevil`]],
    ['an answer for a body', [`${OK}Connection: keep-alive\r\nContent-Length: ${EVIL.length}\r\n\r\n${EVIL}`]],
    ['a body later', [`${OK}Connection: keep-alive\r\nContent-Length: 4\r\n\r\n`, { waitMs: 10 }, EVIL]],
    ['chunks', [`${CHUNKED}4\r\nevil\r\n0\r\n\r\n`]],
  ] as const) {
    await t.test(`HEAD answered with ${what}`, async () => {
      upstream.does(steps);
      const answer = await upstream.ask('/', { method: 'HEAD' });
      assert.deepEqual([answer.status, answer.rest], [200, '']);
      for (let i = 0; i < 3; i++) await upstream.nextIsRight();
    });
  }
  assert.equal(await upstream.attempts('bad-response'), 0);
  assert.equal(await upstream.attempts('reset'), 0);
});

test('trailers that frame or route are left out, and hurt nobody', async (t) => {
  const upstream = await startHostile(t);
  for (const [what, trailers, expected] of [
    ['an ordinary one', 'X-Sum: 1\r\n', 'x-sum: 1'],
    ['Content-Length', 'Content-Length: 9\r\n', ''],
    ['a Content-Length that fits', 'Content-Length: 2\r\n', ''],
    ['Content-Length among others', 'X-Sum: 1\r\nContent-Length: 2\r\nX-Tag: 2\r\n', 'x-sum: 1\r\nx-tag: 2'],
    ['Transfer-Encoding', 'Transfer-Encoding: chunked\r\nX-Sum: 1\r\n', 'x-sum: 1'],
    [
      'Host, Connection and Content-Type',
      'Host: b\r\nConnection: close\r\nContent-Type: a/b\r\nX-Sum: 1\r\n',
      'x-sum: 1',
    ],
    ['names of what every object has', '__proto__: 1\r\nconstructor: 2\r\n', '__proto__: 1\r\nconstructor: 2'],
  ] as const) {
    await t.test(what, async () => {
      upstream.does([`${CHUNKED}2\r\nok\r\n0\r\n${trailers}\r\n`]);
      const answer = await upstream.ask();
      assert.deepEqual([answer.body, answer.whole, answer.trailers.toLowerCase()], ['ok', true, expected]);
      await upstream.nextIsRight();
    });
  }
});

test('an answer that ends with its connection is broken by a reset, however soon that comes', async (t) => {
  const upstream = await startHostile(t);
  for (const head of ['HTTP/1.0 200 OK\r\n\r\n', `${OK}\r\n`, `${OK}Connection: close\r\n\r\n`]) {
    upstream.does([`${head}a part`, RST]);
    const answer = await upstream.ask();
    assert.equal(answer.whole, false);
    await upstream.nextIsRight();
  }
  assert.equal(await upstream.attempts('bad-response'), 3);
});

test('an answer with a length is whole though a reset comes with its last byte', async (t) => {
  const upstream = await startHostile(t);
  for (let i = 0; i < 5; i++) {
    upstream.does([`${OK}Content-Length: 7\r\n\r\nall the`, RST]);
    const answer = await upstream.ask();
    assert.deepEqual([answer.body, answer.whole], ['all the', true]);
    await upstream.nextIsRight();
  }
});
