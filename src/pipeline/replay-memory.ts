/** Counts the bytes of all request bodies that are kept for retries, and says no beyond the limit. */
export class ReplayMemory {
  readonly limit: number;
  #used = 0;

  /** `limit`: bytes, of all calls together. */
  constructor(limit: number) {
    this.limit = limit;
  }

  get used(): number {
    return this.#used;
  }

  tryReserve(bytes: number): boolean {
    if (this.#used + bytes > this.limit) return false;
    this.#used += bytes;
    return true;
  }

  release(bytes: number): void {
    this.#used -= bytes;
  }
}
