import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LogLevelSetting } from '../../../src/app/log-level.js';
import { createLogger, type LogLevel } from '../../../src/observability/logging.js';
import { VirtualClock } from '../../../src/simulation/virtual-clock.js';

function setUp(configured: LogLevel = 'info') {
  const clock = new VirtualClock();
  const lines: string[] = [];
  const logger = createLogger({ level: configured, redact: [] }, { write: (line) => void lines.push(line) });
  const setting = new LogLevelSetting(logger, configured, clock);
  const set = (level: LogLevel, ttlMs = Infinity) =>
    setting.set(level, ttlMs, (from, to, over) => logger.warn(`${from} ${to}${over ? ' over' : ''}`));
  const said = () => lines.map((line) => (JSON.parse(line) as { msg: string }).msg);
  return { clock, logger, setting, set, said };
}

test('the level set holds until the time is over, and then the configured one returns', () => {
  const { clock, logger, setting, set, said } = setUp();
  set('debug', 10_000);
  assert.deepEqual([logger.level, setting.remainingMs], ['debug', 10_000]);
  clock.advance(9_999);
  assert.equal(logger.level, 'debug');
  clock.advance(1);
  assert.deepEqual([logger.level, setting.remainingMs], ['info', undefined]);
  assert.deepEqual(said(), ['info debug', 'debug info over']);
});

test('the later word holds', () => {
  const { clock, logger, set } = setUp();
  set('debug', 10_000);
  set('trace');
  clock.advance(100_000);
  assert.equal(logger.level, 'trace');
  assert.equal(clock.pending, 0);
});

test('a change to a quieter level is still heard, and so is the one that ends the quiet', () => {
  const { clock, set, said } = setUp();
  set('silent', 1_000);
  clock.advance(1_000);
  assert.deepEqual(said(), ['info silent', 'silent info over']);
});

test("another file's level holds at once; one that was set for a while holds until then", () => {
  const { clock, logger, setting, set } = setUp();
  setting.configure('warn');
  assert.equal(logger.level, 'warn');
  set('debug', 10_000);
  setting.configure('error');
  assert.equal(logger.level, 'debug');
  clock.advance(10_000);
  assert.equal(logger.level, 'error');
});

test("one that was set without an end gives way only when the file's changes", () => {
  const { logger, setting, set } = setUp();
  set('debug');
  setting.configure('info');
  assert.equal(logger.level, 'debug');
  setting.configure('warn');
  assert.equal(logger.level, 'warn');
});
