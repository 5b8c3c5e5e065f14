/** A section is longer than it may be. */
export class SectionTooLarge extends Error {
  override readonly name = 'SectionTooLarge';
}

const END = Buffer.from('\r\n\r\n');
const CR = 0x0d;
const LF = 0x0a;

/**
 * Gathers lines up to an empty one: a head, or trailers. Most come in one piece and are read where they lie; of one that
 * comes in pieces, each byte is copied and looked at once, however small they are.
 */
export class SectionReader {
  readonly #mostBytes: number;
  #held = Buffer.alloc(0);
  #size = 0;
  /** How much of it was searched for bare line feeds. */
  #searched = 0;
  /** Where the input goes on behind the section that was read last. */
  next = 0;

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  /** The first bytes of the part that has come, as latin1. */
  beginning(bytes: number): string {
    return this.#held.toString('latin1', 0, Math.min(bytes, this.#size));
  }

  /** Whether a line of the part that has come ends without CR. */
  hasBareLineFeed(): boolean {
    const held = this.#held.subarray(0, this.#size);
    for (let at = held.indexOf(LF, this.#searched); at !== -1; at = held.indexOf(LF, at + 1)) {
      if (held[at - 1] !== CR) return true;
    }
    this.#searched = this.#size;
    return false;
  }

  /** Begins anew. `beginning`: what counts as read already. */
  reset(beginning?: Buffer): void {
    this.#size = 0;
    this.#searched = 0;
    if (beginning !== undefined) this.#hold(beginning, 0);
    else if (this.#held.length > 0) this.#held = Buffer.alloc(0);
  }

  /**
   * The section as latin1, without its empty line; undefined if it goes on: what came of it is kept.
   *
   * @throws SectionTooLarge
   */
  read(input: Buffer, from: number): string | undefined {
    const before = this.#size;
    if (before > 0) this.#hold(input, from);
    const source = before > 0 ? this.#held.subarray(0, this.#size) : input;
    const begin = before > 0 ? 0 : from;
    const end = source.indexOf(END, Math.max(begin, begin + before - (END.length - 1)));
    if ((end === -1 ? source.length : end) - begin > this.#mostBytes) throw new SectionTooLarge();
    if (end === -1) {
      if (before === 0) this.#hold(input, from);
      return undefined;
    }
    const text = source.toString('latin1', begin, end);
    this.next = before > 0 ? from + end + END.length - before : end + END.length;
    this.reset();
    return text;
  }

  #hold(input: Buffer, from: number): void {
    const size = this.#size + input.length - from;
    if (this.#held.length < size) {
      const larger = Buffer.allocUnsafe(Math.max(1_024, 2 * size));
      this.#held.copy(larger, 0, 0, this.#size);
      this.#held = larger;
    }
    input.copy(this.#held, this.#size, from);
    this.#size = size;
  }
}
