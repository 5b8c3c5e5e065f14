import { pino, stdTimeFunctions, type DestinationStream, type Logger } from 'pino';
import { Redaction } from './redaction.js';

export type { Logger } from 'pino';

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';

export interface LogOptions {
  readonly level: LogLevel;
  /** Names whose values are never written, at whatever of the first three depths of a line they stand. */
  readonly redact: readonly string[];
}

/**
 * A log of JSON lines: level, time (ISO 8601), msg, and what belongs to the line. Headers, bodies and queries are not
 * logged at all; redaction guards against errors of other libraries that carry some.
 *
 * @param redaction hides values by their names: what is in `options.redact`, until it is told others
 */
export function createLogger(
  options: LogOptions,
  stream: DestinationStream,
  redaction = new Redaction(options.redact),
): Logger {
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      // pino's own redaction is compiled once: it could not follow a reload.
      formatters: { level: (label) => ({ level: label }), log: redaction.ofLine },
      serializers: {
        err: (error: unknown) => {
          const text = errorText(error);
          return typeof text === 'string' ? text : redaction.ofField(text);
        },
      },
    },
    stream,
  );
}

/** How deep the causes of an error are followed. */
const MAX_CAUSES = 5;

/** What a line says of an error. Other properties of it, such as the headers or the URL that it is about, are left out. */
function errorText(error: unknown, depth = 0): Record<string, unknown> | string {
  if (!(error instanceof Error)) return String(error);
  const { name, message, stack, cause } = error;
  return {
    type: name,
    message,
    stack,
    ...('code' in error && typeof error.code === 'string' ? { code: error.code } : {}),
    ...(cause === undefined || depth >= MAX_CAUSES ? {} : { cause: errorText(cause, depth + 1) }),
  };
}
