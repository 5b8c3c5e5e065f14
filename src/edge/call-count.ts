/** The calls in flight of one configuration. */
export class CallCount {
  #inFlight = 0;
  #whenNone: (() => void) | undefined;

  get inFlight(): number {
    return this.#inFlight;
  }

  begin(): void {
    this.#inFlight++;
  }

  end(): void {
    this.#inFlight--;
    if (this.#inFlight === 0) this.#tell();
  }

  /** Calls back once when none is left, at once if there is none. */
  whenNone(callback: () => void): void {
    this.#whenNone = callback;
    if (this.#inFlight === 0) this.#tell();
  }

  #tell(): void {
    const callback = this.#whenNone;
    this.#whenNone = undefined;
    callback?.();
  }
}
