/** An answer whose head may wait. */
export interface WaitingHead {
  /** Sends it, if it was not sent with the body. */
  flushHead(): void;
}

/**
 * Sends heads whose bodies don't come with them: an event stream may be silent for long. A head is held back until
 * everything that has arrived from upstreams is read, so that data that came with it goes out in the same packet; one
 * callback serves all heads of a turn.
 */
export class HeadFlusher {
  #waiting: WaitingHead[] = [];

  add(head: WaitingHead): void {
    if (this.#waiting.push(head) === 1) process.nextTick(this.#flush);
  }

  readonly #flush = (): void => {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const head of waiting) head.flushHead();
  };
}
