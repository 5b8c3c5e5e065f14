/** What can be in the list: it keeps its own place, so that leaving costs nothing. */
export interface Live {
  /** Its index in the list, or -1. */
  place: number;
}

/**
 * The calls in flight. Not a Set: one that is added to and deleted from for each call fills with the places of those that
 * left, and is made anew every few dozen calls; here a call leaves its place to another.
 */
export class LiveCalls<Entry extends Live> implements Iterable<Entry> {
  readonly #entries: Entry[] = [];

  get size(): number {
    return this.#entries.length;
  }

  add(entry: Entry): void {
    entry.place = this.#entries.length;
    this.#entries.push(entry);
  }

  /** The last one takes the place that becomes free. */
  delete(entry: Entry): void {
    if (entry.place < 0) return;
    const last = this.#entries.pop();
    if (last !== undefined && last !== entry) {
      this.#entries[entry.place] = last;
      last.place = entry.place;
    }
    entry.place = -1;
  }

  [Symbol.iterator](): Iterator<Entry> {
    return this.#entries.values();
  }
}
