import { OutriggerError } from '../../errors.js';
import { brokenBody, ChunkedDecoder } from './chunked-decoder.js';
import { badResponse, parseFields, parseResponseHead, type ResponseHead } from './response-head.js';
import { SectionReader, SectionTooLarge } from './section-reader.js';

/** What an answer is made of, told as it comes. Any of these may call `stop`. */
export interface ResponseSink {
  /** Interim answers (1xx) too. */
  onHead(head: ResponseHead): void;
  /** The bytes are the reader's: whoever keeps them copies them. */
  onBody(bytes: Buffer): void;
  /** `trailers` as [name, value, …]. */
  onComplete(trailers: string[]): void;
}

/** The most of a head that is read. Larger than Node's 16 KiB: an upstream that sends more is not ours to judge. */
const MOST_HEAD_BYTES = 64 * 1024;

/** Interim answers before the one that counts. Each is told to the app: an endless row of them would fill its connection. */
const MOST_INTERIM = 1_000;

const NO_TRAILERS: string[] = [];
const CRLF = Buffer.from('\r\n');
const STATUS_LINE = 'HTTP/1.';

type State = 'idle' | 'head' | 'length' | 'chunked' | 'trailers' | 'close';

/** Reads one answer after another from a connection (RFC 9112). It holds no more than a head that has not come wholly. */
export class ResponseParser {
  readonly #sink: ResponseSink;
  readonly #section = new SectionReader(MOST_HEAD_BYTES);
  readonly #chunks = new ChunkedDecoder();
  #state: State = 'idle';
  #method = '';
  #left = 0;
  #interim = 0;

  constructor(sink: ResponseSink) {
    this.#sink = sink;
  }

  /** Whether no answer is awaited: bytes that come now answer nothing. */
  get idle(): boolean {
    return this.#state === 'idle';
  }

  /** An answer to a request is awaited. */
  expect(method: string): void {
    this.#method = method;
    this.#state = 'head';
    this.#interim = 0;
  }

  /** What comes of the answer from now on is not wanted. */
  stop(): void {
    this.#state = 'idle';
  }

  /**
   * Reads what came.
   *
   * @returns how much of it was read; less than all when bytes follow the answer, or reading was stopped
   * @throws OutriggerError `bad-response`
   */
  read(input: Buffer): number {
    let at = 0;
    while (at < input.length && this.#state !== 'idle') {
      switch (this.#state) {
        case 'head':
          at = this.#readHead(input, at);
          break;
        case 'length':
          at = this.#readLength(input, at);
          break;
        case 'chunked':
          at = this.#readChunks(input, at);
          break;
        case 'trailers':
          at = this.#readTrailers(input, at);
          break;
        case 'close':
          this.#sink.onBody(at === 0 ? input : input.subarray(at));
          return input.length;
      }
    }
    return at;
  }

  /** The connection has ended. True if that was the answer's end (RFC 9112, 6.3). */
  end(): boolean {
    if (this.#state !== 'close') return false;
    this.#complete(NO_TRAILERS);
    return true;
  }

  #readHead(input: Buffer, at: number): number {
    let text: string | undefined;
    try {
      text = this.#section.read(input, at);
    } catch (cause) {
      if (!(cause instanceof SectionTooLarge)) throw cause;
      throw new OutriggerError('bad-response', "the response's head is too large", { reason: 'headers-too-large' });
    }
    if (text === undefined) {
      this.#checkBeginning();
      return input.length;
    }
    const { next } = this.#section;
    const head = parseResponseHead(text, this.#method);
    if (head.status < 200) {
      this.#readInterim(head);
      return next;
    }
    switch (head.framing) {
      case 'length':
        this.#left = head.length;
        this.#state = 'length';
        break;
      case 'chunked':
        this.#chunks.reset();
        this.#state = 'chunked';
        break;
      case 'close':
      case 'none':
        this.#state = 'close';
        break;
    }
    this.#sink.onHead(head);
    if (head.framing === 'none' && !this.idle) this.#complete(NO_TRAILERS);
    return next;
  }

  /** What will never be a head is refused at once, and not waited for: another protocol's greeting, lines without CR. */
  #checkBeginning(): void {
    const beginning = this.#section.beginning(STATUS_LINE.length);
    if (!STATUS_LINE.startsWith(beginning)) throw badResponse('it does not begin with a status line');
    if (this.#section.hasBareLineFeed()) throw badResponse('a line ends without CR');
  }

  /** After 101 the connection speaks another protocol: what follows is not ours to read. */
  #readInterim(head: ResponseHead): void {
    if (++this.#interim > MOST_INTERIM) throw badResponse('too many interim answers');
    if (head.status === 101) this.#state = 'idle';
    this.#sink.onHead(head);
  }

  #readLength(input: Buffer, at: number): number {
    const end = Math.min(input.length, at + this.#left);
    this.#left -= end - at;
    const over = this.#left === 0;
    this.#sink.onBody(input.subarray(at, end));
    if (over && !this.idle) this.#complete(NO_TRAILERS);
    return end;
  }

  #readChunks(input: Buffer, at: number): number {
    const next = this.#chunks.read(input, at, (start, end) => {
      this.#sink.onBody(input.subarray(start, end));
      return !this.idle;
    });
    if (this.#chunks.over && !this.idle) {
      // A section of no lines is an empty line alone.
      this.#section.reset(CRLF);
      this.#state = 'trailers';
    }
    return next;
  }

  #readTrailers(input: Buffer, at: number): number {
    let text: string | undefined;
    try {
      text = this.#section.read(input, at);
    } catch (cause) {
      throw cause instanceof SectionTooLarge ? brokenBody('its trailers are too large') : cause;
    }
    if (text === undefined) return input.length;
    const { next } = this.#section;
    this.#complete(text === '' ? NO_TRAILERS : parseFields(text, 0, 'trailer'));
    return next;
  }

  #complete(trailers: string[]): void {
    this.#state = 'idle';
    this.#sink.onComplete(trailers);
  }
}
