import { OutriggerError } from '../../errors.js';

/** An answer whose body breaks the rules, or off. */
export function brokenBody(what: string): OutriggerError {
  return new OutriggerError('bad-response', `the response broke off: ${what}`, { reason: 'body' });
}

/** Digits of a chunk's size: 2^48 bytes is more than anybody sends. */
const MOST_SIZE_DIGITS = 12;
/** Chunk extensions mean nothing to us, and nobody needs so many bytes of them in one answer (as in Node's own parser). */
const MOST_EXTENSION_BYTES = 16 * 1024;

const CR = 0x0d;
const LF = 0x0a;
const SEMICOLON = 0x3b;

type State = 'size' | 'extension' | 'size-lf' | 'data' | 'data-cr' | 'data-lf' | 'over';

/** Takes the chunked transfer coding off a body (RFC 9112, 7.1), up to the trailer section behind the last chunk. */
export class ChunkedDecoder {
  #state: State = 'size';
  #size = 0;
  #digits = 0;
  #extensionBytes = 0;

  /** Whether the last chunk was read: what follows is the trailer section. */
  get over(): boolean {
    return this.#state === 'over';
  }

  reset(): void {
    this.#state = 'size';
    this.#size = 0;
    this.#digits = 0;
    this.#extensionBytes = 0;
  }

  /**
   * Reads from `from` until it can hand out data, the input ends or the last chunk was read.
   *
   * @param onData is given where data begins and ends; false: the body is not wanted any more
   * @returns where it stopped
   * @throws OutriggerError `bad-response`
   */
  read(input: Buffer, from: number, onData: (start: number, end: number) => boolean): number {
    let at = from;
    while (at < input.length) {
      if (this.#state === 'data') {
        const end = Math.min(input.length, at + this.#size);
        this.#size -= end - at;
        if (this.#size === 0) this.#state = 'data-cr';
        if (!onData(at, end)) return end;
        at = end;
        continue;
      }
      this.#step(input[at]!);
      at++;
      if (this.#state === 'over') break;
    }
    return at;
  }

  #step(byte: number): void {
    switch (this.#state) {
      case 'size':
        this.#sizeByte(byte);
        break;
      case 'extension':
        if (byte === CR) this.#state = 'size-lf';
        else if (isControl(byte)) throw brokenBody('a chunk extension has a control character');
        else if (++this.#extensionBytes > MOST_EXTENSION_BYTES) throw brokenBody('its chunk extensions are too long');
        break;
      case 'size-lf':
        if (byte !== LF) throw brokenBody('a chunk size ends without a line feed');
        this.#digits = 0;
        this.#state = this.#size === 0 ? 'over' : 'data';
        break;
      case 'data-cr':
        if (byte !== CR) throw brokenBody('a chunk is longer than its size');
        this.#state = 'data-lf';
        break;
      case 'data-lf':
        if (byte !== LF) throw brokenBody('a chunk ends without a line feed');
        this.#state = 'size';
        break;
      case 'data':
      case 'over':
        throw new TypeError('no byte of these is looked at');
    }
  }

  #sizeByte(byte: number): void {
    const digit = hexDigit(byte);
    if (digit >= 0) {
      if (++this.#digits > MOST_SIZE_DIGITS) throw brokenBody('a chunk size has too many digits');
      this.#size = this.#size * 16 + digit;
      return;
    }
    if (this.#digits === 0) throw brokenBody('a chunk has no size');
    if (byte === CR) this.#state = 'size-lf';
    else if (byte === SEMICOLON) this.#state = 'extension';
    else throw brokenBody('a chunk size is not a number');
  }
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

function isControl(byte: number): boolean {
  return (byte < 0x20 && byte !== 0x09) || byte === 0x7f;
}
