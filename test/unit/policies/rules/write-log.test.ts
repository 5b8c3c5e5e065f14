import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { WriteLog } from '../../../../src/policies/rules/write-log.js';

describe('a write log', () => {
  test('knows which writes came after a moment', () => {
    const log = new WriteLog();
    const before = log.moment;
    assert.equal(log.isWrittenSince('h /a', before), false);
    log.note('h /a');
    assert.equal(log.isWrittenSince('h /a', before), true);
    assert.equal(log.isWrittenSince('h /a', log.moment), false);
    const between = log.moment;
    log.note('h /b');
    assert.equal(log.isWrittenSince('h /a', between), false);
    assert.equal(log.isWrittenSince('h /b', between), true);
  });

  test('never misses a write, and seldom takes one resource for another', () => {
    const log = new WriteLog();
    const resources = Array.from({ length: 300 }, (_, i) => `host /items/${i}?page=${i % 7}`);
    let mistaken = 0;
    for (const resource of resources) {
      const { moment } = log;
      log.note(resource);
      assert.ok(log.isWrittenSince(resource, moment));
      mistaken += resources.filter((other) => other !== resource && log.isWrittenSince(other, moment)).length;
    }
    assert.ok(mistaken / resources.length ** 2 < 0.005, `${mistaken} mistaken`);
  });
});
