/** Something that takes memory and can be forgotten. */
export interface MemoryEntry {
  bytes: number;
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

  /** An entry whose bytes were reserved. */
  add(entry: MemoryEntry): void {
    this.#entries.add(entry);
  }

  /** An entry was used. Who was used last matters only once the memory fills. */
  touch(entry: MemoryEntry): void {
    if (this.#used * 2 <= this.#limit) return;
    this.#entries.delete(entry);
    this.#entries.add(entry);
  }

  /** An entry takes more or fewer bytes from now on; false, and as before, if there is no room. */
  resize(entry: MemoryEntry, bytes: number): boolean {
    const more = bytes - entry.bytes;
    if (this.#used + more > this.#limit) return false;
    this.#used += more;
    entry.bytes = bytes;
    return true;
  }

  remove(entry: MemoryEntry): void {
    this.#entries.delete(entry);
    this.release(entry.bytes);
  }
}
