import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createBalancer } from '../../../src/upstream/balancing.js';
import { Endpoint } from '../../../src/upstream/endpoint.js';
import { EndpointBench } from '../../support/endpoint-bench.js';
import { scriptedRandom } from '../../support/scripted-random.js';
import { seededRandom } from '../../../src/simulation/seeded-random.js';

function endpoint(name: string, inFlight = 0): Endpoint {
  const pool = { dispatch: () => true, close: () => Promise.resolve(), destroy: () => Promise.resolve() };
  const made = new Endpoint({ origin: `http://${name}`, address: undefined }, pool, true, name);
  for (let i = 0; i < inFlight; i++) made.take();
  return made;
}

/** How often each was chosen. */
function tally(chosen: readonly Endpoint[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { label } of chosen) counts[label] = (counts[label] ?? 0) + 1;
  return counts;
}

const times = (count: number, choose: () => Endpoint) => Array.from({ length: count }, choose);

describe('leastRequest', () => {
  it('takes the endpoint with the fewest in flight', () => {
    const all = [endpoint('a', 2), endpoint('b', 1), endpoint('c', 3)];
    assert.equal(createBalancer('leastRequest', () => 0.99)(all, all).label, 'b');
  });

  it('takes each of equals equally often', () => {
    const all = [endpoint('a', 1), endpoint('b', 1), endpoint('c', 5), endpoint('d', 1)];
    const balancer = createBalancer('leastRequest', seededRandom(1));
    const counts = tally(times(3_000, () => balancer(all, all)));
    assert.deepEqual(Object.keys(counts).sort(), ['a', 'b', 'd']);
    for (const count of Object.values(counts)) assert.ok(count > 900 && count < 1_100, String(count));
  });

  it('lets no herd onto an endpoint that recovers, although it is idle: the circuit ramps it up', async () => {
    const bench = new EndpointBench({
      origins: ['http://a', 'http://b'],
      loadBalancing: 'leastRequest',
      circuitBreaker: { openFor: '1s', consecutiveFailures: 5, minimumCalls: 1_000 },
      random: seededRandom(7),
    });
    await bench.start();
    bench.answer('http://a', 503);
    bench.answer('http://b', { status: 200, after: 200 });
    /** Ten calls in each of so many slices of 10 ms; how many of them A got in each tenth of a second. */
    const load = (ms: number) =>
      Array.from({ length: ms / 100 }, () => {
        const before = bench.calls('http://a').length;
        for (let i = 0; i < 10; i++) {
          bench.call();
          bench.clock.advance(10);
        }
        return bench.calls('http://a').length - before;
      });
    load(500);
    bench.answer('http://a', { status: 200, after: 200 });
    const state = () => bench.upstream.circuits?.view()[0]?.state;
    for (let i = 0; i < 50 && state() !== 'ramping'; i++) load(100);
    assert.equal(state(), 'ramping');
    const shares = load(1_000);
    const early = shares.slice(0, 3).reduce((sum, share) => sum + share, 0);
    assert.ok(early <= 10, `${early} of the first 30 calls went to A, at most the ramp's share: ${shares.join(' ')}`);
    assert.equal(state(), 'closed');
    const later = load(1_000).reduce((sum, share) => sum + share, 0);
    assert.ok(later >= 40 && later <= 60, `${later} of 100`);
  });
});

describe('roundRobin', () => {
  it('goes on in turn where endpoints come and go', () => {
    const [a, b, c, d] = [endpoint('a'), endpoint('b'), endpoint('c'), endpoint('d')];
    const balancer = createBalancer('roundRobin', () => 0.5);
    const chosen = (all: readonly Endpoint[], count: number) =>
      times(count, () => balancer(all, all)).map((one) => one.label);
    assert.deepEqual(chosen([a, b, c], 4), ['a', 'b', 'c', 'a']);
    assert.deepEqual(chosen([a, b, c, d], 4), ['b', 'c', 'd', 'a']);
    assert.deepEqual(tally([a, b].flatMap(() => times(3, () => balancer([b, c, d], [b, c, d])))), { b: 2, c: 2, d: 2 });
    assert.deepEqual(chosen([a], 2), ['a', 'a']);
  });

  it('shares evenly among those that are left, whoever is out', () => {
    const all = [endpoint('a'), endpoint('b'), endpoint('c'), endpoint('d')];
    for (const out of all) {
      const balancer = createBalancer('roundRobin', () => 0.5);
      const left = all.filter((one) => one !== out);
      assert.deepEqual(new Set(Object.values(tally(times(300, () => balancer(left, all))))), new Set([100]));
    }
  });
});

describe('random', () => {
  it('takes what chance says, the last one included', () => {
    const all = [endpoint('a'), endpoint('b')];
    const balancer = createBalancer('random', scriptedRandom(0, 0.499, 0.5, 0.999));
    assert.deepEqual(
      times(4, () => balancer(all, all)).map((one) => one.label),
      ['a', 'a', 'b', 'b'],
    );
  });
});

describe('an endpoint that retires', () => {
  it('closes its pool at once when it is idle, else when the last attempt is over', async () => {
    const closed: string[] = [];
    const make = (name: string) =>
      new Endpoint(
        { origin: `http://${name}`, address: undefined },
        {
          dispatch: () => true,
          close: () => {
            closed.push(name);
            return Promise.resolve();
          },
          destroy: () => Promise.resolve(),
        },
        true,
      );
    const [idle, busy] = [make('idle'), make('busy')];
    busy.take();
    busy.take();
    const retired = Promise.all([idle.retire(), busy.retire()]);
    busy.release();
    await Promise.resolve();
    assert.deepEqual(closed, ['idle']);
    busy.release();
    await retired;
    assert.deepEqual(closed, ['idle', 'busy']);
  });
});
