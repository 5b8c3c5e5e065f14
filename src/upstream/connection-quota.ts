/** Who has connections that can be done without. */
export interface QuotaMember {
  /** Closes a connection that waits for a request; false if there is none. */
  closeIdle(): boolean;
}

/**
 * How many connections to upstreams may be open, in all pools together, so that file descriptors can't run out. The system
 * would refuse the next one too, but apps as well, and those without a word: it closes what it has accepted. What only waits
 * for a request makes room for one that is there.
 */
export class ConnectionQuota {
  readonly #max: number;
  readonly #members = new Set<QuotaMember>();
  #open = 0;

  /** @param max Infinity: any number */
  constructor(max: number) {
    this.#max = max;
  }

  /** How many connections are open, or were not given back yet. */
  get open(): number {
    return this.#open;
  }

  join(member: QuotaMember): void {
    this.#members.add(member);
  }

  leave(member: QuotaMember): void {
    this.#members.delete(member);
  }

  /** Takes a place for a connection, which is to be given back once; false if there is none. */
  tryTake(): boolean {
    if (this.#open >= this.#max && !this.#closeIdle()) return false;
    this.#open++;
    return true;
  }

  /** The connection has been closed. */
  readonly giveBack = (): void => {
    this.#open--;
  };

  #closeIdle(): boolean {
    for (const member of this.#members) if (member.closeIdle()) return true;
    return false;
  }
}
