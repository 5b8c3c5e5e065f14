import type { Connection } from './connection.js';

/**
 * Connections that wait for a request, the one that was used last on top: it is the least likely to be closed by the server
 * just now, and what a burst has opened grows old at the bottom and goes.
 */
export class IdleConnections {
  #newest: Connection | undefined;
  #oldest: Connection | undefined;

  /** The one that has been idle longest. */
  get oldest(): Connection | undefined {
    return this.#oldest;
  }

  /** @param until when it is too old to be used, in monotonic milliseconds */
  push(connection: Connection, until: number): void {
    connection.idleUntil = until;
    connection.older = this.#newest;
    if (this.#newest === undefined) this.#oldest = connection;
    else this.#newest.newer = connection;
    this.#newest = connection;
  }

  /** The newest that is not too old. */
  take(now: number): Connection | undefined {
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

  /** All that are too old. */
  expired(now: number): readonly Connection[] {
    return [...this.#all()].filter((connection) => connection.idleUntil <= now);
  }

  /** When the first of them is too old; Infinity if there is none. */
  nextExpiry(): number {
    let next = Infinity;
    for (const { idleUntil } of this.#all()) next = Math.min(next, idleUntil);
    return next;
  }

  [Symbol.iterator](): Iterator<Connection> {
    return this.#all();
  }

  *#all(): Generator<Connection> {
    for (let connection = this.#oldest; connection !== undefined; connection = connection.newer) yield connection;
  }
}
