import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { test } from 'node:test';
import { rawClient } from '../../support/raw-client.js';
import { inWords, startRecordingUpstream } from '../../support/recording-upstream.js';
import { startApp } from '../../support/running-app.js';
import { readAnswers, type StrictAnswer } from '../../support/strict-answers.js';
import { CORPUS, REFUSED, type Input } from './corpus.js';

const BEFORE = 'GET /before HTTP/1.1\r\nHost: a\r\n\r\n';
const AFTER = 'GET /after HTTP/1.1\r\nHost: a\r\n\r\n';

/** How an input is sent: the pieces in which it comes, and what stands before and behind it on the connection. */
interface Delivery {
  readonly name: string;
  readonly split: (bytes: string) => string[];
  readonly company: readonly ('alone' | 'behind' | 'between')[];
}

const DELIVERIES: readonly Delivery[] = [
  { name: 'at once', split: (bytes) => [bytes], company: ['alone', 'behind', 'between'] },
  {
    name: 'byte by byte',
    split: (bytes) => pieces(bytes, bytes.length > 1_200 ? 997 : 1),
    company: ['alone', 'between'],
  },
  { name: 'in pieces of 7', split: (bytes) => pieces(bytes, bytes.length > 5_000 ? 1_009 : 7), company: ['between'] },
  // Between CR and LF, where a parser has to remember most.
  { name: 'cut in each line end', split: (bytes) => bytes.split(/(?<=\r)(?=\n)/), company: ['between'] },
];

function pieces(bytes: string, size: number): string[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.slice(i * size, (i + 1) * size));
}

/** What came of one input, sent in one way. */
interface Outcome {
  readonly answers: readonly StrictAnswer[];
  /** Bytes behind the last answer that are none. */
  readonly rest: string;
  readonly closed: boolean;
}

/**
 * Sends, and waits until the connection is closed or as many answers have come as there are requests. `heads` says which
 * of them are HEAD. With `endsAfter`, the client closes its side once so many answers are there.
 */
async function send(
  port: number,
  sent: readonly string[],
  heads: readonly boolean[],
  endsAfter: number | undefined,
): Promise<Outcome> {
  const client = rawClient(port);
  client.socket.setNoDelay(true);
  for (const piece of sent) {
    client.write(piece);
    // The proxy lives in this process: it reads this piece before the next one is sent.
    if (sent.length > 1) await turn();
  }
  const read = () => readAnswers(client.received, (place) => heads[place] === true);
  const givenUpAt = performance.now() + 10_000;
  for (;;) {
    const { answers } = read();
    // Not sooner: Node takes a client for gone whose side is closed.
    if (endsAfter !== undefined && answers.length >= endsAfter) client.socket.end();
    if (client.socket.closed || answers.length >= heads.length) break;
    assert.ok(performance.now() < givenUpAt, `neither answered nor closed: ${client.received}`);
    await turn();
  }
  const { closed } = client.socket;
  client.socket.destroy();
  return { ...read(), closed };
}

test('requests that break the rules, and such that only look as if they did', async (t) => {
  const upstream = await startRecordingUpstream();
  t.after(() => upstream.close());
  const app = await startApp(
    t,
    `upstreams: { up: { url: '${upstream.origin}' } }\nroutes: [{ name: all, match: {}, upstream: up }]\n`,
  );
  let sent = 0;
  let refused = 0;
  let answered = 0;

  for (const source of new Set(CORPUS.map((input) => input.source))) {
    const inputs = CORPUS.filter((input) => input.source === source);
    await t.test(`${source}: ${inputs.length} inputs`, async () => {
      for (const input of inputs) {
        for (const { name, split, company } of DELIVERIES) {
          for (const place of company) await exchange(input, `${input.name}, ${name}, ${place}`, split, place);
        }
      }
    });
  }

  async function exchange(
    input: Input,
    what: string,
    split: Delivery['split'],
    place: Delivery['company'][number],
  ): Promise<void> {
    const ahead = place !== 'alone';
    // Closed by the client, the connection could not carry the answer to what comes behind.
    const behind = place === 'between' && input.ends !== true;
    upstream.forget();
    const own =
      typeof input.expect === 'string' ? [REFUSED] : 'seen' in input.expect ? input.expect.seen : input.expect.maybe;
    const heads = [...(ahead ? ['GET'] : []), ...own, ...(behind ? ['GET'] : [])].map((words) =>
      words.startsWith('HEAD'),
    );
    const bytes = (ahead ? BEFORE : '') + input.bytes + (behind ? AFTER : '');
    const outcome = await send(app.port, split(bytes), heads, input.ends === true ? Number(ahead) : undefined);
    // What is still on its way to the upstream gets there.
    for (let i = 0; i < 4; i++) await turn();
    sent++;
    const told = () =>
      `${what}: answers ${JSON.stringify(outcome.answers.map(({ status, body }) => [status, body]))}, then ` +
      `${JSON.stringify(outcome.rest)}, ${outcome.closed ? 'closed' : 'open'}; the upstream saw ` +
      `${JSON.stringify(upstream.requests.map(inWords))}, begun ${JSON.stringify(upstream.beginnings())}`;
    judge(input, outcome, ahead, told);
  }

  function judge({ expect }: Input, outcome: Outcome, ahead: boolean, told: () => string): void {
    const requests = upstream.requests.map(inWords);
    const answers = [...outcome.answers];
    assert.deepEqual(upstream.problems, [], told());
    assert.equal(outcome.rest, '', told());

    const wanted = ahead ? ['GET /before'] : [];
    if (typeof expect === 'string') wanted.push(REFUSED);
    else if ('seen' in expect) wanted.push(...expect.seen);
    else wanted.push(...(requests.includes(expect.maybe[0]!) ? expect.maybe : [REFUSED]));
    // Only a body can be found to be bad when the head has gone on.
    const begun = expect === 'cut' || (typeof expect !== 'string' && wanted.includes(REFUSED));
    if (!begun) assert.deepEqual(upstream.beginnings(), [], told());
    for (const words of wanted) {
      const answer = answers.shift();
      if (words !== REFUSED) {
        assert.deepEqual([answer?.status, answer?.body], [200, words.startsWith('HEAD') ? '' : words], told());
        continue;
      }
      refused++;
      if (answer === undefined) {
        assert.ok(outcome.closed, told());
        continue;
      }
      answered++;
      assert.ok([400, 408, 431, 501].includes(answer.status), told());
      // Where the proxy says that it reads no further, it doesn't.
      if (/\r\nconnection: close\r\n/i.test(answer.head)) assert.deepEqual(answers, [], told());
    }
    // The one behind it was either answered or never sent on.
    const rest = answers.map(({ body }) => body);
    assert.ok(rest.length === 0 || (rest.length === 1 && rest[0] === 'GET /after'), told());
    assert.deepEqual(requests.toSorted(), [...wanted.filter((words) => words !== REFUSED), ...rest].sort(), told());
  }

  await t.test('each that was refused is counted by what was wrong with it', async (t) => {
    const series = [...(await app.metrics()).matchAll(/^outrigger_bad_requests_total\{reason="([\w-]+)"\} (\d+)$/gm)];
    const counts = series.map(([, reason, count]) => [reason!, Number(count)] as const);
    t.diagnostic(
      `${CORPUS.length} inputs in ${sent} exchanges: ${refused} refused, ${answered} of them with an answer`,
    );
    t.diagnostic(counts.map(([reason, count]) => `${reason} ${count}`).join(', '));
    assert.ok(CORPUS.length > 1_500, 'the corpus is there');
    assert.equal(
      counts.reduce((sum, [, count]) => sum + count, 0),
      answered,
    );
    assert.deepEqual(
      counts.filter(([reason, count]) => reason === 'other' && count > 0),
      [],
    );
  });
});
