/** Heads of answers that no upstream should send, through the whole proxy: what the app, the operator and the next call get. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytewise, FIN, play, startHostile, type Step } from '../../support/hostile-upstream.js';
import { rawClient } from '../../support/raw-client.js';
import { until } from '../../support/running-app.js';

const OK = 'HTTP/1.1 200 OK\r\n';
const TWO = 'Content-Length: 2\r\n\r\nok';
const CHUNKS = '2\r\nok\r\n0\r\n\r\n';

const with200 = (fields: string) => `${OK}${fields}\r\n${TWO}`;
const coded = (fields: string, body = CHUNKS) => `${OK}${fields}\r\n\r\n${body}`;

const MALFORMED: readonly (readonly [what: string, ...steps: Step[]])[] = [
  ['a status line of another protocol', 'ICMP/9 what?\r\n\r\n'],
  ['a body without a head', '<html>hello</html>', FIN],
  ['a greeting', 'SSH-2.0-OpenSSH_9.2\r\n'],
  ['a status of two digits', `HTTP/1.1 20 x\r\n${TWO}`],
  ['a status of four digits', `HTTP/1.1 2000 x\r\n${TWO}`],
  ['the status 000', `HTTP/1.1 000 x\r\n${TWO}`],
  ['the status 099', `HTTP/1.1 099 x\r\n${TWO}`],
  ['a status with a letter', `HTTP/1.1 2x0 OK\r\n${TWO}`],
  ['a version that is not spoken', `HTTP/3.0 200 OK\r\n${TWO}`],
  ['a version in lower case', `http/1.1 200 OK\r\n${TWO}`],
  ['a status line without its space', `HTTP/1.1200 OK\r\n${TWO}`],
  ['lines that end in LF alone', 'HTTP/1.1 200 OK\nContent-Length: 2\n\nok'],
  ['a name with a space', with200('X Y: 1')],
  ['a space before a colon', `${OK}Content-Length : 2\r\n\r\nok`],
  ['a field without a colon', with200('abc')],
  ['a field without a name', with200(': x')],
  ['a NUL in a value', with200('X: a\0b')],
  ['another control character in a value', with200('X: a\x01b')],
  ['a bare CR in a value', with200('X: a\rb')],
  ['empty lines before it', `\r\n\r\n${OK}${TWO}`],
  ['lines that end in LF alone, and no more', 'HTTP/1.1 200 OK\nContent-Length: 2\n', { waitMs: 2_000 }, '\nok'],
  ['a folded Content-Length', `${OK}Content-Length:\r\n 2\r\n\r\nok`],
  ['two equal Content-Lengths', `${OK}Content-Length: 2\r\nContent-Length: 2\r\n\r\nok`],
  ['two Content-Lengths', `${OK}Content-Length: 2\r\nContent-Length: 3\r\n\r\nok`],
  ['a list for a Content-Length', `${OK}Content-Length: 2, 2\r\n\r\nok`],
  ['a Content-Length with a sign', `${OK}Content-Length: +2\r\n\r\nok`],
  ['a negative Content-Length', `${OK}Content-Length: -2\r\n\r\nok`],
  ['a Content-Length in hexadecimal', `${OK}Content-Length: 0x2\r\n\r\nok`],
  ['an empty Content-Length', `${OK}Content-Length:\r\n\r\nok`, FIN],
  ['a Content-Length beyond 53 bits', `${OK}Content-Length: 18446744073709551614\r\n\r\nok`, FIN],
  ['a Content-Length beyond 64 bits', `${OK}Content-Length: 99999999999999999999\r\n\r\nok`],
  ['a length and a coding', `${OK}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n${CHUNKS}`],
  ['a coding and a length', `${OK}Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n${CHUNKS}`],
  ['gzip under chunks', coded('Transfer-Encoding: gzip, chunked')],
  ['gzip under chunks in two fields', coded('Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked')],
  ['gzip without chunks', coded('Transfer-Encoding: gzip', 'ok'), FIN],
  ['chunks under gzip', coded('Transfer-Encoding: chunked, gzip'), FIN],
  ['chunks twice', coded('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked')],
  ['the coding identity', coded('Transfer-Encoding: identity', 'ok'), FIN],
  ['a coding that only looks like chunked', coded('Transfer-Encoding: xchunked', 'ok'), FIN],
  ['chunked with a parameter', coded('Transfer-Encoding: chunked;q=1', 'ok'), FIN],
  ['an empty Transfer-Encoding', coded('Transfer-Encoding:', 'ok'), FIN],
  ['101 to a request that asked for no upgrade', 'HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'],
  ['101 without an upgrade', `HTTP/1.1 101 Switching\r\n\r\n${OK}${TWO}`],
  ['a head of 70 KB', with200(`X: ${'a'.repeat(70_000)}`)],
  ['a head of a hundred thousand fields', `${OK}${'a:\r\n'.repeat(100_000)}${TWO}`],
  ['a status line of 300 KB', `HTTP/1.1 200 ${'a'.repeat(300_000)}\r\n${TWO}`],
];

test('a malformed head is a bad response', async (t) => {
  const upstream = await startHostile(t);
  let bad = 0;
  for (const [what, ...steps] of MALFORMED) {
    await t.test(what, async () => {
      upstream.does(steps);
      const answer = await upstream.ask();
      assert.deepEqual([answer.status, answer.code, answer.whole], [502, 'bad-response', true]);
      assert.equal(answer.headers.get('proxy-status')?.startsWith('outrigger; error=http_'), true);
      assert.equal(await upstream.attempts('bad-response'), ++bad);
      assert.deepEqual(upstream.log.map(({ error, outcome, status }) => [error, outcome, status])[bad - 1], [
        'bad-response',
        'failure',
        502,
      ]);
      await upstream.nextIsRight();
    });
  }
  assert.equal(upstream.log.length, bad, 'a line for each, and no other');
});

const ODD: readonly (readonly [what: string, steps: readonly Step[], reason?: string])[] = [
  ['a folded field, which is unfolded', [with200('X: a\r\n b: c')]],
  ['no reason', [`HTTP/1.1 200\r\n${TWO}`], ''],
  ['a length with leading zeros', [`${OK}Content-Length: 0002\r\n\r\nok`]],
  ['Chunked in upper case', [coded('TRANSFER-ENCODING: CHUNKED')]],
  ['a head of 60 KB', [with200(`X: ${'a'.repeat(60_000)}`)]],
  ['a Connection that names Content-Length', [with200('Connection: content-length')]],
  ['a reason in two pieces', ['HTTP/1.1 200 Very', { waitMs: 10 }, ` well\r\n${TWO}`], 'Very well'],
  ['every byte by itself', bytewise(`${OK}${TWO}`)],
];

test('a head that is odd and lawful passes', async (t) => {
  const upstream = await startHostile(t);
  for (const [what, steps, reason = 'OK'] of ODD) {
    await t.test(what, async () => {
      upstream.does(steps);
      const answer = await upstream.ask();
      assert.deepEqual([answer.status, answer.reason, answer.body, answer.whole], [200, reason, 'ok', true]);
      await upstream.nextIsRight();
    });
  }
});

test('a head that never ends is given up at the attempt timeout, and its connection closed', async (t) => {
  const upstream = await startHostile(t);
  for (const beginning of ['HTTP/1.1 200 O', OK, `${OK}X: a`]) {
    upstream.does([beginning]);
    const answer = await upstream.ask();
    assert.deepEqual([answer.status, answer.code], [504, 'timeout']);
    assert.ok(answer.tookMs >= 499, `after ${answer.tookMs} ms`);
    const socket = upstream.seen.at(-1)?.socket;
    await until(() => socket?.destroyed === true || socket?.readableEnded === true, 'the connection is closed');
    await upstream.nextIsRight();
  }
  assert.equal(await upstream.attempts('timeout'), 3);
});

test('a status line that never ends is cut off at 64 KiB, long before its time is over', async (t) => {
  const upstream = await startHostile(t, { route: 'retry: false, attemptTimeout: 20s' });
  upstream.does(({ socket }) => {
    socket.write('HTTP/1.1 200 ');
    const more = () => {
      while (!socket.destroyed && socket.write('a'.repeat(10_000)));
    };
    socket.on('drain', more);
    more();
  });
  const answer = await upstream.ask();
  assert.deepEqual([answer.status, answer.code], [502, 'bad-response']);
  assert.equal(answer.headers.get('proxy-status'), 'outrigger; error=http_response_header_section_size');
  assert.ok(answer.tookMs < 5_000, `after ${answer.tookMs} ms`);
  await upstream.nextIsRight();
});

test('fields by the names of what every object has are fields like others, also where a policy reads them', async (t) => {
  const NAMES = ['__proto__', 'constructor', 'hasOwnProperty', 'toString', 'valueOf'];
  const fields = NAMES.map((name) => `${name}: 1\r\n${name}: 2\r\n`).join('');
  const upstream = await startHostile(t, {
    route:
      'retry: { backoff: { base: 1ms }, on: ["503", "retriable-header:x-again"] }, ' +
      'fallback: { steps: [{ stale: {} }, { response: { status: 200, body: stood in } }] }',
  });
  let answers = 0;
  upstream.does(({ socket }) => {
    const [line, more] = [
      ['HTTP/1.1 503 No', ''],
      ['HTTP/1.1 418 No', 'x-again: 1\r\n'],
    ][answers++] ?? ['HTTP/1.1 200 OK', ''];
    void play(socket, [`${line}\r\n${fields}${more}${TWO}`]);
  });
  const answer = await upstream.ask();
  assert.deepEqual([answer.status, answer.body, answer.headers.get('x-outrigger-attempts')], [200, 'ok', '3']);
  for (const name of NAMES) assert.equal(answer.headers.get(name.toLowerCase()), '2');
  upstream.does([`HTTP/1.1 503 No\r\n${fields}Retry-After: 100\r\n${TWO}`]);
  const kept = await upstream.ask();
  assert.deepEqual([kept.status, kept.body, kept.headers.get('x-outrigger-fallback')], [200, 'ok', 'stale']);
  for (const name of NAMES) assert.equal(kept.headers.get(name.toLowerCase()), '2');
  assert.equal(({} as Record<string, unknown>)['1'], undefined);
  await upstream.nextIsRight();
});

const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n';
const PROCESSING = 'HTTP/1.1 102 Processing\r\n\r\n';
const HINTS = 'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n';

const INTERIM: readonly (readonly [what: string, before: readonly Step[], passed: readonly number[]])[] = [
  ['100 that nobody asked for', [CONTINUE], []],
  ['100 with fields', ['HTTP/1.1 100 Continue\r\nDate: today\r\nX: 1\r\n\r\n'], []],
  ['100 without a reason', ['HTTP/1.1 100\r\n\r\n'], []],
  ['100 byte by byte', bytewise(CONTINUE), []],
  ['100 in pieces', ['HTTP/1.1 100 Cont', { waitMs: 5 }, 'inue\r\n', { waitMs: 5 }, '\r\n'], []],
  ['100 some time before', [CONTINUE, { waitMs: 20 }], []],
  ['102', [PROCESSING], [102]],
  ['103', [HINTS], [103]],
  ['all of them, mixed', [CONTINUE, HINTS, CONTINUE, PROCESSING, CONTINUE, CONTINUE], [103, 102]],
  ['all of them in one packet', [CONTINUE + HINTS + CONTINUE + PROCESSING + CONTINUE], [103, 102]],
  ['one that nobody knows', ['HTTP/1.1 199 What\r\nX: 1\r\n\r\n'], []],
  ['one that claims a body', ['HTTP/1.1 103 Early\r\nContent-Length: 5\r\n\r\n'], [103]],
  ['a thousand', [CONTINUE.repeat(1_000)], []],
];

test('interim answers come before the answer', async (t) => {
  const upstream = await startHostile(t);
  for (const [what, before, passed] of INTERIM) {
    for (const method of ['GET', 'POST']) {
      await t.test(`${what} (${method})`, async () => {
        upstream.does([...before, `${OK}${TWO}`]);
        const body = method === 'POST' ? 'a body' : '';
        const answer = await upstream.ask('/', { method, body });
        assert.deepEqual([answer.interim, answer.status, answer.body], [passed, 200, 'ok']);
        await upstream.nextIsRight();
      });
    }
  }
  assert.equal(await upstream.attempts('success'), INTERIM.length * 4);
  assert.equal(upstream.connections().length, 1, 'the connection lives on');
});

test('what an upstream echoes of interim answers in a body stays in the body', async (t) => {
  const upstream = await startHostile(t);
  const body = `${CONTINUE}${HINTS}${CONTINUE}`;
  upstream.does([`${OK}Content-Length: ${body.length * 2}\r\n\r\n${body}`, { waitMs: 5 }, body]);
  const answer = await upstream.ask();
  assert.deepEqual([answer.status, answer.interim, answer.body], [200, [], body + body]);
});

test('HTTP/1.0 gets no interim answers', async (t) => {
  const upstream = await startHostile(t);
  upstream.does([`${HINTS}${CONTINUE}${PROCESSING}${OK}${TWO}`]);
  const answer = await upstream.ask('/', { version: '1.0' });
  assert.deepEqual([answer.interim, answer.status, answer.body], [[], 200, 'ok']);
});

for (const [status, text] of [
  [100, CONTINUE],
  [102, PROCESSING],
  [103, HINTS],
] as const) {
  test(`${status} for ever is a bad response, long before its time is over`, async (t) => {
    const upstream = await startHostile(t, { route: 'retry: false, attemptTimeout: 20s' });
    let written = 0;
    upstream.does(({ socket }) => {
      const flood = text.repeat(100);
      const more = () => {
        while (!socket.destroyed && socket.write(flood)) written += flood.length;
      };
      socket.on('drain', more);
      more();
    });
    const answer = await upstream.ask();
    assert.deepEqual([answer.status, answer.code], [502, 'bad-response']);
    assert.ok(answer.tookMs < 5_000, `after ${answer.tookMs} ms`);
    assert.ok(answer.interim.length <= 1_000, `${answer.interim.length} passed`);
    assert.ok(written < 16 * 1024 * 1024, `${written} bytes were taken`);
    await upstream.nextIsRight();
  });

  test(`${status} for ever, one by one, ends at the deadline`, async (t) => {
    const upstream = await startHostile(t, { route: 'timeout: 400ms, retry: { backoff: { base: 1ms } }' });
    upstream.does(
      ({ socket }) =>
        void play(
          socket,
          Array<Step[]>(200)
            .fill([text, { waitMs: 10 }])
            .flat(),
        ),
    );
    const answer = await upstream.ask();
    assert.deepEqual([answer.status, answer.code], [504, 'deadline']);
    assert.ok(answer.tookMs >= 399 && answer.tookMs < 2_000, `after ${answer.tookMs} ms`);
    await upstream.nextIsRight();
  });
}

test('hints do not pile up for an app that does not read', async (t) => {
  const upstream = await startHostile(t, { route: 'retry: false' });
  const link = `</${'a'.repeat(30_000)}>; rel=preload`;
  const flood = `HTTP/1.1 103 Early Hints\r\nLink: ${link}\r\n\r\n`;
  upstream.does([...Array<string>(900).fill(flood), `${OK}${TWO}`]);
  const client = rawClient(upstream.app.port);
  client.socket.pause();
  client.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  await until(() => upstream.seen[0]?.socket.writableLength === 0, 'the upstream has sent it all');
  client.socket.resume();
  const { received } = await client.ended();
  assert.match(received, /HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\nok$/);
  // 27 MB were sent; what the kernel holds for the app is a few.
  assert.ok(received.length < 12_000_000, `${received.length} bytes were kept for the app`);
});

const DEAR: readonly (readonly [what: string, fields: string])[] = [
  ['a link with many parameters that ends in nonsense', `Link: </a.css>${';a=b'.repeat(28)};"\r\n`],
  ['the same field twelve thousand times', 'a:\r\n'.repeat(12_000)],
];

for (const [what, fields] of DEAR) {
  test(`no time is lost on ${what}`, async (t) => {
    const upstream = await startHostile(t, { route: 'retry: { maxAttempts: 2, backoff: { base: 1ms } }' });
    upstream.does([`HTTP/1.1 103 Early Hints\r\n${fields}\r\nHTTP/1.1 503 No\r\n${fields}${TWO}`]);
    const started = process.cpuUsage();
    const answer = await upstream.ask();
    const { user } = process.cpuUsage(started);
    assert.deepEqual([answer.status, answer.body, answer.headers.get('x-outrigger-attempts')], [503, 'ok', '2']);
    assert.ok(user < 2_000_000, `${user} µs of work`);
    await upstream.nextIsRight();
  });
}

test('hints of any kind go on as they came', async (t) => {
  const upstream = await startHostile(t);
  const fields = 'Link: </a.css>; rel=preload, </b.js>; rel=preload\r\nLink: </\xe9>\r\nX-Hint: 1\r\n';
  upstream.does([`HTTP/1.1 103 Early Hints\r\n${fields}Connection: X-Hop\r\nX-Hop: 1\r\n\r\n${OK}${TWO}`]);
  const client = rawClient(upstream.app.port);
  client.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  const { received } = await client.ended();
  assert.ok(received.startsWith(`HTTP/1.1 103 Early Hints\r\n${fields}\r\nHTTP/1.1 200 OK\r\n`), received);
});
