import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { describe, test, type TestContext } from 'node:test';
import { createAttempt, withAttempt } from '../../../src/policies/call-context.js';
import type { CallOptions } from '../../../src/policies/policy.js';
import { systemClock } from '../../../src/runtime/clock.js';
import { ConnectionQuota } from '../../../src/upstream/connection-quota.js';
import { createPool } from '../../../src/upstream/pool.js';
import { startStreamingUpstream } from '../../support/http-upstream.js';
import { poolOptions } from '../../support/pool-options.js';
import { Recorder } from '../../support/recorder.js';
import { until } from '../../support/running-app.js';

/** Pools of a service each that answers when it is told to, and may have so many connections together. */
async function setUp(t: TestContext, connections: number) {
  const quota = new ConnectionQuota(connections);
  const pools = await Promise.all(
    [0, 1].map(async () => {
      const asked: ServerResponse[] = [];
      const upstream = await startStreamingUpstream((_request, response) => void asked.push(response));
      const pool = createPool(upstream.origin, poolOptions(), undefined, systemClock, quota);
      t.after(async () => {
        await pool.destroy();
        await upstream.close();
      });
      return { pool, asked };
    }),
  );
  const send = ({ pool }: (typeof pools)[number], what: 'first' | 'hedge') => {
    const own = withAttempt({ method: 'GET', path: '/', headers: [] }, systemClock);
    const opts: CallOptions = { ...own, attempt: createAttempt(own.call, 1, what === 'hedge') };
    const recorder = new Recorder(systemClock);
    pool.dispatch(opts, recorder);
    return recorder;
  };
  const [one, other] = pools;
  return { one: one!, other: other!, send };
}

const cut = ({ error }: Recorder) => error?.reason === 'descriptors';

describe('where no connection is left', () => {
  for (const where of ['one', 'other'] as const) {
    test(`a first attempt has that of a hedge, of ${where === 'one' ? 'its own' : 'another'} service`, async (t) => {
      const { send, ...services } = await setUp(t, 2);
      const { one } = services;
      const first = send(one, 'first');
      const hedge = send(services[where], 'hedge');
      await until(() => one.asked.length + services.other.asked.length === 2, 'both are asked');
      const second = send(one, 'first');
      assert.deepEqual([first, hedge, second].map(cut), [false, true, false]);
      assert.equal(hedge.ends, 1);
      await until(() => one.asked.length === (where === 'one' ? 3 : 2), 'it is asked');
      for (const response of one.asked) response.end('ok');
      await until(() => first.body + second.body === 'okok', 'both are answered');
    });

    test(`and that of a hedge which is still connecting, of ${where === 'one' ? 'its own' : 'another'} service`, async (t) => {
      const { send, ...services } = await setUp(t, 2);
      const { one } = services;
      const first = send(one, 'first');
      const hedge = send(services[where], 'hedge');
      const second = send(one, 'first');
      assert.deepEqual([first, hedge, second].map(cut), [false, true, false]);
      await until(() => one.asked.length === 2, 'both are asked');
      for (const response of one.asked) response.end('ok');
      await until(() => first.body + second.body === 'okok', 'both are answered');
    });
  }

  test('a hedge has none: not that of a first attempt that is connecting, nor that of another hedge', async (t) => {
    const { one, other, send } = await setUp(t, 2);
    const all = [send(one, 'first'), send(other, 'hedge'), send(one, 'hedge'), send(other, 'hedge')];
    assert.deepEqual(all.map(cut), [false, false, true, true]);
    await until(() => one.asked.length + other.asked.length === 2, 'both are asked');
  });

  test('a hedge that is being answered is its call, and stays', async (t) => {
    const { one, send } = await setUp(t, 1);
    const hedge = send(one, 'hedge');
    await until(() => one.asked.length === 1, 'it is asked');
    one.asked[0]?.writeHead(200).write('o');
    await until(() => hedge.body === 'o', 'its answer has begun');
    const first = send(one, 'first');
    assert.deepEqual([hedge, first].map(cut), [false, true]);
    one.asked[0]?.end('k');
    await until(() => hedge.body === 'ok', 'it is answered');
  });
});
