/** The machine's clock may be set at any time: what policies do follows the monotonic clock, which never steps. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { createLine, type LineOptions } from '../../support/line.js';
import { projectRoot } from '../../support/project-root.js';

/** Who may know what time it is: dates that cross the wire or are read by people. */
const ASKS_THE_TIME: Readonly<Record<string, string>> = {
  'app/operations.ts': 'since when a circuit is in its state, for the API',
  'observability/event-feed.ts': 'when an event was, for the API',
  'observability/history.ts': 'when a plot begins, for the dashboard',
  'observability/metrics.ts': 'when the policy file was taken, for a metric',
  'observability/stdout-stream.ts': 'when lines were lost, for the log',
  'observability/tracing/call-trace.ts': 'when a span began and ended, for the collector',
  'policies/circuit-breaker.ts': 'Retry-After as a date, where the answer has no Date',
  'policies/retry-call.ts': 'Retry-After as a date, where the answer has no Date',
};

const SECONDS = 1_000;
const DAY = 24 * 60 * 60 * SECONDS;

/** An hour with every policy that knows of time at work. */
const LINE: LineOptions = {
  endpoints: {
    a: [
      { status: 200, after: 5, body: 'good', headers: { etag: '"1"' } },
      503,
      { status: 503, headers: { 'Retry-After': '2' } },
      'hang',
      { status: 200, after: 80 },
      503,
      'reset',
      503,
      503,
      503,
      { status: 200, after: 5, body: 'better' },
    ],
  },
  retry: { maxAttempts: 3 },
  hedge: { delay: '50ms' },
  timeout: '5s',
  attemptTimeout: '300ms',
  rateLimit: { requests: 3, per: '1s' },
  attemptRateLimit: { requests: 20, per: '1s' },
  retryBudget: { minPerSecond: 1, window: '10s' },
  circuitBreaker: { consecutiveFailures: 3, openFor: '1s', probeShare: 0 },
  concurrency: { limit: 2, queue: 2, queueTimeout: '100ms' },
  fallback: { steps: [{ stale: { maxAge: '30s' } }] },
};

/** Makes calls at these times, in milliseconds, and tells all that came of it, and when. */
function story(callsAt: readonly number[], steps: readonly { readonly at: number; readonly by: number }[]): unknown {
  const line = createLine(LINE);
  const moments = [
    ...callsAt.map((at) => ({ at, act: () => void line.call() })),
    ...steps.map(({ at, by }) => ({ at, act: () => line.clock.stepWall(by) })),
  ].sort((one, other) => one.at - other.at);
  for (const { at, act } of moments) {
    line.advance(at - line.clock.now());
    act();
  }
  line.advance(60 * SECONDS);
  line.finish(SECONDS);
  return {
    seen: line.seen().map(({ at, aborted }) => [at, aborted?.message]),
    calls: line.calls.map(({ status, body, headers, headAt, endedAt, error }) => [
      status,
      body,
      headers.age,
      headAt,
      endedAt,
      error?.code,
    ]),
    events: line.events.map((event) => event.type),
    circuit: line.circuit().state,
  };
}

describe('the wall clock', () => {
  test('is asked only for dates', () => {
    const asking = sources(`${projectRoot}src`).filter((file) =>
      readFileSync(`${projectRoot}src/${file}`, 'utf8').includes('.wallNow('),
    );
    assert.deepEqual(asking.sort(), Object.keys(ASKS_THE_TIME));
  });

  test('is read from the machine in one room, as is every timer', () => {
    const raw =
      /\bDate\.now\b|\bnew Date\(\)|\bperformance\.now\b|\bprocess\.hrtime\b|(?<![.\w])(?:setTimeout|setInterval|setImmediate)\(/;
    const reading = sources(`${projectRoot}src`).filter((file) => raw.test(code(file)));
    assert.deepEqual(
      // What runs in a browser has its own such room.
      reading.filter((file) => !file.startsWith('runtime/') && file !== 'admin/dashboard/time.ts'),
      [],
    );
    assert.ok(reading.length > 0);
  });

  test('may step back and forth under calls, and nothing changes', () => {
    const times = fc.array(fc.integer({ min: 0, max: 20 * SECONDS }), { minLength: 1, maxLength: 30 });
    const step = fc.record({
      at: fc.integer({ min: 0, max: 20 * SECONDS }),
      by: fc.oneof(fc.integer({ min: -2 * DAY, max: 2 * DAY }), fc.integer({ min: -5 * SECONDS, max: 5 * SECONDS })),
    });
    fc.assert(
      fc.property(times, fc.array(step, { minLength: 1, maxLength: 10 }), (callsAt, steps) => {
        assert.deepEqual(story(callsAt, steps), story(callsAt, []));
      }),
      { numRuns: 100 },
    );
  });
});

/** The files of src, from there. */
function sources(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => file.split(path.sep).join('/'))
    .sort();
}

/** A file without its comments. */
function code(file: string): string {
  return readFileSync(`${projectRoot}src/${file}`, 'utf8')
    .replace(/\/\*[^]*?\*\//g, '')
    .replace(/\/\/.*$/gm, '');
}
