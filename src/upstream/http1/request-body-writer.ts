import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { unsendable } from './request-head.js';

/**
 * Writes content that comes as a stream: as long as announced, or in chunks (RFC 9112, 7.1); read no faster than the
 * connection takes it.
 */
export class RequestBodyWriter {
  readonly #socket: Socket;
  readonly #body: Readable;
  readonly #chunked: boolean;
  readonly #onFailure: (error: Error) => void;
  #left: number;
  #finished = false;

  /**
   * @param contentLength bytes; undefined: chunks
   * @param onFailure the stream broke, or is not as long as announced
   */
  constructor(socket: Socket, body: Readable, contentLength: number | undefined, onFailure: (error: Error) => void) {
    this.#socket = socket;
    this.#body = body;
    this.#chunked = contentLength === undefined;
    this.#onFailure = onFailure;
    this.#left = contentLength ?? Infinity;
    body.on('data', this.#onData).on('end', this.#onEnd).on('error', onFailure).on('close', this.#onClose);
  }

  /** Whether all of it was written. */
  get finished(): boolean {
    return this.#finished;
  }

  /** Nothing more is to be written: a stream that has not ended is ended. */
  stop(): void {
    const body = this.#body;
    this.#socket.off('drain', this.#onDrain);
    body.off('data', this.#onData).off('end', this.#onEnd).off('close', this.#onClose);
    // An error that comes now is nobody's business; unheard it would end the process.
    body.off('error', this.#onFailure).on('error', () => {});
    if (!this.#finished) body.destroy();
  }

  readonly #onData = (chunk: Buffer | string): void => {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    // In the chunked coding no bytes would mean the end.
    if (bytes.length === 0) return;
    this.#left -= bytes.length;
    if (this.#left < 0) {
      this.#onFailure(unsendable('its body is longer than its Content-Length'));
      return;
    }
    if (this.#write(bytes)) return;
    this.#body.pause();
    this.#socket.once('drain', this.#onDrain);
  };

  readonly #onDrain = (): void => {
    this.#body.resume();
  };

  readonly #onEnd = (): void => {
    if (!this.#chunked && this.#left > 0) {
      this.#onFailure(unsendable('its body is shorter than its Content-Length'));
      return;
    }
    this.#finished = true;
    if (this.#chunked) this.#socket.write('0\r\n\r\n', 'latin1');
  };

  /** A stream that is destroyed without an error has ended before its end. */
  readonly #onClose = (): void => {
    if (!this.#finished) this.#onFailure(unsendable('its body ended early'));
  };

  /** False: the connection takes no more for now. */
  #write(bytes: Buffer): boolean {
    const socket = this.#socket;
    if (!this.#chunked) return socket.write(bytes);
    socket.cork();
    socket.write(`${bytes.length.toString(16)}\r\n`, 'latin1');
    socket.write(bytes);
    const more = socket.write('\r\n', 'latin1');
    socket.uncork();
    return more;
  }
}
