import assert from 'node:assert/strict';
import type { AccessLog } from '../../src/observability/call-log.js';
import { EventLog } from '../../src/observability/event-log.js';
import { createLogger, type LogLevel } from '../../src/observability/logging.js';
import { VirtualClock } from '../../src/simulation/virtual-clock.js';

export interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly [key: string]: unknown;
}

const REDACT = ['authorization', 'cookie', 'set-cookie', 'proxy-authorization'];

/** An event log, and the lines it has written, without their times. */
export function logOf(access: AccessLog, level: LogLevel = 'info', clock = new VirtualClock()) {
  const lines: LogLine[] = [];
  const logger = createLogger(
    { level, redact: REDACT },
    {
      write(text) {
        const { time, ...line } = JSON.parse(text) as LogLine;
        assert.match(String(time), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
        lines.push(line);
      },
    },
  );
  return { log: new EventLog(logger, access, clock), logger, lines };
}
