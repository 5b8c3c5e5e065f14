/** What a prefix leads to: what is at this very prefix, and the longer ones by their next segment. */
interface Branch<T> {
  at: T | undefined;
  readonly next: Map<string, Branch<T>>;
}

/**
 * One thing by path pattern. `visit` touches only the patterns that match, however many others there are: an exact path is
 * one look-up, a prefix one look-up per segment of the path, and no deeper than the longest prefix.
 */
export class PathIndex<T> {
  readonly #create: () => T;
  #anywhere: T | undefined;
  readonly #exact = new Map<string, T>();
  readonly #prefixes: Branch<T> = { at: undefined, next: new Map() };

  constructor(create: () => T) {
    this.#create = create;
  }

  /** What is at a pattern, created at first. Pattern: none for any path, exact, or a prefix that ends in `/*`. */
  at(pattern: string | undefined): T {
    if (pattern === undefined) return (this.#anywhere ??= this.#create());
    if (!pattern.endsWith('/*')) {
      const known = this.#exact.get(pattern) ?? this.#create();
      this.#exact.set(pattern, known);
      return known;
    }
    let branch = this.#prefixes;
    for (const segment of pattern.slice(0, -2).split('/').slice(1)) {
      let next = branch.next.get(segment);
      if (next === undefined) {
        next = { at: undefined, next: new Map() };
        branch.next.set(segment, next);
      }
      branch = next;
    }
    return (branch.at ??= this.#create());
  }

  /** Hands over what is at each pattern that the path matches: `/p/*` matches `/p` and `/p/…`. */
  visit(path: string, found: (at: T) => void): void {
    if (this.#anywhere !== undefined) found(this.#anywhere);
    const exact = this.#exact.get(path);
    if (exact !== undefined) found(exact);
    if (!path.startsWith('/')) return;
    let branch: Branch<T> | undefined = this.#prefixes;
    for (let start = 1; ;) {
      if (branch.at !== undefined) found(branch.at);
      if (branch.next.size === 0 || start > path.length) return;
      const slash = path.indexOf('/', start);
      const end = slash === -1 ? path.length : slash;
      branch = branch.next.get(path.slice(start, end));
      if (branch === undefined) return;
      start = end + 1;
    }
  }
}
