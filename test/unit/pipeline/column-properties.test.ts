import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Fault } from '../../../src/policies/fault-injection.js';
import { FakeBody } from '../../support/fake-body.js';
import { createLine, type LineCall, type LineOptions, type LineRequest } from '../../support/line.js';
import { seededRandom } from '../../../src/simulation/seeded-random.js';
import type { Answer } from '../../support/scripted-upstream.js';

/** One in five. */
const seldom = fc.constantFrom(true, false, false, false, false);

const ms = fc.constantFrom(0, 1, 10, 50, 100, 1_000);
const large = 'x'.repeat(70 * 1024);

const answer: fc.Arbitrary<Answer> = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom<Answer>(200, 503, 429, 404, 500) },
  { weight: 2, arbitrary: fc.constantFrom<Answer>('reset', 'refuse', 'hang', 'no-connection') },
  {
    weight: 3,
    arbitrary: fc.record({
      status: fc.constantFrom(200, 200, 503, 404),
      after: ms,
      body: fc.constantFrom('', 'x', 'large'),
      bodyAfter: ms,
      breaks: seldom,
      headers: fc.constantFrom<Record<string, string>>({}, { 'retry-after': '0' }, { 'retry-after': '1' }),
    }),
  },
);

const duration = fc.constantFrom('1ms', '100ms', '1s', '1s');
const orOff = <T>(arbitrary: fc.Arbitrary<T>) => fc.oneof(fc.constant(false as const), { weight: 4, arbitrary });

const someLine: fc.Arbitrary<LineOptions> = fc.record(
  {
    endpoints: fc.record({
      a: fc.array(answer, { minLength: 1, maxLength: 6 }),
      b: fc.array(answer, { minLength: 1, maxLength: 6 }),
    }),
    loadBalancing: fc.constantFrom('leastRequest' as const, 'roundRobin' as const, 'random' as const),
    // One of the two must end a call whose upstream hangs.
    timeout: fc.constantFrom('50ms', '1s', '5s', '5s'),
    attemptTimeout: orOff(duration),
    retry: orOff(
      fc.record({
        maxAttempts: fc.integer({ min: 1, max: 5 }),
        on: fc.constantFrom(['5xx', '429', 'reset', 'timeout', 'connect-failure'], ['503', 'connect-failure']),
        backoff: fc.record({
          base: fc.constantFrom('0s', '1ms', '50ms', '200ms'),
          jitter: fc.constantFrom('none' as const, 'full' as const, 'decorrelated' as const),
        }),
      }),
    ),
    hedge: fc.record({ delay: fc.constantFrom('0s', '10ms', '100ms'), max: fc.integer({ min: 1, max: 2 }) }),
    retryBudget: orOff(fc.record({ minPerSecond: fc.constantFrom(0, 1, 10) })),
    concurrency: orOff(
      fc.record({
        limit: fc.integer({ min: 1, max: 3 }),
        queue: fc.nat(3),
        queueTimeout: fc.constantFrom('0s', '10ms', '1s'),
      }),
    ),
    circuitBreaker: orOff(
      fc.record({
        consecutiveFailures: fc.constantFrom(0, 1, 3),
        minimumCalls: fc.integer({ min: 1, max: 4 }),
        probeShare: fc.constantFrom(0, 0.5, 1),
        halfOpenProbes: fc.integer({ min: 1, max: 2 }),
        openFor: fc.constantFrom('10ms', '100ms'),
        maxOpenFor: fc.constant('100ms'),
        key: fc.constantFrom('{endpoint}', '{upstream}'),
      }),
    ),
    fallback: fc.constant({ response: { body: 'instead' } }),
    rateLimit: fc.record({ requests: fc.integer({ min: 1, max: 20 }), per: fc.constant('1s') }),
    attemptRateLimit: fc.record({ requests: fc.integer({ min: 1, max: 20 }), per: fc.constant('1s') }),
    faults: fc.constantFrom<Fault[]>(
      [{ percent: '30%', delay: '20ms' }],
      [{ percent: '20%', status: 503 }],
      [
        { percent: '20%', delay: '2s' },
        { percent: '20%', abort: 'reset' },
        { percent: '20%', abort: 'refuse' },
      ],
    ),
  },
  { requiredKeys: ['endpoints', 'timeout'] },
);

const request: fc.Arbitrary<LineRequest> = fc.oneof(
  { weight: 4, arbitrary: fc.constant({}) },
  {
    weight: 1,
    arbitrary: fc.record(
      {
        method: fc.constantFrom('GET', 'POST', 'PUT', 'HEAD'),
        leaveOn: fc.constantFrom('onRequestStart' as const, 'onResponseStart' as const, 'onResponseData' as const),
        headers: fc.constantFrom<Record<string, string>>(
          { 'x-request-timeout-ms': '0' },
          { 'x-request-timeout-ms': '20' },
          { 'x-retry-attempt': '1' },
        ),
      },
      { requiredKeys: [] },
    ),
  },
);

/** What happens, one thing after the other. */
type Happening =
  | { readonly kind: 'call'; readonly request: LineRequest; readonly uploads: boolean }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'leave' | 'finish-upload' | 'pause' | 'resume'; readonly which: number };

const happening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('call' as const), request, uploads: seldom }) },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.constantFrom(0, 1, 5, 20, 60, 500) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        'leave' as const,
        'leave' as const,
        'finish-upload' as const,
        'pause' as const,
        'resume' as const,
      ),
      which: fc.nat(3),
    }),
  },
);

const someHappenings = fc.array(happening, { minLength: 5, maxLength: 40, size: 'max' });

/** What hedges did not want is read to its end for a second at most. */
function drainMs(options: LineOptions): number {
  return options.hedge === undefined ? 0 : 1_000;
}

/** Bodies over 64 KiB have a name only, so that a counterexample can be read. */
function spelledOut(one: Answer): Answer {
  return typeof one === 'object' && one.body === 'large' ? { ...one, body: large } : one;
}

function play(options: LineOptions, happenings: readonly Happening[], seed: number) {
  const endpoints = Object.fromEntries(
    Object.entries(options.endpoints ?? {}).map(([name, script]) => [
      name,
      Array.isArray(script) ? script.map(spelledOut) : script,
    ]),
  );
  const line = createLine({ ...options, endpoints, random: seededRandom(seed) });
  const calls: { readonly call: LineCall; readonly body: FakeBody | undefined }[] = [];
  for (const one of happenings) {
    if (one.kind === 'wait') {
      line.advance(one.ms);
    } else if (one.kind === 'call') {
      const body = one.uploads ? FakeBody.streaming('body-too-large') : undefined;
      calls.push({ call: line.call({ ...one.request, ...(body === undefined ? {} : { body }) }), body });
    } else {
      const chosen = calls.at(-1 - one.which);
      if (one.kind === 'leave') chosen?.call.leave();
      else if (one.kind === 'finish-upload') chosen?.body?.finish();
      else if (one.kind === 'pause') chosen?.call.controller?.pause();
      else chosen?.call.controller?.resume();
    }
  }
  // What the app holds up, it must let go of some day.
  for (const { call, body } of calls) {
    body?.finish();
    call.controller?.resume();
  }
  line.finish(drainMs(options));
  return { line, calls: calls.map(({ call }) => call) };
}

describe('whatever the upstream, the app and chance do', () => {
  test('every call ends once, and nothing is left behind: no timer, no place, nobody in the queue', () => {
    fc.assert(
      fc.property(someLine, someHappenings, fc.integer(), (options, happenings, seed) => {
        play(options, happenings, seed);
      }),
      { numRuns: 400 },
    );
  });

  test('a call makes no more attempts than it may', () => {
    fc.assert(
      fc.property(someLine, someHappenings, fc.integer(), (options, happenings, seed) => {
        const { line, calls } = play(options, happenings, seed);
        const perCall = options.retry === false ? 1 : (options.retry?.maxAttempts ?? 3);
        const hedges = options.hedge?.max ?? 0;
        for (const call of calls) assert.ok(call.attempts <= perCall * (1 + hedges), `${call.attempts} attempts`);
        const ended = line.of('attempt').length;
        const made = calls.reduce((sum, call) => sum + call.attempts, 0);
        assert.equal(ended, made, 'every attempt that was made is counted once');
      }),
      { numRuns: 100 },
    );
  });

  test('the circuit comes back: once the upstream is well, calls succeed again', () => {
    fc.assert(
      fc.property(someLine, someHappenings, fc.integer(), (options, happenings, seed) => {
        let well = false;
        // A limit or a fault would go on whatever the upstream does.
        const { faults: _faults, rateLimit: _rateLimit, attemptRateLimit: _attempts, ...upstreamAndCircuit } = options;
        const scripts = options.endpoints as Readonly<Record<'a' | 'b', readonly Answer[]>>;
        const script = (answers: readonly Answer[]) => (attempt: number) =>
          well ? 200 : answers[(attempt - 1) % answers.length]!;
        const endpoints = { a: script(scripts.a), b: script(scripts.b) };
        const { line } = play({ ...upstreamAndCircuit, endpoints }, happenings, seed);
        well = true;
        for (let i = 0; i < 400; i++) {
          line.call();
          line.advance(10);
        }
        assert.equal(line.run().status, 200);
        line.finish(drainMs(options));
      }),
      { numRuns: 60 },
    );
  });
});
