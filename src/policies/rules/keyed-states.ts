/** The key that all share for whom there is no room. */
export const OTHER_KEY = 'other';

/** How many states a new key asks whether they may be forgotten. */
const MOST_ASKED = 16;

/** A state, and its place in the order of use. */
interface Entry<State> {
  readonly key: string;
  readonly state: State;
  newer: Entry<State> | undefined;
  older: Entry<State> | undefined;
}

/**
 * States by key, bounded: at `maxKeys` the least recently used one that may be forgotten is. When none may, new keys share
 * the state of the key `other`, so that neither traffic nor an attacker can make it grow.
 *
 * Nor can they make it slow: a new key asks a few states only. Those that may not be forgotten count as used, so that the
 * next new key asks others (second chance, F. J. Corbató, A Paging Experiment with the Multics System, 1968). The order of
 * use is a list of its own: the first key of a Map is found behind the holes that all those deleted before it have left.
 */
export class KeyedStates<State> {
  readonly #entries = new Map<string, Entry<State>>();
  readonly #maxKeys: number;
  readonly #create: (key: string) => State;
  readonly #mayForget: (state: State) => boolean;
  #newest: Entry<State> | undefined;
  #oldest: Entry<State> | undefined;

  constructor(maxKeys: number, create: (key: string) => State, mayForget: (state: State) => boolean = () => true) {
    this.#maxKeys = maxKeys;
    this.#create = create;
    this.#mayForget = mayForget;
  }

  get(key: string): State {
    const found = this.#entries.get(key);
    if (found === undefined) return this.#add(key);
    this.#use(found);
    return found.state;
  }

  /** A state that exists, without creating or touching it. */
  peek(key: string): State | undefined {
    return this.#entries.get(key)?.state;
  }

  forget(key: string): void {
    const entry = this.#entries.get(key);
    if (entry !== undefined) this.#remove(entry);
  }

  get size(): number {
    return this.#entries.size;
  }

  /** All, the first that was made first. */
  *entries(): IterableIterator<[key: string, state: State]> {
    for (const { key, state } of this.#entries.values()) yield [key, state];
  }

  #add(key: string): State {
    if (this.#entries.size >= this.#maxKeys && !this.#makeRoom()) {
      const other = this.#entries.get(OTHER_KEY);
      if (other !== undefined) return other.state;
      key = OTHER_KEY;
    }
    const entry: Entry<State> = { key, state: this.#create(key), newer: undefined, older: undefined };
    this.#entries.set(key, entry);
    this.#append(entry);
    return entry.state;
  }

  #makeRoom(): boolean {
    for (let left = Math.min(MOST_ASKED, this.#entries.size); left > 0; left--) {
      const entry = this.#oldest!;
      if (entry.key !== OTHER_KEY && this.#mayForget(entry.state)) {
        this.#remove(entry);
        return true;
      }
      this.#use(entry);
    }
    return false;
  }

  #use(entry: Entry<State>): void {
    if (entry === this.#newest) return;
    this.#unlink(entry);
    this.#append(entry);
  }

  #remove(entry: Entry<State>): void {
    this.#entries.delete(entry.key);
    this.#unlink(entry);
  }

  #append(entry: Entry<State>): void {
    entry.newer = undefined;
    entry.older = this.#newest;
    if (this.#newest === undefined) this.#oldest = entry;
    else this.#newest.newer = entry;
    this.#newest = entry;
  }

  #unlink({ newer, older }: Entry<State>): void {
    if (newer === undefined) this.#newest = older;
    else newer.older = older;
    if (older === undefined) this.#oldest = newer;
    else older.newer = newer;
  }
}
