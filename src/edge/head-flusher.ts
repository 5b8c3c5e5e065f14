import type { ServerResponse } from 'node:http';

/**
 * Sends heads whose bodies don't come with them: an event stream may be silent for long. A head is held back until
 * everything that has arrived from upstreams is read, so that data that came with it goes out in the same packet; one
 * callback serves all heads of a turn.
 */
export class HeadFlusher {
  #waiting: ServerResponse[] = [];

  add(response: ServerResponse): void {
    if (this.#waiting.push(response) === 1) process.nextTick(this.#flush);
  }

  readonly #flush = (): void => {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const response of waiting) {
      if (!response.destroyed && !response.writableEnded) response.flushHeaders();
    }
  };
}
