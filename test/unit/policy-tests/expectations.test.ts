import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { findings, results } from '../../support/policy-suite.js';

const GET = 'request: { path: /x }';
const POST = 'request: { method: POST, path: /pay/1 }';
/** 100 calls a second for ten seconds, of which the upstream spoils the middle. */
const LOAD =
  'load: { rate: 100/s, for: 10s, request: { path: /x } }, upstreams: { payments: { 3s: [503], 6200ms: [200] } }';

/** Each: a test, an expectation that holds, one that does not, and what it is told. */
const cases: readonly (readonly [test: string, holds: string, fails: string, told: RegExp])[] = [
  [`${GET}, upstreams: { payments: [503, 201] }`, 'status: 201', 'status: 503', /^status: expected 503, got 201$/],
  [GET, 'status: "< 300"', 'status: ">= 300"', /^status: expected >= 300, got 200$/],
  [`${GET}, upstreams: { payments: [503, 200] }`, 'attempts: 2', 'attempts: "> 2"', /^attempts: expected > 2, got 2$/],
  [
    `${GET}, upstreams: { payments: [{ status: 200, after: 200ms }] }`,
    'elapsed: 200ms',
    'elapsed: "< 0.2s"',
    /^elapsed: expected < 0\.2s, got 200ms$/,
  ],
  [
    `${GET}, upstreams: { payments: [hang] }`,
    'elapsed: "> 3s"',
    'elapsed: "<= 3s"',
    /^elapsed: expected <= 3s, got 3\.\d+s$/,
  ],
  [
    `${GET}, upstreams: { payments: [{ status: 200, body: "a b" }] }`,
    'body: a b',
    'body: a',
    /^body: expected "a", got "a b"$/,
  ],
  [
    `${GET}, upstreams: { payments: [{ status: 200, headers: { X-A: "1" } }] }`,
    'headers: { x-a: 1, X-Outrigger-Attempts: "1", x-b: none }',
    'headers: { x-a: 2 }',
    /^headers\.x-a: expected 2, got 1$/,
  ],
  [GET, 'headers: { x-outrigger-attempts: 1 }', 'headers: { x-b: 1 }', /^headers\.x-b: expected 1, got none$/],
  [
    `${POST}, upstreams: { payments: [refuse] }`,
    'fallback: upstream',
    'fallback: none',
    /^fallback: expected none, got upstream$/,
  ],
  [
    `${POST}, upstreams: { payments: [refuse], spare: [503] }`,
    'fallback: response',
    'fallback: upstream',
    /^fallback: expected upstream, got response$/,
  ],
  [GET, 'fallback: none', 'fallback: stale', /^fallback: expected stale, got none$/],
  [
    `${POST}, upstreams: { payments: [503] }`,
    'suppressed: method',
    'suppressed: none',
    /^suppressed: expected none, got method$/,
  ],
  [GET, 'suppressed: none', 'suppressed: budget', /^suppressed: expected budget, got none$/],
  [
    `${POST}, upstreams: { payments: [refuse] }`,
    'upstreamCalls: { payments: 3, spare: 1 }',
    'upstreamCalls: { payments: 3, spare: 0 }',
    /^upstreamCalls\.spare: expected 0, got 1$/,
  ],
  [GET, 'upstreamCalls: 1', 'upstreamCalls: "< 1"', /^upstreamCalls: expected < 1, got 1$/],
  [
    GET,
    'circuit: closed',
    'circuit: open',
    /^circuit: expected open, got closed \(https:\/\/a\.internal\), closed \(https:\/\/b\.internal\)$/,
  ],
  [LOAD, 'success: "> 60%"', 'success: "> 90%"', /^success: expected > 90%, got 6\d\.\d+%$/],
  [LOAD, 'success: "< 0.9"', 'success: 1', /^success: expected 1, got 6\d\.\d+%$/],
  [
    LOAD.replace('path: /x', 'method: POST, path: /pay/1'),
    'success: 100%, successWithoutFallback: "< 80%"',
    'successWithoutFallback: 100%',
    /^successWithoutFallback: expected 100%, got 6\d\.\d+%$/,
  ],
  [
    LOAD.replace('6200ms: [200]', '6200ms: [{ status: 200, after: 20ms }]'),
    'elapsed: "< 2s"',
    'elapsed: "< 20ms"',
    /^elapsed: expected < 20ms, got \d+\.\d+ms$/,
  ],
  [
    'load: { rate: 10/s, for: 2s, request: {} }, upstreams: { payments: { 0s: [{ status: 200, after: 20ms }], 1s: [{ status: 200, after: 50ms }] } }',
    'elapsed: ">= 20ms"',
    'elapsed: "> 30ms"',
    /^elapsed: expected > 30ms, got 20ms$/,
  ],
  [
    'load: { rate: 10/s, for: 2s, request: {} }, upstreams: { payments: [{ status: 200, after: 20ms }] }',
    'elapsed: 20ms',
    'elapsed: 30ms',
    /^elapsed: expected 30ms, got 20ms$/,
  ],
  [LOAD, 'attemptsPerCall: "< 0.9"', 'attemptsPerCall: ">= 1"', /^attemptsPerCall: expected >= 1, got 0\.\d+$/],
  [LOAD, 'recovery: "< 3s"', 'recovery: "< 1ms"', /^recovery: expected < 1ms, got [\d.]+m?s$/],
  [LOAD, 'suppressed: circuit-open', 'suppressed: none', /^suppressed: expected none, got .*circuit-open/],
  [LOAD, 'circuit: closed', 'circuit: half-open', /^circuit: expected half-open, got closed/],
  [LOAD, 'upstreamCalls: "> 600"', 'upstreamCalls: 1000', /^upstreamCalls: expected 1000, got \d+$/],
];

describe('an expectation', () => {
  for (const [given, holds, fails, told] of cases) {
    test(`holds or not: ${holds}; ${fails}`, () => {
      assert.deepEqual(findings(`${given}, expect: { ${holds} }`), []);
      const found = findings(`${given}, expect: { ${fails} }`);
      assert.equal(found.length, 1);
      assert.match(found[0]!, told);
    });
  }

  test('on a circuit may name it: here one endpoint of two is dead', () => {
    const load = 'load: { rate: 50/s, for: 10s, request: { path: /x } }';
    const dead = `${load}, upstreams: { "https://a.internal": [refuse] }`;
    assert.deepEqual(
      findings(
        `${dead}, expect: { success: 100%, circuit: { "https://a.internal": open, "https://b.internal": closed } }`,
      ),
      [],
    );
    assert.deepEqual(findings(`${dead}, expect: { circuit: { "https://a.internal": closed, zebra: open } }`), [
      'circuit.https://a.internal: expected closed, got open',
      'circuit.zebra: expected open, got none',
    ]);
  });

  test('circuit: none is for upstreams without a circuit breaker', () => {
    const policy =
      'upstreams: { payments: { url: http://a, circuitBreaker: false } }\nroutes: [{ name: r, match: {}, upstream: payments }]';
    assert.deepEqual(findings(`${GET}, expect: { circuit: none }`, { policy }), []);
    assert.deepEqual(findings(`${GET}, expect: { circuit: closed }`, { policy }), [
      'circuit: expected closed, got none',
    ]);
  });

  test('is met by what the edge itself refuses', () => {
    const request = 'request: { path: /pay/../x }';
    assert.deepEqual(findings(`${request}, expect: { status: 400, attempts: 0, upstreamCalls: 0, circuit: none }`), []);
  });

  test('all that do not hold are told, in the file’s order', () => {
    const [result] = results([`${GET}, expect: { body: x, status: 500, attempts: 1, fallback: stale }`]);
    assert.deepEqual(
      result?.findings.map(({ key }) => key),
      ['body', 'status', 'fallback'],
    );
  });
});
