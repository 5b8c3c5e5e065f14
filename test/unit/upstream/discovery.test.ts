import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { endpointAddresses, nameIn, systemLookup } from '../../../src/upstream/discovery.js';
import { EndpointBench } from '../../support/endpoint-bench.js';
import { scriptedRandom } from '../../support/scripted-random.js';

const ORIGIN = 'http://carts:8080';
const at = (address: string) => `${ORIGIN}#${address}`;

async function started(
  names: Readonly<Record<string, readonly string[]>>,
  options: Partial<ConstructorParameters<typeof EndpointBench>[0]> = {},
): Promise<EndpointBench> {
  const bench = new EndpointBench({ origins: [ORIGIN], discovery: {}, names, ...options });
  await bench.start();
  return bench;
}

describe('the addresses of an answer', () => {
  it('are each an endpoint, once, in an order that does not depend on the answer', () => {
    assert.deepEqual(endpointAddresses(['10.0.0.3', '10.0.0.1', '10.0.0.3', '10.0.0.2']), [
      '10.0.0.1',
      '10.0.0.2',
      '10.0.0.3',
    ]);
  });

  it('of two families count by the one that is preferred: a machine with both is one endpoint', () => {
    assert.deepEqual(endpointAddresses(['fd00::2', '10.0.0.1', 'fd00::1', '10.0.0.2']), ['fd00::1', 'fd00::2']);
    assert.deepEqual(endpointAddresses(['10.0.0.1', 'fd00::1']), ['10.0.0.1']);
  });

  it('of loopback in two families are the name itself: a server often listens on one only', () => {
    assert.deepEqual(endpointAddresses(['::1', '127.0.0.1']), [undefined]);
    assert.deepEqual(endpointAddresses(['127.0.0.1']), ['127.0.0.1']);
    assert.deepEqual(endpointAddresses(['127.0.0.2', '127.0.0.1']), ['127.0.0.1', '127.0.0.2']);
  });
});

describe('the name in an origin', () => {
  it('is the host, unless that is an address', () => {
    assert.equal(nameIn('https://api.shop:8443'), 'api.shop');
    assert.equal(nameIn('http://10.0.0.1:80'), undefined);
    assert.equal(nameIn('http://[::1]:80'), undefined);
  });
});

describe('the lookup of the operating system', () => {
  it('knows /etc/hosts', async () => {
    assert.ok((await systemLookup('localhost')).some((address) => address === '127.0.0.1' || address === '::1'));
  });

  it('rejects for a name that there is not', async () => {
    // RFC 6761: never a name.
    await assert.rejects(systemLookup('nothing.invalid'));
  });
});

describe('discovery', () => {
  it('makes an endpoint of every address, each with a pool and a label of its own', async () => {
    const bench = await started({ carts: ['10.0.0.2', '10.0.0.1'] });
    assert.deepEqual(bench.labels, [at('10.0.0.1'), at('10.0.0.2')]);
    bench.run(4);
    assert.deepEqual([bench.calls(at('10.0.0.1')).length, bench.calls(at('10.0.0.2')).length], [2, 2]);
  });

  it('leaves the address out of the label where a name has one, and sends to the address', async () => {
    const bench = await started({ carts: ['10.0.0.1'] });
    assert.deepEqual(bench.labels, [ORIGIN]);
    bench.run(1);
    assert.deepEqual([bench.calls(at('10.0.0.1')).length, bench.calls(ORIGIN).length], [1, 0]);
  });

  it('leaves a name for loopback in both families as it is: connecting tries both', async () => {
    const bench = await started({ carts: ['::1', '127.0.0.1'] });
    assert.deepEqual([bench.labels, [...bench.pools.keys()]], [[ORIGIN], [ORIGIN]]);
    bench.run(2);
    assert.equal(bench.calls(ORIGIN).length, 2);
    assert.deepEqual(bench.of('discovery')[0]?.addresses, ['carts']);
  });

  it('takes calls before the first answer: the name itself is the endpoint', async () => {
    const bench = new EndpointBench({ origins: [ORIGIN], discovery: {}, names: { carts: ['10.0.0.1', '10.0.0.2'] } });
    assert.deepEqual(bench.labels, [ORIGIN]);
    assert.equal(bench.run(1)[0]?.status, 200);
    await bench.start();
    assert.deepEqual(bench.labels, [at('10.0.0.1'), at('10.0.0.2')]);
    assert.equal(bench.pool(ORIGIN).state, 'closed');
  });

  it('starts although DNS is down, and says so once', async () => {
    const bench = await started({});
    assert.deepEqual(bench.usable, [ORIGIN]);
    await bench.advance(60_000);
    assert.deepEqual(
      bench.of('discovery').map(({ result, addresses, reason }) => [result, addresses, reason]),
      [['failed', ['carts'], 'getaddrinfo ENOTFOUND carts']],
    );
    bench.resolve('carts', ['10.0.0.1']);
    await bench.advance(5_000);
    assert.deepEqual(
      bench.of('discovery').map(({ result }) => result),
      ['failed', 'recovered', 'changed'],
    );
    assert.equal(bench.upstream.endpoints[0]?.address, '10.0.0.1');
  });

  it('looks names up again within `refresh`, a little earlier by chance, one lookup after the other', async () => {
    const bench = await started({ carts: ['10.0.0.1'] }, { random: scriptedRandom(0, 0.5, 0.999) });
    await bench.advance(14_000);
    const times = bench.lookups.map((lookup) => lookup.at);
    assert.deepEqual(times.slice(0, 3), [0, 5_000, 9_500]);
    assert.ok(times[3]! > 13_500 && times[3]! < 13_600, String(times[3]));
  });

  it('looks a name up once for all origins that bear it, and no address', async () => {
    const origins = ['http://carts:1', 'http://carts:2', 'http://10.0.0.9:1'];
    const bench = await started({ carts: ['10.0.0.1', '10.0.0.2'] }, { origins });
    assert.deepEqual(
      bench.lookups.map(({ hostname }) => hostname),
      ['carts'],
    );
    assert.deepEqual(bench.labels, [
      'http://carts:1#10.0.0.1',
      'http://carts:1#10.0.0.2',
      'http://carts:2#10.0.0.1',
      'http://carts:2#10.0.0.2',
      'http://10.0.0.9:1',
    ]);
  });

  it('looks nothing up with `one`, nor where every endpoint is an address', async () => {
    const one = await started({ carts: ['10.0.0.1'] }, { discovery: { dns: 'one' } });
    const address = await started({}, { origins: ['http://10.0.0.9:1', 'http://[fd00::1]:1'] });
    assert.deepEqual([one.lookups, address.lookups], [[], []]);
    assert.deepEqual([one.labels, address.labels], [[ORIGIN], ['http://10.0.0.9:1', 'http://[fd00::1]:1']]);
    assert.deepEqual([one.clock.pending, address.clock.pending], [0, 0]);
  });

  it('takes a changed answer up: new addresses get calls, those that stay keep their pools', async () => {
    const bench = await started({ carts: ['10.0.0.1', '10.0.0.2'] });
    const staying = bench.endpoint(at('10.0.0.2'));
    bench.resolve('carts', ['10.0.0.3', '10.0.0.2']);
    await bench.advance(5_000);
    assert.deepEqual(bench.labels, [at('10.0.0.2'), at('10.0.0.3')]);
    assert.equal(bench.endpoint(at('10.0.0.2')), staying);
    bench.run(4);
    const seen = ['10.0.0.1', '10.0.0.2', '10.0.0.3'].map((address) => bench.calls(at(address)).length);
    assert.deepEqual(seen, [0, 2, 2]);
    assert.deepEqual(bench.of('discovery').at(-1)?.addresses, ['10.0.0.2', '10.0.0.3']);
  });

  it('says nothing, and changes nothing, when the same addresses come in another order', async () => {
    const bench = await started({ carts: ['10.0.0.1', '10.0.0.2'] });
    const before = bench.upstream.usable();
    bench.resolve('carts', ['10.0.0.2', '10.0.0.1']);
    await bench.advance(20_000);
    assert.equal(bench.upstream.usable(), before);
    assert.equal(bench.of('discovery').length, 1);
  });

  it('lets calls at an address that is gone end, and closes its pool only then', async () => {
    const bench = await started({ carts: ['10.0.0.1'] });
    bench.answer(at('10.0.0.1'), { status: 200, after: 8_000, bodyAfter: 8_000, body: 'whole' });
    const call = bench.call();
    bench.resolve('carts', ['10.0.0.2']);
    await bench.advance(15_000);
    assert.equal(bench.run(1)[0]?.status, 200);
    assert.equal(bench.calls(at('10.0.0.2')).length, 1);
    assert.equal(bench.pool(at('10.0.0.1')).state, 'open');
    await bench.advance(1_000);
    assert.deepEqual([call.status, call.body, call.ends], [200, 'whole', 1]);
    assert.equal(bench.pool(at('10.0.0.1')).state, 'closed');
  });

  it('keeps the last answer when a lookup fails or finds nothing', async () => {
    const bench = await started({ carts: ['10.0.0.1', '10.0.0.2'] });
    bench.resolve('carts', new Error('getaddrinfo EAI_AGAIN carts'));
    await bench.advance(10_000);
    bench.resolve('carts', []);
    await bench.advance(10_000);
    assert.deepEqual(bench.labels, [at('10.0.0.1'), at('10.0.0.2')]);
    assert.deepEqual(
      bench.of('discovery').map(({ result }) => result),
      ['changed', 'failed'],
    );
  });

  it('renames an endpoint that stays when others come or go beside it', async () => {
    const bench = await started({ carts: ['10.0.0.1'] });
    const [only] = bench.upstream.endpoints;
    bench.resolve('carts', ['10.0.0.1', '10.0.0.2']);
    await bench.advance(5_000);
    assert.equal(bench.endpoint(at('10.0.0.1')), only);
    bench.resolve('carts', ['10.0.0.1']);
    await bench.advance(5_000);
    assert.deepEqual(bench.labels, [ORIGIN]);
    assert.equal(bench.upstream.endpoints[0], only);
  });

  it('checks the health of what is there now, and remembers that of endpoints that stay', async () => {
    const bench = await started({ carts: ['10.0.0.1', '10.0.0.2'] }, { healthCheck: { interval: '1s' } });
    bench.check(at('10.0.0.1'), 500);
    await bench.advance(4_000);
    assert.deepEqual(bench.usable, [at('10.0.0.2')]);
    bench.check(at('10.0.0.2'), 'hang');
    bench.resolve('carts', ['10.0.0.1', '10.0.0.3']);
    await bench.advance(1_000);
    assert.deepEqual(bench.usable, [at('10.0.0.3')]);
    assert.ok(bench.checks(at('10.0.0.2')).at(-1)?.aborted !== undefined, 'a check at an address that is gone is cut');
    const before = bench.checks(at('10.0.0.2')).length;
    await bench.advance(5_000);
    assert.equal(bench.checks(at('10.0.0.2')).length, before);
    assert.ok(bench.checks(at('10.0.0.3')).length >= 5);
  });

  it('stops at the end: no timer is left, and an answer that comes late changes nothing', async () => {
    const bench = await started({ carts: ['10.0.0.1'] });
    bench.resolve('carts', ['10.0.0.2']);
    bench.clock.advance(4_500);
    await bench.upstream.destroy();
    await bench.advance(100);
    assert.equal(bench.lookups.length, 2);
    assert.equal(bench.clock.pending, 0);
    assert.equal(bench.upstream.endpoints[0]?.address, '10.0.0.1');
    assert.equal(bench.pool(at('10.0.0.1')).state, 'destroyed');
  });

  it('cuts what is still in flight at addresses that are gone when all is cut', async () => {
    const bench = await started({ carts: ['10.0.0.1'] });
    bench.answer(at('10.0.0.1'), 'hang');
    bench.call();
    bench.resolve('carts', ['10.0.0.2']);
    await bench.advance(5_000);
    await bench.upstream.destroy();
    assert.equal(bench.pool(at('10.0.0.1')).state, 'destroyed');
  });
});

describe('circuits of discovered endpoints', () => {
  const circuits = (bench: EndpointBench) =>
    Object.fromEntries(bench.upstream.circuits?.view().map(({ key, state }) => [key, state]) ?? []);
  const breaker = { circuitBreaker: { consecutiveFailures: 2, probeShare: 0 } };

  it('are one for each address: a dead one is passed by', async () => {
    const bench = await started({ carts: ['10.0.0.1', '10.0.0.2'] }, breaker);
    assert.deepEqual(circuits(bench), { [at('10.0.0.1')]: 'closed', [at('10.0.0.2')]: 'closed' });
    bench.answer(at('10.0.0.1'), 'refuse');
    bench.run(8);
    assert.deepEqual(circuits(bench), { [at('10.0.0.1')]: 'open', [at('10.0.0.2')]: 'closed' });
    assert.deepEqual([bench.calls(at('10.0.0.1')).length, bench.calls(at('10.0.0.2')).length], [2, 6]);
  });

  it('are forgotten with their addresses, open ones too, and what ends late there is no news', async () => {
    const bench = await started({ carts: ['10.0.0.1', '10.0.0.10'] }, breaker);
    for (const address of ['10.0.0.1', '10.0.0.10']) bench.answer(at(address), { status: 503, after: 6_000 });
    for (let i = 0; i < 4; i++) bench.call();
    bench.resolve('carts', ['10.0.0.10']);
    await bench.advance(5_000);
    assert.deepEqual(circuits(bench), { [ORIGIN]: 'closed' });
    await bench.advance(2_000);
    assert.deepEqual(bench.of('circuit'), []);
  });

  it('of several tenants at an address are forgotten with it, and no others', async () => {
    const key = '{endpoint} {header:x-tenant}';
    const bench = await started(
      { carts: ['10.0.0.1', '10.0.0.10', '10.0.0.2'] },
      { circuitBreaker: { ...breaker.circuitBreaker, key } },
    );
    for (const tenant of ['a', 'b']) for (let i = 0; i < 3; i++) bench.call({ 'x-tenant': tenant });
    assert.equal(Object.keys(circuits(bench)).length, 6);
    bench.resolve('carts', ['10.0.0.10', '10.0.0.2']);
    await bench.advance(5_000);
    assert.deepEqual(
      Object.keys(circuits(bench)).sort(),
      ['10.0.0.10', '10.0.0.2'].flatMap((address) => [`${at(address)} a`, `${at(address)} b`]),
    );
  });

  it('of the whole upstream stay', async () => {
    const bench = await started({ carts: ['10.0.0.1'] }, { circuitBreaker: { key: '{upstream}' } });
    bench.resolve('carts', ['10.0.0.2']);
    await bench.advance(5_000);
    assert.deepEqual(circuits(bench), { up: 'closed' });
  });

  it('close when the only endpoint moves to another address: nothing is known of that', async () => {
    const bench = await started(
      { carts: ['10.0.0.1'] },
      { circuitBreaker: { consecutiveFailures: 2, openFor: '60s', maxOpenFor: '60s' } },
    );
    bench.answer(at('10.0.0.1'), 503);
    bench.run(2);
    assert.deepEqual(circuits(bench), { [ORIGIN]: 'open' });
    bench.resolve('carts', ['10.0.0.2']);
    await bench.advance(5_000);
    assert.deepEqual(circuits(bench), { [ORIGIN]: 'closed' });
    assert.deepEqual(bench.of('circuit').at(-1)?.reason, 'address-changed');
    assert.equal(bench.run(1)[0]?.status, 200);
  });

  it('that an operator forced stay forced when the only endpoint moves', async () => {
    const bench = await started({ carts: ['10.0.0.1'] }, breaker);
    bench.upstream.circuits?.force('forced-open', Infinity, undefined);
    bench.resolve('carts', ['10.0.0.2']);
    await bench.advance(5_000);
    assert.deepEqual(circuits(bench), { [ORIGIN]: 'forced-open' });
  });
});
