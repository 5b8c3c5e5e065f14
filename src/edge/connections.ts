import type { Socket } from 'node:net';
import type { Clock } from '../runtime/clock.js';

export interface ConnectionsOptions {
  readonly clock: Clock;
  /** How many may be open at once, on all addresses together. */
  readonly max: number;
  /** One came that is beyond the bound. */
  readonly onExcess: () => void;
}

/** How many are taken beyond the bound only to be told no, of those within it; the rest are closed at once. */
const SHARE_TO_ANSWER = 1 / 8;
const MOST_TO_ANSWER = 64;

/** How many connections are open at most where so many are served. */
export function hardBound(max: number): number {
  return max + Math.min(MOST_TO_ANSWER, Math.ceil(max * SHARE_TO_ANSWER));
}

/** How long one that is taken only to be told no may last, in milliseconds. */
const ANSWER_WITHIN_MS = 1_000;

/** The apps' connections: counts them, and tells those that are beyond the bound. */
export class Connections {
  readonly #options: ConnectionsOptions;
  /** Beyond so many even an answer would be a burden. */
  readonly hardMax: number;
  #open = 0;
  readonly #excess = new WeakSet<Socket>();
  #excessOpen = 0;

  constructor(options: ConnectionsOptions) {
    this.#options = options;
    this.hardMax = hardBound(options.max);
  }

  get open(): number {
    return this.#open;
  }

  /** Counts a connection, until it is closed. */
  add(socket: Socket): void {
    const { clock, max, onExcess } = this.#options;
    if (this.#open < max) {
      this.#open++;
      socket.once('close', this.#closed);
      return;
    }
    onExcess();
    if (this.#open >= this.hardMax) {
      // Node's own bound is for each address; this one is for all.
      socket.destroy();
      return;
    }
    this.#open++;
    this.#excess.add(socket);
    this.#excessOpen++;
    const timer = clock.setTimer(ANSWER_WITHIN_MS, () => socket.destroy());
    socket.once('close', () => {
      timer.cancel();
      this.#excessOpen--;
      this.#closed();
    });
  }

  /** Whether what comes over this connection is refused. */
  isExcess(socket: Socket): boolean {
    return this.#excessOpen > 0 && this.#excess.has(socket);
  }

  readonly #closed = (): void => {
    this.#open--;
  };
}
