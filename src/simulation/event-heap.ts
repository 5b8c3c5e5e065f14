/** Something that falls due. The heap keeps its place in it, so that it can be taken out again. */
export interface HeapEntry {
  /** Virtual milliseconds. */
  readonly due: number;
  /** Which of those due at the same time came first. */
  readonly order: number;
  /** Where it is in the heap; -1: nowhere. */
  place: number;
}

/**
 * Events by their time, then by the order in which they were put in: two runs with the same events take them in the same
 * order. A binary heap; taking one out from the middle costs no more than taking the first.
 */
export class EventHeap<Entry extends HeapEntry> {
  readonly #entries: Entry[] = [];

  get size(): number {
    return this.#entries.length;
  }

  /** What falls due first. */
  get first(): Entry | undefined {
    return this.#entries[0];
  }

  add(entry: Entry): void {
    this.#up(this.#entries.push(entry) - 1, entry);
  }

  /** One that is not in it is left alone. */
  remove(entry: Entry): void {
    const { place } = entry;
    if (place === -1) return;
    entry.place = -1;
    const last = this.#entries.pop();
    if (last === undefined || last === entry) return;
    const parent = this.#entries[(place - 1) >> 1];
    if (place > 0 && parent !== undefined && isBefore(last, parent)) this.#up(place, last);
    else this.#down(place, last);
  }

  /** Puts an entry where `at` is, or above it. */
  #up(at: number, entry: Entry): void {
    const entries = this.#entries;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = entries[above]!;
      if (!isBefore(entry, parent)) break;
      entries[at] = parent;
      parent.place = at;
      at = above;
    }
    entries[at] = entry;
    entry.place = at;
  }

  /** Puts an entry where `at` is, or below it. */
  #down(at: number, entry: Entry): void {
    const entries = this.#entries;
    const size = entries.length;
    for (let below = 2 * at + 1; below < size; below = 2 * at + 1) {
      let child = entries[below]!;
      const right = entries[below + 1];
      if (right !== undefined && isBefore(right, child)) {
        child = right;
        below++;
      }
      if (!isBefore(child, entry)) break;
      entries[at] = child;
      child.place = at;
      at = below;
    }
    entries[at] = entry;
    entry.place = at;
  }
}

function isBefore(a: HeapEntry, b: HeapEntry): boolean {
  return a.due < b.due || (a.due === b.due && a.order < b.order);
}
