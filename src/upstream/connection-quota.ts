import type { Socket } from 'node:net';

/** Who has connections that can be done without. */
export interface QuotaMember {
  /** Closes a connection that waits for a request; false if there is none. */
  closeIdle(): boolean;
  /** Cuts a hedge off that has no answer yet; false if there is none. */
  cutHedge(): boolean;
}

/**
 * How many connections to upstreams may be open, in all pools together, so that file descriptors can't run out. The system
 * would refuse the next one too, but apps as well, and those without a word: it closes what it has accepted. What only waits
 * for a request makes room for one that is there, and so does a hedge: its call has another attempt.
 */
export class ConnectionQuota {
  readonly #max: number;
  readonly #members = new Set<QuotaMember>();
  #open = 0;

  /** @param max Infinity: any number */
  constructor(max: number) {
    this.#max = max;
  }

  join(member: QuotaMember): void {
    this.#members.add(member);
  }

  leave(member: QuotaMember): void {
    this.#members.delete(member);
  }

  /** Whether there is room for one more, if need be in place of one that is idle, or of a hedge's; no hedge takes another's. */
  hasRoom(hedge: boolean): boolean {
    return this.#open < this.#max || this.#closeIdle() || (!hedge && this.#cutHedge());
  }

  /** Counts a connection until it is closed. */
  add(socket: Socket): void {
    this.#open++;
    socket.once('close', this.#closed);
  }

  readonly #closed = (): void => {
    this.#open--;
  };

  #closeIdle(): boolean {
    for (const member of this.#members) if (member.closeIdle()) return true;
    return false;
  }

  #cutHedge(): boolean {
    for (const member of this.#members) if (member.cutHedge()) return true;
    return false;
  }
}
