/** First in, first out, at the same small cost however long it gets. */
export class WorkQueue<Item> {
  #items: Item[] = [];
  #taken = 0;

  get length(): number {
    return this.#items.length - this.#taken;
  }

  add(item: Item): void {
    this.#items.push(item);
  }

  /** The oldest; undefined if there is none. */
  take(): Item | undefined {
    if (this.#taken === this.#items.length) return undefined;
    const item = this.#items[this.#taken++];
    // Moving what is left costs as much as was taken since the last time.
    if (this.#taken * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#taken);
      this.#taken = 0;
    }
    return item;
  }
}
