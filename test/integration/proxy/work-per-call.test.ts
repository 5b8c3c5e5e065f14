import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { exceeded, whatToDo } from '../../../bench/work/bounds.js';
import { CALLS, measureWork } from '../../../bench/work/measure.js';
import { WASTED_BYTES } from '../../../bench/work/protocol.js';

describe('the work of a call', () => {
  for (const call of Object.keys(CALLS) as (keyof typeof CALLS)[]) {
    it(`stays within its bounds: a ${call}`, async () => {
      const work = await measureWork(call);
      const beyond = exceeded(call, work);
      assert.equal(beyond.length, 0, `${beyond.join('\n')}\n${whatToDo(work)}`);
    });
  }

  it('is found to be too much with one promise, timer, write and small array more', async () => {
    const [usual, wasteful] = [await measureWork('GET'), await measureWork('GET', true)];
    const more = (name: keyof typeof usual.events) => Math.round(wasteful.events[name] - usual.events[name]);
    assert.deepEqual([more('promises'), more('timers')], [1, 1]);
    if (process.platform === 'linux') assert.equal(more('writes'), 1);
    assert.ok(wasteful.bytes.own - usual.bytes.own >= WASTED_BYTES, JSON.stringify([usual.bytes, wasteful.bytes]));
    const found = exceeded('GET', wasteful).join('\n');
    assert.match(found, /promises.*\n.*timers/);
    // Later versions of Node allocate up to 2 % less for the same code, which the bound leaves room for.
    if (process.version.startsWith('v20.')) assert.match(found, /bytes allocated by Outrigger/);
  });
});
