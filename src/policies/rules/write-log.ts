/** Places for the resources that were written to. Those that share one are taken for each other, to no harm. */
const PLACES = 1024;

/**
 * Remembers in bounded space which resources were written to, and when: an answer to a request that was under way
 * meanwhile may be older than the write. When is told by a count of the writes, which no two moments share.
 */
export class WriteLog {
  readonly #last = new Float64Array(PLACES);
  #writes = 0;

  /** Stands for this moment. */
  get moment(): number {
    return this.#writes;
  }

  note(resource: string): void {
    this.#last[placeOf(resource)] = ++this.#writes;
  }

  /** Whether a resource was, or may have been, written to after a moment. */
  isWrittenSince(resource: string, moment: number): boolean {
    return this.#last[placeOf(resource)]! > moment;
  }
}

/** FNV-1a. */
function placeOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % PLACES;
}
