import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  BATCH,
  DELAY_MS,
  MOST_WAITING,
  SpanExporter,
  type Delivery,
} from '../../../../src/observability/tracing/exporter.js';
import { VirtualClock } from '../../../../src/simulation/virtual-clock.js';

const LATER: Delivery = { result: 'later', reason: 'the collector answered 503', afterMs: undefined };
const TAKEN: Delivery = { result: 'taken', rejected: 0 };

/** An exporter, the requests it makes, and a way to answer the last one. */
function exporterOf(random = () => 1) {
  const clock = new VirtualClock();
  const requests: string[] = [];
  const told: (string | undefined)[] = [];
  let answer: ((delivery: Delivery) => void) | undefined;
  const exporter = new SpanExporter({
    clock,
    random,
    envelope: { before: '[', after: ']' },
    deliver: (body, done) => {
      assert.equal(answer, undefined, 'one request at once');
      requests.push(body);
      answer = done;
    },
    onTrouble: (reason) => told.push(reason),
  });
  return {
    clock,
    exporter,
    requests,
    told,
    add: (count: number) => {
      for (let i = 0; i < count; i++) exporter.add('1');
    },
    answer: (delivery: Delivery) => {
      const done = answer ?? assert.fail('nothing was sent');
      answer = undefined;
      done(delivery);
    },
  };
}

const spansIn = (request: string | undefined) => (JSON.parse(request ?? '[]') as unknown[]).length;

describe('the exporter of spans', () => {
  it('sends what came within five seconds in one request', () => {
    const { exporter, clock, requests, answer } = exporterOf();
    exporter.add('{"a":1}');
    clock.advance(DELAY_MS - 1);
    exporter.add('{"b":2}');
    assert.equal(requests.length, 0);
    clock.advance(1);
    assert.deepEqual(requests, ['[{"a":1},{"b":2}]']);
    answer(TAKEN);
    assert.equal(exporter.counts.exported, 2);
    clock.advance(60_000);
    assert.equal(requests.length, 1);
  });

  it('sends a full batch at once, and the next when that one was taken', () => {
    const { add, requests, answer, exporter, clock } = exporterOf();
    add(2 * BATCH + 1);
    assert.deepEqual(requests.map(spansIn), [BATCH]);
    answer(TAKEN);
    assert.deepEqual(requests.map(spansIn), [BATCH, BATCH]);
    answer(TAKEN);
    clock.advance(DELAY_MS);
    assert.deepEqual(requests.map(spansIn), [BATCH, BATCH, 1]);
    answer(TAKEN);
    assert.equal(exporter.counts.exported, 2 * BATCH + 1);
  });

  it('drops what does not fit while the collector is slow, and counts it', () => {
    const { add, exporter, answer, requests } = exporterOf();
    add(BATCH + MOST_WAITING + 7);
    assert.deepEqual(exporter.counts, { exported: 0, 'queue-full': 7, rejected: 0, failed: 0 });
    for (let sent = 0; sent <= MOST_WAITING / BATCH; sent++) answer(TAKEN);
    assert.equal(exporter.counts.exported, BATCH + MOST_WAITING);
    assert.equal(requests.length, 1 + MOST_WAITING / BATCH);
  });

  it('sends a request again that was not taken, with a back-off, five times in all', () => {
    const { add, clock, requests, answer, exporter, told } = exporterOf();
    add(BATCH);
    for (const backoffMs of [1_000, 2_000, 4_000, 8_000]) {
      answer(LATER);
      clock.advance(backoffMs - 1);
      const before = requests.length;
      clock.advance(1);
      assert.equal(requests.length, before + 1, `after ${backoffMs} ms`);
    }
    answer(LATER);
    assert.equal(new Set(requests).size, 1);
    assert.deepEqual(exporter.counts, { exported: 0, 'queue-full': 0, rejected: 0, failed: BATCH });
    clock.advance(60_000);
    assert.equal(requests.length, 5);
    add(BATCH);
    answer(TAKEN);
    assert.deepEqual(told, ['the collector answered 503', undefined]);
  });

  it('waits as long as the collector asks, half a minute at most', () => {
    const { add, clock, requests, answer } = exporterOf();
    add(BATCH);
    answer({ ...LATER, afterMs: 7_000 });
    clock.advance(6_999);
    assert.equal(requests.length, 1);
    clock.advance(1);
    assert.equal(requests.length, 2);
    answer({ ...LATER, afterMs: 3_600_000 });
    clock.advance(30_000);
    assert.equal(requests.length, 3);
  });

  it('does not send again what was refused, and counts what was rejected', () => {
    const { add, clock, requests, answer, exporter, told } = exporterOf();
    add(BATCH);
    answer({ result: 'refused', reason: 'the collector answered 401' });
    clock.advance(60_000);
    assert.equal(requests.length, 1);
    assert.equal(exporter.counts.rejected, BATCH);
    add(BATCH);
    answer({ result: 'taken', rejected: 3, reason: 'too old' });
    assert.deepEqual(exporter.counts, { exported: BATCH - 3, 'queue-full': 0, rejected: BATCH + 3, failed: 0 });
    // Trouble that goes on is not told of again.
    assert.deepEqual(told, ['the collector answered 401']);
  });

  it('sends all there is at the end, without waiting', async () => {
    const { add, answer, exporter, requests } = exporterOf();
    add(BATCH + 10);
    const flushed = exporter.flush(2_000);
    answer(TAKEN);
    assert.equal(requests.length, 2);
    answer(TAKEN);
    await flushed;
    assert.equal(exporter.counts.exported, BATCH + 10);
    await exporter.flush(2_000);
  });

  it('gives up at the end after so long, and counts what is lost', async () => {
    const { add, exporter, clock, answer } = exporterOf();
    add(BATCH + 10);
    const flushed = exporter.flush(2_000);
    clock.advance(2_000);
    await flushed;
    assert.equal(exporter.counts.failed, BATCH + 10);
    // An answer that comes after all changes nothing.
    answer(TAKEN);
    assert.deepEqual(exporter.counts, { exported: 0, 'queue-full': 0, rejected: 0, failed: BATCH + 10 });
  });

  it('gives up at the end at the first failure, rather than back off', async () => {
    const { add, exporter, answer } = exporterOf();
    add(3);
    const flushed = exporter.flush(2_000);
    answer(LATER);
    await flushed;
    assert.equal(exporter.counts.failed, 3);
  });
});
