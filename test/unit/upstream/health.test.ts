import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EndpointHealth, usableOf } from '../../../src/upstream/health.js';

/** What is believed after each result; g: a good check, b: a bad one. */
function beliefs(results: string): string {
  const health = new EndpointHealth({ healthyAfter: 2, unhealthyAfter: 3 });
  return Array.from(results)
    .map((result) => {
      const before = health.healthy;
      const changed = health.record(result === 'g');
      assert.equal(changed, before !== health.healthy, 'it says exactly when it changes its mind');
      return health.healthy ? 'H' : 'u';
    })
    .join('');
}

describe('the health of an endpoint', () => {
  it('starts as healthy and turns after so many bad checks in a row', () => {
    assert.equal(beliefs('bbb'), 'HHu');
  });

  it('counts only checks in a row: one good one begins the count anew', () => {
    assert.equal(beliefs('bbgbbgbbb'), 'HHHHHHHHu');
  });

  it('comes back after so many good checks in a row, and not before', () => {
    assert.equal(beliefs('bbbgbgg'), 'HHuuuuH');
  });

  it('counts from zero again after each turn', () => {
    assert.equal(beliefs('bbbggbbb'), 'HHuuHHHu');
  });
});

describe('the endpoints that may be used', () => {
  const of = (...healthy: boolean[]) => healthy.map((one, id) => ({ id, healthy: one }));
  const ids = (all: ReturnType<typeof of>, threshold: number) => {
    const { endpoints, panic } = usableOf(all, threshold);
    return { ids: endpoints.map(({ id }) => id), panic };
  };

  it('are the healthy ones', () => {
    assert.deepEqual(ids(of(true, false, true), 0.5), { ids: [0, 2], panic: false });
  });

  it('are the healthy ones at exactly the threshold, and all below it', () => {
    assert.deepEqual(ids(of(true, false), 0.5), { ids: [0], panic: false });
    assert.deepEqual(ids(of(true, false, false), 0.5), { ids: [0, 1, 2], panic: true });
  });

  it('are all when none is healthy', () => {
    assert.deepEqual(ids(of(false), 0.5), { ids: [0], panic: true });
  });

  it('are none when none is healthy and panic is off', () => {
    assert.deepEqual(ids(of(false, false), 0), { ids: [], panic: false });
  });

  it('are all with a threshold of 100 % as soon as one is not healthy', () => {
    assert.deepEqual(ids(of(true, true, false), 1), { ids: [0, 1, 2], panic: true });
    assert.deepEqual(ids(of(true, true, true), 1), { ids: [0, 1, 2], panic: false });
  });
});
