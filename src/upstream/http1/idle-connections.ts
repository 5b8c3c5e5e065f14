import type { Clock, Timer } from '../../runtime/clock.js';
import type { Connection } from './connection.js';

/**
 * Connections that wait for a request, the one that was used last on top: it is the least likely to be closed by the server
 * just now, and what a burst has opened grows old at the bottom and is closed.
 */
export class IdleConnections {
  readonly #clock: Clock;
  #newest: Connection | undefined;
  #oldest: Connection | undefined;
  /** Runs while there are any: one timer for all. */
  #sweep: Timer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The one that has been idle longest. */
  get oldest(): Connection | undefined {
    return this.#oldest;
  }

  /** @param keepMs how long it may wait, in milliseconds; then it is closed */
  push(connection: Connection, keepMs: number): void {
    connection.idleUntil = this.#clock.now() + keepMs;
    connection.older = this.#newest;
    if (this.#newest === undefined) this.#oldest = connection;
    else this.#newest.newer = connection;
    this.#newest = connection;
    this.#sweep ??= this.#clock.setTimer(keepMs, this.#closeExpired, true);
  }

  /** The newest that is not too old. */
  take(): Connection | undefined {
    const now = this.#clock.now();
    for (let connection = this.#newest; connection !== undefined; connection = connection.older) {
      if (connection.idleUntil <= now) continue;
      this.remove(connection);
      return connection;
    }
    return undefined;
  }

  /** Does nothing for one that is not idle. */
  remove(connection: Connection): void {
    if (connection.newer === undefined && connection !== this.#newest) return;
    const { newer, older } = connection;
    if (newer === undefined) this.#newest = older;
    else newer.older = older;
    if (older === undefined) this.#oldest = newer;
    else older.newer = newer;
    connection.newer = undefined;
    connection.older = undefined;
  }

  /** Closes them all; none comes any more. */
  close(): void {
    this.#sweep?.cancel();
    for (const connection of [...this.#all()]) connection.destroy();
  }

  readonly #closeExpired = (): void => {
    const now = this.#clock.now();
    let next = Infinity;
    for (const connection of [...this.#all()]) {
      if (connection.idleUntil <= now) connection.destroy();
      else next = Math.min(next, connection.idleUntil);
    }
    this.#sweep = next === Infinity ? undefined : this.#clock.setTimer(next - now, this.#closeExpired, true);
  };

  *#all(): Generator<Connection> {
    for (let connection = this.#oldest; connection !== undefined; connection = connection.newer) yield connection;
  }
}
