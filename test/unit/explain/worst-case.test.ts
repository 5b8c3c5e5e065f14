import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Config } from '../../../src/config/config.js';
import { askedCall } from '../../../src/explain/asked.js';
import { retriedFor } from '../../../src/explain/retried.js';
import { worstCase, type WorstCase } from '../../../src/explain/worst-case.js';
import { seededRandom } from '../../../src/simulation/seeded-random.js';
import { load } from '../../support/policy-file.js';
import { playCall, type PlayedCall, type WorstAnswer } from '../../support/worst-call.js';

type Json = Readonly<Record<string, unknown>>;

/** Retries that no answer can put off. */
function retry(options: Json = {}): Json {
  return { retryAfter: { honor: false }, ...options };
}

/** A policy file with a route `r` to `a`, other calls on `/other`, and the upstreams `b` and `c` beside. */
function policies(route: Json, upstream: Json = {}): Config {
  const url = (name: string) => `http://${name}.internal`;
  const quiet = { circuitBreaker: false, retryBudget: { minPerSecond: 1000 } };
  return load(
    JSON.stringify({
      upstreams: {
        a: { url: url('a'), ...quiet, ...upstream },
        b: { url: url('b'), ...quiet },
        c: { url: url('c'), ...quiet },
      },
      routes: [
        {
          name: 'other',
          match: { path: '/other' },
          upstream: 'a',
          timeout: false,
          attemptTimeout: false,
          retry: false,
        },
        { name: 'r', match: {}, upstream: 'a', ...route },
      ],
    }),
  );
}

function worstOf(config: Config, { method = 'GET', headers = {} }: Partial<PlayedCall> = {}): WorstCase {
  const route = config.routes.at(-1) ?? assert.fail('no route');
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  const asked = askedCall(method, '/x', lines, []);
  return worstCase(config, route, asked, retriedFor(route, asked));
}

/** Just before the attempt timeout of a second. */
const LATE = 1_000 - 1e-6;

/** A policy, the worst that can be done to it, and what that comes to. */
interface Case {
  readonly route: Json;
  readonly upstream?: Json;
  readonly play?: Omit<PlayedCall, 'answer'>;
  readonly answer?: PlayedCall['answer'];
  readonly ms: number;
  readonly attempts: number;
}

const second = { attemptTimeout: '1s', timeout: '1m' };
const none = { base: '100ms', jitter: 'none' };
const hang = () => 'hang' as const;
const refused = (_: string, attempt: number): WorstAnswer => (attempt < 2 ? { refuseAfter: 400 } : 'hang');

const cases: Readonly<Record<string, Case>> = {
  'exponential back-off without jitter': {
    route: { ...second, retry: retry({ maxAttempts: 4, backoff: none }) },
    ms: 4_000 + 100 + 200 + 400,
    attempts: 4,
  },
  'full jitter': { route: { ...second, retry: retry({ maxAttempts: 3 }) }, ms: 3_300, attempts: 3 },
  'equal jitter up to max': {
    route: { ...second, retry: retry({ maxAttempts: 4, backoff: { base: '1s', max: '1500ms', jitter: 'equal' } }) },
    ms: 4_000 + 1_000 + 1_500 + 1_500,
    attempts: 4,
  },
  'decorrelated jitter': {
    route: { ...second, retry: retry({ maxAttempts: 3, backoff: { jitter: 'decorrelated' } }) },
    ms: 3_000 + 300 + 900,
    attempts: 3,
  },
  'linear back-off': {
    route: { ...second, retry: retry({ maxAttempts: 3, backoff: { ...none, strategy: 'linear' } }) },
    ms: 3_000 + 100 + 200,
    attempts: 3,
  },
  'a sequence, whose last wait repeats': {
    route: {
      ...second,
      retry: retry({ maxAttempts: 4, backoff: { strategy: 'sequence', delays: ['1s', '2s'], jitter: 'none' } }),
    },
    ms: 4_000 + 1_000 + 2_000 + 2_000,
    attempts: 4,
  },
  'a Retry-After at its max, and a tenth more': {
    route: { ...second, retry: { maxAttempts: 3, retryAfter: { max: '2s' } } },
    answer: () => ({ status: 503, after: LATE, headers: { 'retry-after': '2' } }),
    ms: 3_000 + 2 * 2_200,
    attempts: 3,
  },
  'a Retry-After that is not listened to': {
    route: { ...second, retry: { maxAttempts: 2, retryAfter: { honor: false }, backoff: none } },
    answer: () => ({ status: 503, after: LATE, headers: { 'retry-after': '2' } }),
    ms: 2_100,
    attempts: 2,
  },
  'statuses that ask for nothing': {
    route: { ...second, retry: { maxAttempts: 2, on: ['502'], backoff: none } },
    answer: () => ({ status: 502, after: LATE, headers: { 'retry-after': '2' } }),
    ms: 2_100,
    attempts: 2,
  },
  'a deadline that cuts the second attempt': {
    route: { attemptTimeout: '1s', timeout: '1500ms', retry: retry({ maxAttempts: 2, backoff: none }) },
    ms: 1_500,
    attempts: 2,
  },
  'a wait that is never begun, since it would end past the deadline': {
    route: {
      attemptTimeout: '1s',
      timeout: '10s',
      retry: retry({ backoff: { base: '20s', max: '20s', jitter: 'none' } }),
    },
    ms: 1_000,
    attempts: 1,
  },
  'the deadline of the app': {
    route: { ...second, retry: retry({ backoff: none }) },
    play: { headers: { 'x-request-timeout-ms': '1200' } },
    answer: (_, attempt) => (attempt < 2 ? 'reset' : 'hang'),
    ms: 1_200,
    attempts: 3,
  },
  'no retries': { route: { ...second, retry: false }, ms: 1_000, attempts: 1 },
  'retries in shadow mode': { route: { ...second, retry: { mode: 'shadow' }, hedge: {} }, ms: 1_000, attempts: 1 },
  'a POST without a key, refused late twice': {
    route: { ...second, retry: retry({ backoff: none }) },
    upstream: { connectTimeout: '400ms' },
    play: { method: 'POST' },
    answer: refused,
    ms: 2 * 400 + 100 + 200 + 1_000,
    attempts: 3,
  },
  'a POST with a key': {
    route: { ...second, retry: retry({ backoff: none }) },
    play: { method: 'POST', headers: { 'idempotency-key': '1' } },
    ms: 3_300,
    attempts: 3,
  },
  "a call that is the app's own retry": {
    route: { ...second, retry: retry({ backoff: none }), hedge: { delay: '10ms' } },
    upstream: { connectTimeout: '400ms' },
    play: { headers: { 'x-retry-attempt': '1' } },
    answer: refused,
    ms: 2_100,
    attempts: 3,
  },
  'two hedges beside each of two attempts': {
    route: { ...second, retry: retry({ maxAttempts: 2, backoff: none }), hedge: { delay: '300ms', max: 2 } },
    // One call alone would be allowed two hedges in all, besides what other calls bring.
    upstream: { retryBudget: false },
    ms: 2 * 1_600 + 100,
    attempts: 6,
  },
  'hedges that the deadline has no time for': {
    route: { attemptTimeout: '1s', timeout: '1s', retry: false, hedge: { delay: '400ms', max: 5 } },
    ms: 1_000,
    attempts: 3,
  },
  'a hedge that would begin when its attempt is over': {
    route: { ...second, retry: false, hedge: { delay: '1001ms', max: 3 } },
    ms: 1_000,
    attempts: 1,
  },
  'a method that is not hedged': {
    route: { ...second, retry: false, hedge: { delay: '100ms' } },
    play: { method: 'PUT' },
    ms: 1_000,
    attempts: 1,
  },
  'a fallback upstream, beyond the deadline': {
    route: {
      attemptTimeout: '1s',
      timeout: '1s',
      retry: false,
      fallback: { timeout: '700ms', steps: [{ upstream: 'b' }] },
    },
    ms: 1_700,
    attempts: 2,
  },
  'a fallback upstream, cut by the attempt timeout': {
    route: { ...second, retry: false, fallback: { timeout: '5s', steps: [{ upstream: 'b' }, { upstream: 'c' }] } },
    ms: 3_000,
    attempts: 3,
  },
  'a fallback upstream within the deadline of the app': {
    route: { ...second, retry: false, fallback: { timeout: '5s', steps: [{ upstream: 'b' }] } },
    play: { headers: { 'x-request-timeout-ms': '1300' } },
    ms: 1_300,
    attempts: 2,
  },
  'a fallback upstream for what was never sent': {
    route: { ...second, retry: retry({ backoff: none }), fallback: { steps: [{ upstream: 'b' }] } },
    upstream: { connectTimeout: '900ms' },
    play: { method: 'POST' },
    answer: (upstream) => (upstream === 'a' ? { refuseAfter: 900 } : 'hang'),
    ms: 3 * 900 + 300 + 1_000,
    attempts: 4,
  },
  'a fallback upstream after a connect-failure that was not the first': {
    route: {
      ...second,
      retry: retry({ maxAttempts: 2, backoff: none }),
      fallback: { on: ['connect-failure'], steps: [{ upstream: 'b', when: 'always' }] },
    },
    upstream: { connectTimeout: '400ms' },
    answer: (upstream, attempt) => (upstream === 'a' && attempt === 1 ? { refuseAfter: 400 } : 'hang'),
    ms: 1_000 + 100 + 400 + 1_000,
    attempts: 3,
  },
  'a fallback upstream behind a fixed answer': {
    route: { ...second, retry: false, fallback: { steps: [{ response: {} }, { upstream: 'b' }] } },
    ms: 1_000,
    attempts: 1,
  },
  'a place that comes at the last moment': {
    route: { ...second, retry: false },
    upstream: { concurrency: { limit: 1, queue: 1, queueTimeout: '500ms' } },
    play: { others: [0], otherAnswer: () => ({ status: 200, after: 500 - 1e-6 }) },
    ms: 1_500,
    attempts: 1,
  },
};

describe('the worst case is what the policies make of the worst:', () => {
  for (const [name, { route, upstream, play = {}, answer = hang, ms, attempts }] of Object.entries(cases)) {
    test(name, () => {
      const config = policies(route, upstream);
      const worst = worstOf(config, play);
      assert.ok(Math.abs(worst.longestMs - ms) < 1e-6, `explained: ${worst.longestMs} ms`);
      assert.equal(worst.attempts, attempts, 'attempts as explained');
      const played = playCall(config, { ...play, answer });
      assert.ok(Math.abs(played.elapsedMs - ms) < 0.01, `played: ${played.elapsedMs} ms`);
      assert.equal(played.attempts, attempts, 'attempts as played');
    });
  }

  test('nothing bounds a call without any timeout', () => {
    const worst = worstOf(policies({ timeout: false, attemptTimeout: false, retry: false }));
    assert.equal(worst.longestMs, Infinity);
    assert.equal(worst.first.longestMs, Infinity);
  });

  test('an attempt timeout that follows what is seen is at its longest', () => {
    const worst = worstOf(policies({ attemptTimeout: { max: '2s' }, retry: retry({ maxAttempts: 2, backoff: none }) }));
    assert.deepEqual([worst.first.longestMs, worst.longestMs], [2_000, 4_000 + worst.backoffMs]);
  });

  test('a hedge after a percentile may come at any time that an attempt takes', () => {
    const worst = worstOf(policies({ ...second, retry: false, hedge: { max: 2 } }));
    assert.equal(worst.longestMs, 3_000);
    assert.equal(worst.attempts, 3);
  });
});

describe('each part', () => {
  test('has its own time and attempts, without the deadline', () => {
    const route = {
      attemptTimeout: '1s',
      timeout: '3s',
      retry: { maxAttempts: 3, backoff: none, retryAfter: { max: '1s' } },
      hedge: { delay: '200ms' },
      fallback: { timeout: '2s', steps: [{ upstream: 'b' }, { upstream: 'c', when: 'unsent' }] },
    };
    const worst = worstOf(policies(route));
    assert.equal(worst.first.longestMs, 1_000);
    assert.deepEqual(worst.retries, { attempts: 2, longestMs: 2_300 });
    assert.deepEqual(worst.retryAfter, { eachMs: 1_100, longestMs: 2_200 - 300 });
    assert.deepEqual(worst.hedges, { attempts: 3, longestMs: 3 * 200 });
    assert.deepEqual(worst.fallbackUpstreams, [
      { upstream: 'b', attempts: 1, longestMs: 1_000, onlyUnsent: false },
      { upstream: 'c', attempts: 1, longestMs: 1_000, onlyUnsent: true },
    ]);
    assert.equal(worst.unboundedMs, 1_000 + 4_200 + 600);
    // Of a call that both other upstreams are asked for, since none of it was sent.
    assert.equal(worst.longestMs, 5_000);
    assert.equal(worst.backoffMs, 300);
  });

  test('loads its upstream: attempts of one call, and what the budget lets many calls add', () => {
    const route = { ...second, retry: { maxAttempts: 3 }, fallback: { steps: [{ upstream: 'b' }] } };
    const upstream = { retryBudget: { failedRatio: '10%', totalRatio: '40%', minPerSecond: 2 } };
    assert.deepEqual(worstOf(policies(route, upstream)).load, [
      {
        upstream: 'a',
        attemptsPerCall: 3,
        calls: 'all',
        budget: { whileFailing: 0.1, total: 0.4, minPerSecond: 2 },
      },
      { upstream: 'b', attemptsPerCall: 1, calls: 'failed', budget: undefined },
    ]);
    const unbounded = worstOf(policies(route, { retryBudget: false })).load[0];
    assert.deepEqual(unbounded, { upstream: 'a', attemptsPerCall: 3, calls: 'all', budget: undefined });
    const generous = worstOf(policies({ ...route, retry: { maxAttempts: 2 } }, { retryBudget: { totalRatio: 5 } }));
    assert.deepEqual(generous.load[0]?.budget, { whileFailing: 0.2, total: 1, minPerSecond: 1 });
  });
});

// Whatever the policy and whatever is done to it.

const durations = (...values: readonly string[]) => fc.constantFrom(...values);

const someRoute = fc.record(
  {
    timeout: durations('50ms', '500ms', '2s', '10s'),
    attemptTimeout: durations('50ms', '300ms', '1s'),
    retry: fc.oneof(
      { weight: 1, arbitrary: fc.constant<false>(false) },
      {
        weight: 5,
        arbitrary: fc.record({
          maxAttempts: fc.integer({ min: 1, max: 5 }),
          on: fc.constantFrom(['connect-failure'], ['503', 'reset'], ['connect-failure', 'timeout', '429', '5xx']),
          backoff: fc.oneof(
            fc.record({
              strategy: fc.constantFrom('fixed', 'linear', 'exponential'),
              base: durations('0s', '20ms', '400ms'),
              jitter: fc.constantFrom('none', 'full', 'equal'),
            }),
            fc.constant({ jitter: 'decorrelated', base: '20ms', max: '300ms' }),
            fc.constant({ strategy: 'sequence', delays: ['0s', '100ms', '3s'], jitter: 'none' }),
          ),
          retryAfter: fc.record({ honor: fc.boolean(), max: durations('0s', '1s', '3s') }),
          mode: fc.constantFrom('enforce', 'enforce', 'enforce', 'shadow'),
        }),
      },
    ),
    hedge: fc.record({
      delay: durations('0s', '10ms', '50ms', '100ms', '300ms', '1s', 'p90'),
      max: fc.integer({ min: 1, max: 3 }),
      methods: fc.constantFrom(['GET'], ['GET', 'POST']),
    }),
    fallback: fc.record({
      on: fc.constantFrom(['connect-failure'], ['overload'], ['5xx', 'timeout'], ['deadline', 'reset', 'circuit-open']),
      timeout: durations('40ms', '1s'),
      steps: fc.array(
        fc.oneof(
          fc.record({
            upstream: fc.constantFrom('b', 'c'),
            when: fc.constantFrom('unsent', 'replayable', 'always'),
          }),
          fc.constant({ stale: {} }),
          fc.constant({ response: {} }),
        ),
        { minLength: 1, maxLength: 3 },
      ),
    }),
  },
  { requiredKeys: ['timeout', 'attemptTimeout'] },
);

const someUpstream = fc.record(
  {
    connectTimeout: durations('30ms', '200ms'),
    concurrency: fc.record({
      limit: fc.integer({ min: 1, max: 2 }),
      queue: fc.integer({ min: 0, max: 3 }),
      queueTimeout: durations('20ms', '200ms'),
    }),
  },
  { requiredKeys: ['connectTimeout'] },
);

const after = fc.constantFrom(0, 1, 19, 29, 49, 99, 199, 299, 999);
/** Never later than the connect timeout. */
const refusal = fc.constantFrom(0, 15, 30).map((refuseAfter) => ({ refuseAfter }));
const someAnswer: fc.Arbitrary<WorstAnswer> = fc.oneof(
  { weight: 2, arbitrary: refusal },
  { weight: 2, arbitrary: fc.constantFrom<WorstAnswer>('hang', 'reset', 200) },
  {
    weight: 3,
    arbitrary: fc.record({
      status: fc.constantFrom(200, 429, 502, 503, 503),
      after,
      headers: fc.constantFrom<Record<string, string>>({}, { 'retry-after': '1' }, { 'retry-after': '3' }),
    }),
  },
);

const someCall = fc.record(
  {
    method: fc.constantFrom('GET', 'GET', 'POST', 'PUT'),
    headers: fc.constantFrom<Record<string, string>>(
      {},
      {},
      { 'idempotency-key': '1' },
      { 'x-retry-attempt': '2' },
      { 'x-request-timeout-ms': '400' },
    ),
    others: fc.array(fc.constantFrom(0, 10, 60, 300), { maxLength: 4 }),
  },
  { requiredKeys: ['method'] },
);

test('no call takes longer, or makes more attempts, than explained', () => {
  const answers = fc.array(someAnswer, { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(someRoute, someUpstream, someCall, answers, answers, after, fc.integer(), (...given) => {
      const [route, upstream, call, own, elsewhere, otherAfter, seed] = given;
      const config = policies(route, upstream);
      const worst = worstOf(config, call);
      const random = seed % 2 === 0 ? undefined : seededRandom(seed);
      const played = playCall(config, {
        ...call,
        ...(random === undefined ? {} : { random }),
        answer: (name, attempt) => {
          const script = name === 'a' ? own : elsewhere;
          return script[attempt % script.length] ?? 'hang';
        },
        otherAnswer: () => ({ status: 200, after: otherAfter }),
      });
      assert.ok(played.elapsedMs <= worst.longestMs + 1e-6, `${played.elapsedMs} ms, explained ${worst.longestMs}`);
      assert.ok(played.attempts <= worst.attempts, `${played.attempts} attempts, explained ${worst.attempts}`);
      const [load] = worst.load;
      assert.ok((load?.attemptsPerCall ?? 0) <= worst.attempts);
    }),
    { numRuns: 1_000 },
  );
});
