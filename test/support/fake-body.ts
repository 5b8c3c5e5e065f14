import type { CallOptions, RequestBody } from '../../src/policies/policy.js';

/** A request's body in a state that the test sets. */
export class FakeBody implements RequestBody {
  state: RequestBody['state'];
  notKept: RequestBody['notKept'];
  complete: boolean;
  /** How often an attempt took it. */
  given = 0;
  released = 0;
  readonly text: string;
  readonly #waiting = new Set<() => void>();

  private constructor(state: RequestBody['state'], complete: boolean, text: string, notKept?: RequestBody['notKept']) {
    this.state = state;
    this.complete = complete;
    this.text = text;
    this.notKept = notKept;
  }

  /** Wholly here, and kept for retries. */
  static kept(text: string): FakeBody {
    return new FakeBody('kept', true, text);
  }

  /** On its way from the app; `complete` is up to the test. */
  static streaming(notKept?: RequestBody['notKept']): FakeBody {
    return new FakeBody('streaming', false, 'a stream', notKept);
  }

  /** How many wait for it to come in. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** The app has sent all of it. */
  finish(): void {
    this.complete = true;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const callback of waiting) callback();
  }

  onComplete(callback: () => void): () => void {
    if (this.complete) {
      callback();
      return () => undefined;
    }
    this.#waiting.add(callback);
    return () => this.#waiting.delete(callback);
  }

  forAttempt(): CallOptions['body'] {
    this.given++;
    if (this.state === 'streaming') this.state = 'consumed';
    return this.text;
  }

  release(): void {
    this.released++;
  }
}
