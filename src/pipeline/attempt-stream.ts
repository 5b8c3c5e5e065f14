import { Readable } from 'node:stream';

/** What an attempt's stream is fed from. */
export interface BodyFeed {
  /** The stream takes more. */
  wanted(stream: AttemptStream): void;
  /** The stream is gone, and what it was not given is not lost. */
  left(stream: AttemptStream): void;
}

/**
 * The request's body for one attempt. A connection destroys what it is given when an attempt fails; this may be destroyed
 * without harm to the app's request behind it.
 */
export class AttemptStream extends Readable {
  readonly #feed: BodyFeed;

  constructor(feed: BodyFeed) {
    super();
    this.#feed = feed;
    // Nobody listens once its request is over, and an error that nobody hears would end the process.
    this.on('error', () => {});
  }

  override _read(): void {
    // Later, since a body may be looked at before it is known whether the request will be sent: until then nothing is given.
    process.nextTick(wanted, this.#feed, this);
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#feed.left(this);
    callback(error);
  }
}

function wanted(feed: BodyFeed, stream: AttemptStream): void {
  if (!stream.destroyed) feed.wanted(stream);
}
