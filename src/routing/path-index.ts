/** What a prefix leads to: the values at this very prefix, and the longer ones by their next segment. */
interface Branch<T> {
  readonly values: T[];
  readonly next: Map<string, Branch<T>>;
}

/**
 * Values by path pattern. `visit` touches only the patterns that match, however many others there are: an exact path is one
 * look-up, a prefix one look-up per segment of the path, and no deeper than the longest prefix.
 */
export class PathIndex<T> {
  readonly #anywhere: T[] = [];
  readonly #exact = new Map<string, T[]>();
  readonly #prefixes: Branch<T> = { values: [], next: new Map() };

  /** Pattern: none for any path, exact, or a prefix that ends in `/*`. Values must come in ascending order. */
  add(pattern: string | undefined, value: T): void {
    this.#bucket(pattern).push(value);
  }

  #bucket(pattern: string | undefined): T[] {
    if (pattern === undefined) return this.#anywhere;
    if (!pattern.endsWith('/*')) {
      const known = this.#exact.get(pattern);
      if (known !== undefined) return known;
      const values: T[] = [];
      this.#exact.set(pattern, values);
      return values;
    }
    let branch = this.#prefixes;
    for (const segment of pattern.slice(0, -2).split('/').slice(1)) {
      let next = branch.next.get(segment);
      if (next === undefined) {
        next = { values: [], next: new Map() };
        branch.next.set(segment, next);
      }
      branch = next;
    }
    return branch.values;
  }

  /** Hands over each list of values whose pattern the path matches: `/p/*` matches `/p` and `/p/…`. */
  visit(path: string, found: (values: readonly T[]) => void): void {
    if (this.#anywhere.length > 0) found(this.#anywhere);
    const exact = this.#exact.get(path);
    if (exact !== undefined) found(exact);
    if (!path.startsWith('/')) return;
    let branch: Branch<T> | undefined = this.#prefixes;
    for (let start = 1; ;) {
      if (branch.values.length > 0) found(branch.values);
      if (branch.next.size === 0 || start > path.length) return;
      const slash = path.indexOf('/', start);
      const end = slash === -1 ? path.length : slash;
      branch = branch.next.get(path.slice(start, end));
      if (branch === undefined) return;
      start = end + 1;
    }
  }
}
