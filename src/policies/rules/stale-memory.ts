/** Something that takes memory and can be forgotten. */
export interface MemoryEntry {
  readonly bytes: number;
  readonly forget: () => void;
}

/** The bytes that all kept answers take together, and those on their way to be kept. */
export class StaleMemory {
  readonly #limit: number;
  /** The least recently used first. */
  readonly #entries = new Set<MemoryEntry>();
  #used = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get used(): number {
    return this.#used;
  }

  /** Takes bytes, if need be those of the answers that were not used for the longest time. */
  reserve(bytes: number): boolean {
    if (bytes > this.#limit) return false;
    for (const entry of this.#entries) {
      if (this.#used + bytes <= this.#limit) break;
      entry.forget();
    }
    // The rest may belong to answers on their way.
    if (this.#used + bytes > this.#limit) return false;
    this.#used += bytes;
    return true;
  }

  release(bytes: number): void {
    this.#used -= bytes;
  }

  touch(entry: MemoryEntry): void {
    this.#entries.delete(entry);
    this.#entries.add(entry);
  }

  remove(entry: MemoryEntry): void {
    this.#entries.delete(entry);
    this.release(entry.bytes);
  }
}
