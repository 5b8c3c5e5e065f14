import type { Readable } from 'node:stream';
import { OutriggerError } from '../errors.js';
import type { CallOptions, RequestBody } from '../policies/policy.js';
import type { Clock, Timer } from '../runtime/clock.js';
import { AttemptStream, type BodyFeed } from './attempt-stream.js';
import type { ReplayMemory } from './replay-memory.js';

/** The body of a request that has none. */
export const NO_BODY: RequestBody = {
  state: 'none',
  notKept: undefined,
  complete: true,
  onComplete(callback) {
    callback();
    return () => {};
  },
  forAttempt: () => null,
  release: () => {},
};

export interface RequestBodyOptions {
  /** The app's request. */
  readonly source: Readable;
  /** Bytes, if the app said so beforehand. */
  readonly length: number | undefined;
  /** Bytes that are kept for retries; a larger body is streamed once. */
  readonly maxBodySize: number;
  /** All bodies kept in this process. */
  readonly memory: ReplayMemory;
  readonly clock: Clock;
  /** Longest pause in an upload. */
  readonly idleTimeoutMs: number;
  /** The app has stopped sending. */
  readonly onStalled: () => void;
}

/**
 * A request's body on its way. One of a known length that may be kept is read before the first attempt (`collects`). One
 * of unknown length is sent on at once, since the app may wait for an early answer, while a copy is kept as long as it fits.
 * Any other is streamed once, at the pace of the upstream.
 */
export class IncomingBody implements RequestBody, BodyFeed {
  readonly #options: RequestBodyOptions;
  /** What is kept, or waits to be given. */
  #chunks: Buffer[] = [];
  /** The first chunk that was not given yet. */
  #next = 0;
  #keeping = true;
  #notKept: RequestBody['notKept'];
  #size = 0;
  #reserved = 0;
  #complete = false;
  #failure: OutriggerError | undefined;
  /** Whether an attempt was given anything. */
  #given = false;
  #attempt: AttemptStream | undefined;
  #wanted = false;
  #waiting: (() => void)[] = [];
  #movedAt: number;
  #timer: Timer | undefined;

  constructor(options: RequestBodyOptions) {
    this.#options = options;
    const { source, length, maxBodySize, clock, idleTimeoutMs } = options;
    if (length !== undefined) {
      if (length > maxBodySize) this.#stopKeeping('body-too-large');
      else this.#reserve(length);
    }
    // Nothing is read of a body that is not kept until an attempt wants it.
    if (!this.#keeping) source.pause();
    source.on('data', this.#onData).on('end', this.#onEnd).on('error', this.#onError);
    this.#movedAt = clock.now();
    this.#timer = clock.setTimer(idleTimeoutMs, this.#onTimer);
  }

  /** Whether the body is to be read wholly before the first attempt. */
  get collects(): boolean {
    return this.#keeping && this.#options.length !== undefined;
  }

  get state(): RequestBody['state'] {
    if (this.#complete && this.#keeping) return 'kept';
    return this.#given ? 'consumed' : 'streaming';
  }

  get notKept(): RequestBody['notKept'] {
    if (!this.#keeping) return this.#notKept;
    return this.#given && !this.#complete ? 'committed' : undefined;
  }

  get complete(): boolean {
    return this.#complete;
  }

  onComplete(callback: () => void): () => void {
    if (this.#complete) {
      callback();
      return () => {};
    }
    this.#waiting.push(callback);
    return () => {
      this.#waiting = this.#waiting.filter((other) => other !== callback);
    };
  }

  forAttempt(): CallOptions['body'] {
    if (this.state === 'kept') {
      if (this.#chunks.length === 1) return this.#chunks[0];
      return Buffer.concat(this.#chunks);
    }
    if (this.#given) throw new OutriggerError('internal', "the request's body was sent already and was not kept");
    this.#attempt?.destroy();
    const stream = new AttemptStream(this);
    this.#attempt = stream;
    if (this.#failure !== undefined) stream.destroy(this.#failure);
    return stream;
  }

  release(): void {
    if (this.#keeping) this.#stopKeeping('committed');
    this.#given = true;
    if (this.#attempt === undefined) this.#chunks = [];
  }

  /** The call is over: nothing more is read here, and nothing is held. */
  discard(): void {
    this.release();
    this.#options.source.off('data', this.#onData).off('end', this.#onEnd);
    this.#timer?.cancel();
    this.#waiting = [];
    this.#attempt?.destroy();
    this.#chunks = [];
  }

  wanted(stream: AttemptStream): void {
    if (stream !== this.#attempt) return;
    this.#wanted = true;
    this.#give();
  }

  left(stream: AttemptStream): void {
    if (stream !== this.#attempt) return;
    this.#attempt = undefined;
    this.#wanted = false;
    if (this.#given && !this.#keeping) this.#chunks = [];
    this.#pace();
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#movedAt = this.#options.clock.now();
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    if (this.#keeping && this.#options.length === undefined) {
      if (this.#size > this.#options.maxBodySize) this.#stopKeeping('body-too-large');
      else this.#reserve(chunk.length);
    }
    this.#give();
  };

  readonly #onEnd = (): void => {
    this.#complete = true;
    if (this.#attempt === undefined || this.#next === this.#chunks.length) this.#timer?.cancel();
    this.#give();
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const callback of waiting) callback();
  };

  readonly #onError = (cause: Error): void => {
    if (this.#complete) return;
    this.#failure = new OutriggerError('client-gone', 'the app went away while it sent its request', { cause });
    this.#timer?.cancel();
    this.#attempt?.destroy(this.#failure);
  };

  readonly #onTimer = (): void => {
    const { clock, idleTimeoutMs, onStalled } = this.#options;
    const left = this.#movedAt + idleTimeoutMs - clock.now();
    if (left > 0) {
      this.#timer = clock.setTimer(left, this.#onTimer);
      return;
    }
    const pending = this.#next < this.#chunks.length;
    if (this.#attempt !== undefined && !this.#wanted && (pending || !this.#keeping)) {
      this.#attempt.destroy(
        new OutriggerError('timeout', "the upstream stopped taking the request's body", { reason: 'idle' }),
      );
    } else if (!this.#complete && (this.#keeping || (this.#wanted && !pending))) {
      onStalled();
      return;
    }
    // Between two attempts of a body that waits for one, nobody is to blame.
    if (!this.#complete) this.#timer = clock.setTimer(idleTimeoutMs, this.#onTimer);
  };

  /** Gives the attempt what it takes. */
  #give(): void {
    while (this.#wanted && this.#attempt !== undefined && this.#next < this.#chunks.length) {
      const chunk = this.#chunks[this.#next]!;
      if (this.#keeping) this.#next++;
      else this.#chunks.shift();
      this.#given = true;
      this.#movedAt = this.#options.clock.now();
      this.#wanted = this.#attempt.push(chunk);
    }
    if (this.#complete && this.#next === this.#chunks.length && this.#attempt !== undefined) {
      this.#timer?.cancel();
      this.#attempt.push(null);
      this.#attempt = undefined;
    }
    this.#pace();
  }

  /** A body that is not kept is read no faster than it is taken. */
  #pace(): void {
    if (this.#keeping || this.#complete) return;
    if (this.#wanted && this.#chunks.length === 0) this.#options.source.resume();
    else this.#options.source.pause();
  }

  #reserve(bytes: number): void {
    if (this.#options.memory.tryReserve(bytes)) this.#reserved += bytes;
    else this.#stopKeeping('replay-memory');
  }

  #stopKeeping(why: NonNullable<RequestBody['notKept']>): void {
    this.#keeping = false;
    this.#notKept = why;
    this.#options.memory.release(this.#reserved);
    this.#reserved = 0;
    this.#chunks.splice(0, this.#next);
    this.#next = 0;
  }
}
