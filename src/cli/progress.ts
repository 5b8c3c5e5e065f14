import type { Output } from './io.js';

const WIDTH = 30;

/** A bar on a terminal that says how far something long has come; nothing where stderr is none. */
export class Progress {
  readonly #output: Output;
  #shown = '';

  constructor(output: Output) {
    this.#output = output;
  }

  /** @param share from 0 to 1 */
  show(share: number, what: string): void {
    if (this.#output.isTTY !== true) return;
    const done = Math.round(share * WIDTH);
    const text = `${'█'.repeat(done)}${'░'.repeat(WIDTH - done)} ${String(Math.floor(share * 100)).padStart(3)} % ${what}`;
    if (text === this.#shown) return;
    this.#shown = text;
    this.#output.write(`\r${text}\u001b[K`);
  }

  /** Takes it away. */
  clear(): void {
    if (this.#shown !== '') this.#output.write('\r\u001b[K');
    this.#shown = '';
  }
}
