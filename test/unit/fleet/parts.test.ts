import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Latencies } from '../../../src/fleet/latencies.js';
import { requestFor } from '../../../src/fleet/request.js';
import { ms, percent } from '../../../src/fleet/words.js';
import { WorkQueue } from '../../../src/fleet/work-queue.js';
import { load, routeOf } from '../../support/policy-file.js';

describe('a queue of work', () => {
  test('gives what came first, first', () => {
    const queue = new WorkQueue<number>();
    assert.equal(queue.take(), undefined);
    let next = 0;
    for (let i = 0; i < 100; i++) {
      queue.add(2 * i);
      queue.add(2 * i + 1);
      assert.equal(queue.take(), next++);
      assert.equal(queue.length, 2 * (i + 1) - next);
    }
    while (queue.length > 0) assert.equal(queue.take(), next++);
    assert.equal(next, 200);
    assert.equal(queue.take(), undefined);
  });
});

describe('latencies', () => {
  test('have percentiles that are at most 2 % off', () => {
    const latencies = new Latencies();
    assert.equal(latencies.quantile(0.5), undefined);
    for (let i = 1; i <= 1_000; i++) latencies.add(i);
    for (const share of [0.01, 0.5, 0.99]) {
      assert.ok(Math.abs(latencies.quantile(share)! / (share * 1_000) - 1) < 0.02, `${latencies.quantile(share)}`);
    }
  });

  test('take what is immediate and what takes for ever', () => {
    const latencies = new Latencies();
    latencies.add(0);
    assert.equal(latencies.quantile(0.5), 0);
    latencies.add(1e9);
    assert.ok(latencies.quantile(1)! > 500_000);
  });

  test('can be added up', () => {
    const [some, others] = [new Latencies(), new Latencies()];
    some.add(10);
    others.add(1_000);
    others.add(1_000);
    some.addAll(others);
    assert.ok(some.quantile(0.5)! > 900);
    assert.ok(some.quantile(0.3)! < 11);
  });
});

describe('the call of a route', () => {
  const requestOf = (text: string) => {
    const [route] = load(`upstreams: { a: { url: http://a } }\nroutes: [{ name: r, upstream: a, ${text} }]`).routes;
    assert.ok(route !== undefined);
    return requestFor(route);
  };

  test('is a GET that matches', () => {
    assert.deepEqual(requestFor(routeOf({})), { method: 'GET', path: '/', headers: { host: 'localhost' } });
    assert.deepEqual(requestOf('match: { path: /a/*, host: "*.b.c", headers: { x-tenant: acme } }'), {
      method: 'GET',
      path: '/a/simulated',
      headers: { host: 'simulated.b.c', 'x-tenant': 'acme' },
    });
  });

  test('has a method that the route takes, and what lets it be retried', () => {
    const { method, headers } = requestOf('match: { methods: [POST] }');
    assert.equal(method, 'POST');
    assert.equal(headers['idempotency-key'], 'simulated');
    assert.equal(requestOf('match: { methods: [PUT] }').headers['idempotency-key'], undefined);
    assert.equal(requestOf('match: { methods: [POST] }, retry: false').headers['idempotency-key'], undefined);
  });
});

describe('numbers for people', () => {
  test('say 100 % only of all, and 0 % only of none', () => {
    const said = [0, 0.00001, 0.0049, 0.05, 0.5, 0.985, 0.99, 0.9951, 0.99999, 1, 2.07].map(percent);
    assert.deepEqual(said, [
      '0 %',
      '0.01 %',
      '0.49 %',
      '5 %',
      '50 %',
      '98.5 %',
      '99 %',
      '99.51 %',
      '99.99 %',
      '100 %',
      '207 %',
    ]);
  });

  test('give times as many digits as mean something', () => {
    assert.deepEqual([undefined, 0, 1.26, 17.4, 999, 4_194, 18_155].map(ms), [
      '–',
      '0 ms',
      '1.3 ms',
      '17 ms',
      '999 ms',
      '4.2 s',
      '18 s',
    ]);
  });
});
