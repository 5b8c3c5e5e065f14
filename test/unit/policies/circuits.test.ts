import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createLine } from '../../support/line.js';

const STEADY = { minimumCalls: 1, consecutiveFailures: 1, probeShare: 0, openFor: '10s', maxOpenFor: '10s' } as const;

const keysOf = (views: readonly { readonly key: string; readonly state: string }[]) =>
  views.map(({ key, state }) => `${key} ${state}`);

describe('circuits that an operator forces', () => {
  test('by key: that one alone, for its time, and no probe gets through', () => {
    const line = createLine({
      endpoints: { a: [200], b: [200] },
      circuitBreaker: { probeShare: 1 },
      loadBalancing: 'roundRobin',
    });
    const circuits = line.upstream.circuits!;
    assert.deepEqual(keysOf(circuits.force('forced-open', 60_000, 'http://a')), ['http://a forced-open']);
    for (let i = 0; i < 10; i++) line.run();
    assert.deepEqual([line.seen('a').length, line.seen('b').length], [0, 10]);
    assert.equal(circuits.view()[0]?.remainingMs, 60_000);
    line.advance(60_000);
    for (let i = 0; i < 10; i++) line.run();
    assert.deepEqual([line.seen('a').length, line.seen('b').length], [5, 15]);
    assert.deepEqual(
      line.of('circuit').map(({ key, to, reason }) => `${key} ${to} ${reason}`),
      ['http://a forced-open forced', 'http://a closed ttl-over'],
    );
    line.finish();
  });

  test('closed let all through, however many fail', () => {
    const line = createLine({ endpoints: { a: [503] }, circuitBreaker: STEADY, retry: false });
    line.upstream.circuits!.force('forced-closed', Infinity, undefined);
    for (let i = 0; i < 10; i++) assert.equal(line.run().status, 503);
    line.upstream.circuits!.reset(undefined);
    line.run();
    assert.equal(line.run().error?.code, 'circuit-open');
    line.finish();
  });

  test('without a key are all of the upstream, those included that calls bring later; until its time is over', () => {
    const line = createLine({ circuitBreaker: { key: '{header:x-tenant}' }, retry: false });
    const circuits = line.upstream.circuits!;
    const call = (tenant: string) => line.run({ headers: { 'x-tenant': tenant } }).error?.code;
    assert.equal(call('old'), undefined);
    assert.deepEqual(keysOf(circuits.force('forced-open', 60_000, undefined)), ['old forced-open']);
    assert.deepEqual([call('old'), call('new')], ['circuit-open', 'circuit-open']);
    line.advance(20_000);
    call('newer');
    assert.deepEqual(
      circuits.view().map(({ remainingMs }) => remainingMs),
      [40_000, 40_000, 40_000],
    );
    line.advance(40_000);
    assert.deepEqual([call('old'), call('newest')], [undefined, undefined]);
    line.finish();
  });

  test('no more, once all were reset: neither those that are there nor those that come', () => {
    const line = createLine({ circuitBreaker: { key: '{header:x-tenant}' }, retry: false });
    const circuits = line.upstream.circuits!;
    circuits.force('forced-open', Infinity, undefined);
    line.run({ headers: { 'x-tenant': 'a' } });
    assert.deepEqual(keysOf(circuits.reset(undefined)), ['a closed']);
    for (const tenant of ['a', 'b']) assert.equal(line.run({ headers: { 'x-tenant': tenant } }).status, 200);
    line.finish();
  });

  test('stay so when their endpoint goes and comes back, and not when they were reset meanwhile', () => {
    const { upstream } = createLine({ endpoints: { a: [200], b: [200] } });
    const circuits = upstream.circuits!;
    const away = () => {
      circuits.forget('http://a');
      circuits.prepare(['http://a']);
      return circuits.stateAt('http://a');
    };
    circuits.force('forced-open', 60_000, 'http://a');
    assert.equal(away(), 'forced-open');
    assert.equal(circuits.stateAt('http://b'), 'closed');
    circuits.reset('http://a');
    assert.equal(away(), 'closed');
  });

  test('hold in shadow mode too: the operator decided, not the circuit', () => {
    const line = createLine({ circuitBreaker: { ...STEADY, mode: 'shadow' }, retry: false, endpoints: { a: [503] } });
    line.run();
    assert.equal(line.run().status, 503, 'shadow mode only counts');
    line.upstream.circuits!.force('forced-open', Infinity, undefined);
    assert.equal(line.run().error?.code, 'circuit-open');
    line.finish();
  });

  test('are none for a key that no call can have; one that calls may bring is there from then on', () => {
    const perEndpoint = createLine({ circuitBreaker: {} }).upstream.circuits!;
    assert.deepEqual(perEndpoint.force('forced-open', Infinity, 'http://typo'), []);
    assert.deepEqual(perEndpoint.reset('http://typo'), []);
    assert.deepEqual(keysOf(perEndpoint.view()), ['http://a closed']);
    const perTenant = createLine({ circuitBreaker: { key: '{header:x-tenant}' } }).upstream.circuits!;
    assert.deepEqual(perTenant.reset('acme'), []);
    assert.deepEqual(keysOf(perTenant.force('forced-open', Infinity, 'acme')), ['acme forced-open']);
  });

  test('are none when there is no room for the key: the circuit that others share is not theirs', () => {
    const line = createLine({ circuitBreaker: { key: '{header:x-tenant}', maxKeys: 2 }, retry: false });
    const circuits = line.upstream.circuits!;
    circuits.force('forced-open', Infinity, 'a');
    circuits.force('forced-open', Infinity, 'b');
    assert.deepEqual(circuits.force('forced-open', Infinity, 'c'), []);
    assert.equal(line.run({ headers: { 'x-tenant': 'd' } }).status, 200);
    line.finish();
  });
});

describe('reset', () => {
  test('closes a circuit with an empty window', () => {
    const line = createLine({ endpoints: { a: [503, 200] }, circuitBreaker: STEADY, retry: false });
    line.run();
    assert.equal(line.circuit().state, 'open');
    const [view] = line.upstream.circuits!.reset('http://a');
    assert.deepEqual([view?.state, view?.calls], ['closed', 0]);
    assert.equal(line.run().status, 200);
    line.finish();
  });
});

describe('the state at an endpoint', () => {
  test('is the worst of its circuits', () => {
    const line = createLine({ circuitBreaker: { key: '{endpoint}/{header:x-tenant}' }, retry: false });
    const circuits = line.upstream.circuits!;
    assert.equal(circuits.stateAt('http://a'), undefined);
    line.run({ headers: { 'x-tenant': 't1' } });
    assert.equal(circuits.stateAt('http://a'), 'closed');
    line.run({ headers: { 'x-tenant': 't2' } });
    circuits.force('forced-open', Infinity, 'http://a/t2');
    assert.equal(circuits.stateAt('http://a'), 'forced-open');
    assert.equal(circuits.stateAt('http://b'), undefined);
    line.finish();
  });

  test('is unknown where circuits are not per endpoint', () => {
    const line = createLine({ circuitBreaker: { key: '{upstream}' } });
    line.run();
    assert.equal(line.upstream.circuits!.stateAt('http://a'), undefined);
    line.finish();
  });
});
