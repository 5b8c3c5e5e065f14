import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventLog } from '../../../src/observability/event-log.js';
import { createLogger } from '../../../src/observability/logging.js';
import { readable } from '../../../src/observability/readable-log.js';
import { VirtualClock } from '../../../src/simulation/virtual-clock.js';

test('a line for people leaves nothing of an event out: the name that was looked up', async () => {
  let written = '';
  const stream = await readable({ write: (line) => (written += line) });
  const log = new EventLog(createLogger({ level: 'info', redact: [] }, stream), 'all', new VirtualClock());
  const addresses = ['10.0.0.1'];
  log.record({ type: 'discovery', upstream: 'payments', hostname: 'pay.internal', addresses, result: 'changed' });
  assert.match(written, /addresses changed.*payments.*pay\.internal.*10\.0\.0\.1/);
});
