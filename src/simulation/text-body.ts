import type { CallOptions, RequestBody } from '../policies/policy.js';

/** A request's body that has come in whole. As at the edge, one that is not kept can be sent once only. */
export class TextBody implements RequestBody {
  readonly complete = true;
  readonly #bytes: Buffer;
  readonly #kept: boolean;

  /** @param maxBodySize bytes that are kept for retries */
  constructor(text: string, maxBodySize: number) {
    this.#bytes = Buffer.from(text);
    this.#kept = this.#bytes.length <= maxBodySize;
  }

  get state(): RequestBody['state'] {
    return this.#kept ? 'kept' : 'streaming';
  }

  get notKept(): RequestBody['notKept'] {
    return this.#kept ? undefined : 'body-too-large';
  }

  onComplete(callback: () => void): () => void {
    callback();
    return () => undefined;
  }

  forAttempt(): CallOptions['body'] {
    return this.#bytes;
  }

  release(): void {
    // Nothing counts it.
  }
}
