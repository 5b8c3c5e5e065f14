import type { Clock } from '../runtime/clock.js';
import { FLOOD_INTERVAL_MS, FloodGate, type LineKind } from './flood-gate.js';
import type { Logger } from './logging.js';

/** Levels that lines about events have. */
export type LineLevel = 'debug' | 'info' | 'warn' | 'error';

/** Writes lines that every call may cause: a few of a kind, the rest counted, but all of them at the level debug. */
export class LineWriter {
  readonly #logger: Logger;
  readonly #gate: FloodGate<LineLevel>;

  constructor(logger: Logger, clock: Clock) {
    this.#logger = logger;
    this.#gate = new FloodGate(clock, ({ level, message, kind, times }) =>
      logger[level]({ line: message, ...kind, times, withinMs: FLOOD_INTERVAL_MS }, 'repeated'),
    );
  }

  /**
   * Writes a line, unless there have been enough of its kind.
   *
   * @param rest what else the line says; asked only if it is written
   * @param first how many of a kind are written in one interval; Infinity: all, and none is counted
   */
  write(level: LineLevel, message: string, kind: LineKind, rest?: () => object, first?: number): void {
    if (!this.#logger.isLevelEnabled(level)) return;
    if (!this.#logger.isLevelEnabled('debug') && !this.#gate.admits(level, message, kind, first)) return;
    this.#logger[level]({ ...kind, ...rest?.() }, message);
  }

  /** Writes how many lines were left out so far. */
  flush(): void {
    this.#gate.flush();
  }
}
