import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { askedCall } from '../../../src/explain/asked.js';
import { raceAtWorst } from '../../../src/explain/attempt-race.js';
import { callAtWorst } from '../../../src/explain/calls-at-worst.js';
import { stepsAtWorst } from '../../../src/explain/fallbacks-at-worst.js';
import { table, wrap } from '../../../src/explain/layout.js';

describe('an attempt and its hedges at worst', () => {
  const attempt = { limitMs: 100, queueMs: 0 };
  const queued = { limitMs: 100, queueMs: 250 };
  for (const [bounds, hedge, longestMs, hedges] of [
    [attempt, undefined, 100, 0],
    [queued, undefined, 350, 0],
    [attempt, { delayMs: 30, max: 2 }, 160, 2],
    // The first waits longer than the last hedge is late.
    [queued, { delayMs: 30, max: 2 }, 350, 2],
    [queued, { delayMs: 90, max: 5 }, 550, 5],
    // It may begin in the very moment in which the attempt ends.
    [attempt, { delayMs: 100, max: 2 }, 300, 2],
    [attempt, { delayMs: 101, max: 2 }, 100, 0],
    // The first has waited, so that it still runs when the hedge is due.
    [queued, { delayMs: 150, max: 2 }, 400, 1],
    [queued, { delayMs: 150, max: 1 }, 350, 1],
    [queued, { delayMs: 350, max: 1 }, 450, 1],
    [queued, { delayMs: 351, max: 1 }, 350, 0],
    [attempt, { delayMs: undefined, max: 2 }, 300, 2],
    [queued, { delayMs: undefined, max: 1 }, 450, 1],
    [{ limitMs: Infinity, queueMs: 0 }, { delayMs: 10, max: 1 }, Infinity, 1],
  ] as const) {
    test(`${JSON.stringify(bounds)} with ${JSON.stringify(hedge)}: ${longestMs} ms`, () => {
      assert.deepEqual(raceAtWorst(bounds, hedge), { longestMs, hedges });
    });
  }
});

test('waits may leave time for hedges or for attempts, and each is counted where there are most', () => {
  const race = { longestMs: 500, hedges: 3 };
  const waits = [{ shortestMs: 900, longestMs: 900 }];
  const found = callAtWorst({ deadlineMs: 1_000, retried: race, last: race, waits, hedgeDelayMs: 50 });
  assert.deepEqual(found, { longestMs: 1_000, unboundedMs: 1_900, retries: 1, hedges: 3, attempts: 4 });
});

test('of fallback steps, those that may be asked are added up, sent or unsent, whichever is worse', () => {
  const bounds = (name: string) => ({ longestMs: name === 'b' ? 500 : 100, longestUnsentMs: name === 'b' ? 450 : 50 });
  const unsent = { sent: false, replayable: false, repeatable: true };
  const b = { upstream: 'b', when: 'unsent' } as const;
  const c = { upstream: 'c', when: 'unsent' } as const;
  // That of b was not sent either: then c is asked too.
  assert.deepEqual(stepsAtWorst([b, c], bounds, unsent), { longestMs: 550, attempts: 2 });
  assert.deepEqual(stepsAtWorst([b, c], bounds, { ...unsent, sent: true }), { longestMs: 0, attempts: 0 });
  const always = [{ upstream: 'b', when: 'always' } as const];
  assert.deepEqual(stepsAtWorst(always, bounds, { ...unsent, sent: true }), { longestMs: 500, attempts: 1 });
  const consumed = { ...unsent, sent: true, repeatable: false };
  assert.deepEqual(stepsAtWorst(always, bounds, consumed), { longestMs: 0, attempts: 0 });
});

describe('a call that is asked about', () => {
  const tcp = [{ kind: 'tcp', host: undefined, port: 8080 } as const];

  test('has the host of its URL, else of its header, else of where calls are taken', () => {
    const host = (url: string, headers: string[], listen: Parameters<typeof askedCall>[3] = tcp) =>
      askedCall('GET', url, headers, listen).host;
    assert.equal(host('https://A.test:1/x', ['Host: b']), 'A.test:1');
    assert.equal(host('/x', ['Host: b']), 'b');
    assert.equal(host('/x', []), 'localhost:8080');
    assert.equal(host('/x', [], [{ kind: 'tcp', host: '::1', port: 80 }]), '[::1]:80');
    assert.equal(host('/x', [], [{ kind: 'unix', path: '/run/s' }]), 'localhost');
  });

  test('has its headers without case, several lines of one joined', () => {
    const call = askedCall('PUT', '/x?y=1', ['A: 1', 'a:2', 'Content-Length: 9'], tcp);
    const { path, query, bodyBytes } = call;
    assert.deepEqual(
      [call.header('a'), call.header('b'), path, query, bodyBytes],
      ['1, 2', undefined, '/x', '?y=1', 9],
    );
  });

  test('that comes in chunks may be of any size', () => {
    assert.equal(askedCall('PUT', '/', ['transfer-encoding: chunked'], tcp).bodyBytes, Infinity);
  });
});

test('rows stand under each other; a long cell moves its own row only; the last cell is wrapped', () => {
  const long = 'x'.repeat(50);
  assert.deepEqual(
    table(
      [
        ['a', 'bb', 'one two three four five six'],
        ['aaa', 'b', ''],
        [long, 'b', 'c'],
      ],
      2,
      32,
    ),
    ['  a    bb  one two three four', '           five six', '  aaa  b', `  ${long}  b   c`],
  );
  assert.deepEqual(wrap(`${long} a`, 10), [long, 'a']);
});
