import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { OutriggerError } from '../../../src/errors.js';
import { createLogger } from '../../../src/observability/logging.js';
import { Redaction } from '../../../src/observability/redaction.js';
import { VirtualClock } from '../../../src/simulation/virtual-clock.js';
import { logOf } from '../../support/event-log.js';
import { attemptEvent, callEvent, fakeAttempt, fakeCall, retryEvent } from '../../support/policy-events.js';

describe('the line per retry', () => {
  test('says what failed, where, and when the next attempt comes', () => {
    const { log, lines } = logOf('errors');
    const call = fakeCall({ traceId: '4bf92f3577b34da6a3ce929d0e0e4736' });
    const error = new OutriggerError('connect-failure', 'the connection was refused', { reason: 'refused' });
    log.record({ ...retryEvent(fakeAttempt(call, 'http://a:8080'), 'connect-failure', 104.6), error });
    assert.deepEqual(lines, [
      {
        level: 'warn',
        msg: 'retrying',
        route: 'charge',
        upstream: 'payments',
        endpoint: 'http://a:8080',
        attempt: 1,
        attempts: 3,
        reason: 'connect-failure',
        error: 'connect-failure',
        detail: 'the connection was refused',
        nextDelayMs: 105,
        traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
      },
    ]);
  });

  test('has the status where there was an answer', () => {
    const { log, lines } = logOf('errors');
    log.record({ ...retryEvent(fakeAttempt(fakeCall(), 'http://a:8080', 2), '503', 0), status: 503 });
    assert.equal(lines[0]?.status, 503);
    assert.equal(lines[0].attempt, 2);
    assert.ok(!('error' in lines[0]));
  });
});

describe('a storm', () => {
  const call = fakeCall();
  const failed = (status: number) => callEvent(call, 'failure', status);

  test('is summarised: the first lines of a kind, then how many there were in one', () => {
    const clock = new VirtualClock();
    const { log, lines } = logOf('errors', 'info', clock);
    for (let i = 0; i < 5_000; i++) log.record(failed(503));
    assert.equal(lines.length, 20);
    clock.advance(10_000);
    assert.deepEqual(lines.slice(20), [
      {
        level: 'warn',
        msg: 'repeated',
        line: 'call',
        route: 'charge',
        upstream: 'payments',
        status: 503,
        outcome: 'failure',
        times: 4_980,
        withinMs: 10_000,
      },
    ]);
    log.record(failed(503));
    assert.equal(lines.at(-1)?.msg, 'call');
  });

  test('swallows no line of another kind', () => {
    const { log, lines } = logOf('errors');
    for (let i = 0; i < 1_000; i++) log.record(failed(503));
    log.record(failed(504));
    log.record(callEvent(fakeCall({ route: 'refund' }), 'failure', 503));
    log.record({ ...failed(503), error: new OutriggerError('circuit-open', 'open') });
    assert.deepEqual(
      lines.slice(20).map(({ status, route, error }) => [status, route, error]),
      [
        [504, 'charge', undefined],
        [503, 'refund', undefined],
        [503, 'charge', 'circuit-open'],
      ],
    );
  });

  test('is told in full to who asks for all calls, or for the level debug', () => {
    const all = logOf('all');
    for (let i = 0; i < 1_000; i++) all.log.record(failed(503));
    assert.equal(all.lines.length, 1_000);
    const debug = logOf('errors', 'debug');
    for (let i = 0; i < 1_000; i++) {
      debug.log.record({ type: 'rate-limited', call });
      debug.log.record(failed(503));
    }
    assert.equal(debug.lines.length, 2_000);
  });

  test('of circuits whose keys come from requests is one storm', () => {
    const clock = new VirtualClock();
    const { log, lines } = logOf('off', 'info', clock);
    for (let i = 0; i < 1_000; i++) {
      const opened = { from: 'closed', to: 'open', reason: 'failure-rate', forMs: 1_000 } as const;
      log.record({ type: 'circuit', upstream: 'payments', key: `tenant-${i}`, ...opened });
    }
    clock.advance(10_000);
    assert.equal(lines.length, 21);
    assert.equal(lines[20]?.times, 980);
  });

  test('that the end of the process cuts short is summarised then', () => {
    const { log, lines } = logOf('errors');
    for (let i = 0; i < 25; i++) log.record(failed(503));
    log.flush();
    assert.equal(lines.at(-1)?.times, 5);
  });
});

describe("the process's own bounds", () => {
  test('are told once in ten seconds, however often they are met', () => {
    const clock = new VirtualClock();
    const { log, lines } = logOf('errors', 'info', clock);
    for (let i = 0; i < 1_000; i++) {
      log.record({ type: 'shed', reason: 'connections' });
      log.record({ type: 'shed', reason: 'descriptors' });
      log.record({ type: 'shed', reason: 'event-loop' });
    }
    clock.advance(10_000);
    assert.deepEqual(lines, [
      { level: 'warn', msg: 'too many connections' },
      { level: 'warn', msg: 'out of file descriptors' },
      { level: 'warn', msg: 'repeated', line: 'too many connections', times: 999, withinMs: 10_000 },
      { level: 'warn', msg: 'repeated', line: 'out of file descriptors', times: 999, withinMs: 10_000 },
    ]);
  });

  test('shedding is told when it begins and when it ends', () => {
    const { log, lines } = logOf('off');
    log.record({ type: 'shedding', active: true });
    log.record({ type: 'shedding', active: false });
    assert.deepEqual(lines, [
      { level: 'warn', msg: 'shedding' },
      { level: 'info', msg: 'shedding ended' },
    ]);
  });
});

describe('other lines', () => {
  const circuit = { type: 'circuit', upstream: 'payments', key: 'http://a:8080', reason: 'failure-rate' } as const;

  test('a circuit that opens warns; its other changes inform', () => {
    const { log, lines } = logOf('off');
    log.record({ ...circuit, from: 'closed', to: 'open', forMs: 1_012.7 });
    log.record({ ...circuit, from: 'open', to: 'half-open', forMs: undefined });
    assert.deepEqual(lines[0], {
      level: 'warn',
      msg: 'circuit open',
      upstream: 'payments',
      key: 'http://a:8080',
      from: 'closed',
      to: 'open',
      reason: 'failure-rate',
      forMs: 1_013,
    });
    assert.deepEqual([lines[1]?.level, lines[1]?.msg], ['info', 'circuit half-open']);
  });

  test('a fallback informs, an unhealthy endpoint warns', () => {
    const { log, lines } = logOf('off');
    log.record({ type: 'fallback', call: fakeCall(), kind: 'stale', cause: '503', result: 'success' });
    log.record({ type: 'health', upstream: 'payments', endpoint: 'http://a:8080', healthy: false, reason: 'timeout' });
    assert.deepEqual(lines[0], {
      level: 'info',
      msg: 'fallback',
      route: 'charge',
      upstream: 'payments',
      kind: 'stale',
      cause: '503',
      result: 'success',
    });
    assert.deepEqual([lines[1]?.level, lines[1]?.msg], ['warn', 'endpoint unhealthy']);
  });

  test('what a name stands for informs, a lookup that fails warns', () => {
    const { log, lines } = logOf('off');
    const event = { type: 'discovery', upstream: 'payments', hostname: 'pay', addresses: ['10.0.0.1'] } as const;
    log.record({ ...event, result: 'changed' });
    log.record({ ...event, result: 'failed', reason: 'getaddrinfo EAI_AGAIN pay' });
    log.record({ ...event, result: 'recovered' });
    const { upstream, hostname: host, addresses } = event;
    assert.deepEqual(lines, [
      { level: 'info', msg: 'addresses changed', upstream, host, addresses },
      { level: 'warn', msg: 'lookup failed', upstream, host, addresses, reason: 'getaddrinfo EAI_AGAIN pay' },
      { level: 'info', msg: 'lookup recovered', upstream, host, addresses },
    ]);
  });

  test('suppressed retries and the like are for debugging', () => {
    const suppressed = { type: 'retry-suppressed', call: fakeCall(), reason: 'budget' } as const;
    const quiet = logOf('all');
    quiet.log.record(suppressed);
    assert.equal(quiet.lines.length, 0);
    const { log, lines } = logOf('all', 'debug');
    log.record(suppressed);
    log.record({ type: 'timeout', call: fakeCall(), kind: 'attempt' });
    log.record({ type: 'shadow', route: 'charge', upstream: 'payments', policy: 'retry', action: 'would-retry' });
    assert.deepEqual(
      lines.map(({ msg }) => msg),
      ['retry suppressed', 'timeout', 'would have acted'],
    );
    assert.equal(lines[0]?.reason, 'budget');
  });

  test('an attempt has no line of its own', () => {
    const { log, lines } = logOf('all', 'trace');
    log.record(attemptEvent(fakeAttempt(fakeCall(), 'http://a:8080'), 'success'));
    assert.equal(lines.length, 0);
  });

  test('silent writes nothing', () => {
    const { log, lines } = logOf('all', 'silent');
    log.record(callEvent(fakeCall(), 'failure', 502));
    log.record({ ...circuit, from: 'closed', to: 'open', forMs: 1 });
    assert.equal(lines.length, 0);
  });
});

test('names to redact can be others from one line to the next', () => {
  const lines: string[] = [];
  const redaction = new Redaction(['x-one']);
  const logger = createLogger({ level: 'info', redact: [] }, { write: (line) => void lines.push(line) }, redaction);
  const about = { headers: { 'X-One': '1', 'x-two': '2' }, tries: [{ 'x-two': '2' }] };
  logger.info(about, 'one');
  redaction.use(['x-two']);
  logger.info(about, 'two');
  redaction.use(['message']);
  logger.info({ err: new Error('secret') }, 'three');
  assert.match(lines[0]!, /\{"X-One":"\*\*\*","x-two":"2"\},"tries":\[\{"x-two":"2"\}\]/);
  assert.match(lines[1]!, /\{"X-One":"1","x-two":"\*\*\*"\},"tries":\[\{"x-two":"\*\*\*"\}\]/);
  assert.match(lines[2]!, /"message":"\*\*\*"/);
  assert.deepEqual(about, { headers: { 'X-One': '1', 'x-two': '2' }, tries: [{ 'x-two': '2' }] });
});

test('names to redact are hidden in objects of any kind, as JSON would show them', () => {
  class Carrier {
    readonly authorization = 's3cret';
  }
  const bare = Object.assign(Object.create(null) as object, { cookie: 's3cret', via: 'x' });
  const { logger, lines } = logOf('all');
  logger.info({ headers: bare, carriers: [new Carrier()], at: new Date(0) }, 'hello');
  const text = JSON.stringify(lines);
  assert.doesNotMatch(text, /s3cret/);
  assert.match(text, /"cookie":"\*\*\*","via":"x".*"at":"1970-01-01T00:00:00.000Z"/);
});

test('names to redact are hidden down to the third depth', () => {
  const { logger, lines } = logOf('all');
  logger.info(
    {
      authorization: 'Bearer s3cret',
      headers: { 'set-cookie': 's3cret', via: 'x' },
      answer: { headers: { cookie: 's3cret' } },
    },
    'hello',
  );
  assert.doesNotMatch(JSON.stringify(lines), /s3cret/);
  assert.equal(JSON.stringify(lines).match(/\*\*\*/g)?.length, 3);
  assert.match(JSON.stringify(lines), /"via":"x"/);
});

test('of an error nothing is written but what it is, where it was made, and its causes', () => {
  const { logger, lines } = logOf('all');
  const cause = Object.assign(new TypeError('Invalid URL'), {
    code: 'ERR_INVALID_URL',
    input: 'http://a/?token=s3cret',
  });
  const error = new OutriggerError('internal', 'a bug', { cause, headers: ['authorization', 's3cret'] });
  logger.error({ err: Object.assign(error, { request: { headers: ['cookie', 's3cret'] } }) }, 'call');
  assert.doesNotMatch(JSON.stringify(lines), /s3cret/);
  const { type, message, stack, code, cause: because } = lines[0]?.err as Record<string, unknown>;
  assert.deepEqual([type, message, code], ['OutriggerError', 'a bug', 'internal']);
  assert.match(String(stack), /event-log\.test/);
  assert.deepEqual((because as Record<string, unknown>).code, 'ERR_INVALID_URL');
});

describe('what operators ask for', () => {
  test('is a line for each change, however many; of those refused a flood is summarised', () => {
    const { log, lines } = logOf('off', 'warn');
    for (let i = 0; i < 50; i++) {
      log.change({
        change: 'circuits',
        by: '127.0.0.1',
        upstream: 'up',
        key: `k${i}`,
        to: 'forced-open',
        forMs: 1_000,
      });
      log.refusedChange({ change: 'quit', by: `10.0.0.${i}`, status: 401, code: 'unauthorized' });
    }
    log.flush();
    const of = (message: string) => lines.filter(({ msg }) => msg === message);
    assert.equal(of('admin change').length, 50);
    assert.deepEqual(of('admin change')[49], {
      level: 'warn',
      change: 'circuits',
      by: '127.0.0.1',
      upstream: 'up',
      key: 'k49',
      to: 'forced-open',
      forMs: 1_000,
      msg: 'admin change',
    });
    assert.equal(of('admin change refused').length, 20);
    assert.deepEqual(of('admin change refused')[0], {
      level: 'warn',
      change: 'quit',
      status: 401,
      code: 'unauthorized',
      by: '10.0.0.0',
      msg: 'admin change refused',
    });
    assert.deepEqual(
      of('repeated').map(({ line, change, times }) => [line, change, times]),
      [['admin change refused', 'quit', 30]],
    );
  });
});
