import { pino, stdTimeFunctions, type DestinationStream, type Logger } from 'pino';

export type { Logger } from 'pino';

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';

export interface LogOptions {
  readonly level: LogLevel;
  /** Names whose values are never written, at whatever of the first three depths of a line they stand. */
  readonly redact: readonly string[];
}

/**
 * Lines wait in memory while the reader of stdout is slow; beyond so many bytes new ones are dropped and counted. A
 * proxy must neither stand still nor grow because somebody does not read its log.
 */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;

/**
 * A log of JSON lines: level, time (ISO 8601), msg, and what belongs to the line. Headers, bodies and queries are not
 * logged at all; redaction guards against errors of other libraries that carry some.
 */
export function createLogger(options: LogOptions, stream: DestinationStream = stdoutStream()): Logger {
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: options.redact.flatMap(redactionPaths), censor: '***' },
    },
    stream,
  );
}

/** pino's paths have no 'at any depth'. */
function redactionPaths(name: string): string[] {
  const key = `["${name.toLowerCase()}"]`;
  return [key, `*${key}`, `*.*${key}`];
}

/**
 * Standard output, written without blocking the calls that are served meanwhile. pino writes what is left when the
 * process exits, also by process.exit; only a SIGKILL loses lines. A reader that goes away (EPIPE) ends the log and not
 * the process; any other failure to write, such as a full disk, is passed over.
 */
function stdoutStream(): DestinationStream {
  const stream = pino.destination({ dest: 1, sync: false, maxLength: MAX_WAITING_BYTES });
  let dropped = 0;
  stream.on('error', () => undefined);
  stream.on('drop', () => {
    dropped++;
  });
  stream.on('drain', () => {
    if (dropped === 0) return;
    stream.write(`${JSON.stringify({ level: 'warn', msg: 'log lines dropped', dropped })}\n`);
    dropped = 0;
  });
  return stream;
}
