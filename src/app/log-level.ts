import type { LogLevel, Logger } from '../observability/logging.js';
import type { Clock, Timer } from '../runtime/clock.js';

/** The level in force, which an operator can set for a while. */
export class LogLevelSetting {
  readonly #logger: Logger;
  #configured: LogLevel;
  readonly #clock: Clock;
  #until = Infinity;
  #timer: Timer | undefined;

  constructor(logger: Logger, configured: LogLevel, clock: Clock) {
    this.#logger = logger;
    this.#configured = configured;
    this.#clock = clock;
  }

  get level(): LogLevel {
    return this.#logger.level as LogLevel;
  }

  /** Milliseconds until the configured level returns; undefined: no end is set. */
  get remainingMs(): number | undefined {
    return this.#until === Infinity ? undefined : Math.max(0, this.#until - this.#clock.now());
  }

  /**
   * Sets the level, for so long (Infinity: until set again).
   * @param tell writes what is to be logged about it, at the more talkative of the two levels; also when the time is over
   */
  set(level: LogLevel, ttlMs: number, tell: (from: LogLevel, to: LogLevel, over: boolean) => void): void {
    this.#timer?.cancel();
    this.#until = this.#clock.now() + ttlMs;
    this.#change(level, (from) => tell(from, level, false));
    this.#timer = Number.isFinite(ttlMs)
      ? this.#clock.setTimer(
          ttlMs,
          () => {
            this.#until = Infinity;
            this.#change(this.#configured, (from) => tell(from, this.#configured, true));
          },
          true,
        )
      : undefined;
  }

  /**
   * Takes the level of another policy file. One that an operator set for a while stays until then; one without an end gives
   * way where the file's has changed.
   */
  configure(level: LogLevel): void {
    if (level === this.#configured) return;
    this.#configured = level;
    if (this.#until === Infinity) this.#logger.level = level;
  }

  #change(level: LogLevel, tell: (from: LogLevel) => void): void {
    const from = this.level;
    const { values } = this.#logger.levels;
    const quieter = (values[level] ?? Infinity) > (values[from] ?? Infinity);
    if (quieter) tell(from);
    this.#logger.level = level;
    if (!quieter) tell(from);
  }
}
