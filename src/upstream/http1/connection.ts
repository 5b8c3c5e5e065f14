import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { asInternal, OutriggerError } from '../../errors.js';
import type { CallOptions, Handler } from '../../policies/policy.js';
import { valueAmong } from '../../policies/rules/raw-headers.js';
import type { Clock } from '../../runtime/clock.js';
import { hearLastWords } from '../last-words.js';
import { brokenBody } from './chunked-decoder.js';
import { Exchange } from './exchange.js';
import { headersWhenAsked } from './headers-when-asked.js';
import { PauseWatch } from './pause-watch.js';
import { RequestBodyWriter } from './request-body-writer.js';
import { bytesOf, writeRequest } from './request-content.js';
import { requestHead } from './request-head.js';
import { badResponse, type ResponseHead } from './response-head.js';
import { ResponseParser, type ResponseSink } from './response-parser.js';

/** Whose a connection is. */
export interface ConnectionOwner {
  /** For Host headers. */
  readonly host: string;
  readonly clock: Clock;
  /** It can take a request. `keepAliveMs`: how long the server says that it keeps it, if it does. */
  onFree(connection: Connection, keepAliveMs: number | undefined): void;
  /** It can take none any more. Told once. */
  onGone(connection: Connection): void;
  /** The server closed it, though it had kept it, when it got a request: no byte of an answer came. It is gone. */
  onUnanswered(exchange: Exchange, error: Error): void;
}

/**
 * How long a connection is not used after an answer without a body whose head speaks of one, as to HEAD: there are servers
 * that send it all the same, and it would be taken for the next answer.
 */
const PROMISED_BODY_MS = 100;

/** One connection to an endpoint. It carries one request at a time and reads its answer; it is never reused in doubt. */
export class Connection implements ResponseSink {
  // Its place among the idle ones (idle-connections.ts).
  newer: Connection | undefined;
  older: Connection | undefined;
  idleUntil = 0;

  readonly #socket: Socket;
  readonly #owner: ConnectionOwner;
  /** Whether the bytes that are read now lie in a buffer that is used again. */
  #borrowed = false;
  readonly #parser = new ResponseParser(this);
  #exchange: Exchange | undefined;
  #upload: RequestBodyWriter | undefined;
  #head: ResponseHead | undefined;
  /** The answer has ended; what is left is to tell so. */
  #trailers: string[] | undefined;
  readonly #pauses: PauseWatch;
  #requests = 0;
  /** Whether a byte of an answer to the last request has come. */
  #answering = false;
  #gone = false;

  /** @param reads whether it is to read from the socket itself; otherwise what came is brought to `read` */
  constructor(socket: Socket, owner: ConnectionOwner, reads: boolean) {
    this.#socket = socket;
    this.#owner = owner;
    this.#pauses = new PauseWatch(owner.clock, (error) => this.#fail(error));
    hearLastWords(socket);
    if (reads) socket.on('data', this.#onData);
    socket.on('end', this.#onEnd).on('error', this.#onError).on('close', this.#onClose);
  }

  /** Sends a request, and tells the handler how it goes. False: nothing was sent, and the handler knows; it is free still. */
  send(opts: CallOptions, handler: Handler): boolean {
    const exchange = new Exchange(this, handler, opts);
    const { body } = opts;
    const bytes = bytesOf(body);
    let head;
    try {
      head = requestHead(opts, this.#owner.host, body instanceof Readable ? undefined : (bytes?.length ?? 0));
      // Thrown here, or aborted, nothing is sent and the connection is left to others.
      handler.onRequestStart?.(exchange, null);
      if (exchange.reason !== null) throw exchange.reason;
    } catch (error) {
      exchange.over = true;
      if (body instanceof Readable) body.destroy();
      handler.onResponseError?.(exchange, error as Error);
      return false;
    }
    this.#exchange = exchange;
    this.#requests++;
    this.#answering = false;
    this.#parser.expect(opts.method);
    writeRequest(this.#socket, head.text, bytes);
    if (body instanceof Readable && this.#exchange === exchange) {
      this.#upload = new RequestBodyWriter(this.#socket, body, head.contentLength, (error) => this.#fail(error));
    }
    return true;
  }

  /** Whether it can carry a request. */
  get usable(): boolean {
    return !this.#gone && this.#exchange === undefined;
  }

  /** Ends it; an exchange that is under way breaks. */
  destroy(): void {
    if (this.#exchange === undefined) this.#leave();
    else this.#fail(new OutriggerError('reset', 'the connection was closed here', { reason: 'closed' }));
  }

  /** Ends an attempt that its call can do without, if that is what it carries and no answer has begun. */
  cutHedge(error: Error): boolean {
    if (this.#answering || this.#exchange?.opts.attempt?.hedge !== true) return false;
    this.#fail(error);
    return true;
  }

  // The exchange steers.

  abort(exchange: Exchange, reason: Error): void {
    if (exchange === this.#exchange) this.#fail(reason);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#pauses.heard();
    this.#socket.resume();
  }

  // The socket tells.

  readonly #onData = (input: Buffer): void => this.read(input, false);

  /** Bytes have come. `borrowed`: they are good until this returns. */
  readonly read = (input: Buffer, borrowed: boolean): void => {
    this.#borrowed = borrowed;
    const exchange = this.#exchange;
    // An answer to nothing: it must not become the next request's.
    if (exchange === undefined) {
      this.#leave();
      return;
    }
    this.#answering = true;
    let taken: number;
    try {
      taken = this.#parser.read(input);
    } catch (error) {
      this.#fail(asInternal(error, 'a layer failed while it read an answer'));
      return;
    }
    if (exchange !== this.#exchange) return;
    if (this.#trailers !== undefined) this.#finish(exchange, taken === input.length);
    else if (this.#head?.status === 101) this.#switch(exchange, this.#head, input.subarray(taken));
    else if (this.#head !== undefined && exchange.idleTimeoutMs > 0) this.#pauses.watch(exchange);
  };

  readonly #onEnd = (): void => {
    const exchange = this.#exchange;
    if (exchange === undefined) this.#leave();
    // libuv tells a reset right behind the last bytes as an end; but a connection that was reset has no peer any more.
    else if (this.#socket.remoteAddress !== undefined && this.#parser.end()) this.#finish(exchange, false);
    else this.#break(exchange, this.#brokenOff());
  };

  readonly #onError = (error: Error): void => {
    if (this.#exchange === undefined) this.#leave();
    else this.#break(this.#exchange, error);
  };

  readonly #onClose = (): void => {
    if (this.#exchange !== undefined) this.#break(this.#exchange, this.#brokenOff());
    this.#leave();
  };

  // The parser tells.

  onHead(head: ResponseHead): void {
    const exchange = this.#exchange!;
    if (head.status === 101) {
      if (!exchange.upgrades) throw badResponse('it switches protocols unasked');
      if (!exchange.offers(valueAmong(head.rawHeaders, 'upgrade'))) {
        throw badResponse('it does not switch to a protocol that was asked for');
      }
      this.#head = head;
      return;
    }
    // An answer to Expect, which is never sent on.
    if (head.status === 100) return;
    if (head.status >= 200) this.#head = head;
    exchange.rawHeaders = head.rawHeaders;
    exchange.handler.onResponseStart?.(exchange, head.status, headersWhenAsked(head.rawHeaders), head.statusText);
  }

  onBody(bytes: Buffer): void {
    const exchange = this.#exchange!;
    exchange.handler.onResponseData?.(exchange, this.#borrowed ? Buffer.from(bytes) : bytes);
  }

  onComplete(trailers: string[]): void {
    this.#trailers = trailers;
  }

  /** The answer is whole. It is told once the connection is free, so that whoever hears of it can have it. */
  #finish(exchange: Exchange, clean: boolean): void {
    const { keepAliveMs, persistent, promisesBody } = this.#head!;
    const trailers = this.#trailers!;
    const sent = this.#upload?.finished ?? true;
    this.#endExchange(exchange);
    if (exchange.paused) this.#socket.resume();
    if (!clean || !persistent || !sent || this.#gone) this.#leave();
    else if (promisesBody) this.#freeLater(keepAliveMs);
    else this.#owner.onFree(this, keepAliveMs);
    exchange.rawTrailers = trailers;
    exchange.handler.onResponseEnd?.(exchange, headersWhenAsked(trailers));
  }

  #freeLater(keepAliveMs: number | undefined): void {
    const free = () => {
      if (!this.#gone) this.#owner.onFree(this, keepAliveMs);
    };
    this.#owner.clock.setTimer(PROMISED_BODY_MS, free, true);
  }

  #fail(error: Error): void {
    const exchange = this.#exchange;
    if (exchange === undefined) return;
    this.#endBroken(exchange);
    exchange.handler.onResponseError?.(exchange, error);
  }

  /** The other side has ended it. */
  #break(exchange: Exchange, error: Error): void {
    if (this.#answering || this.#requests === 1) {
      this.#fail(error);
      return;
    }
    this.#endBroken(exchange);
    this.#owner.onUnanswered(exchange, error);
  }

  #endBroken(exchange: Exchange): void {
    this.#parser.stop();
    this.#endExchange(exchange);
    this.#leave();
  }

  /** The connection goes on in another protocol, in other hands. */
  #switch(exchange: Exchange, head: ResponseHead, rest: Buffer): void {
    const socket = this.#socket;
    this.#endExchange(exchange);
    socket.off('data', this.#onData).off('end', this.#onEnd).off('error', this.#onError).off('close', this.#onClose);
    socket.pause();
    if (rest.length > 0) socket.unshift(rest);
    this.#gone = true;
    this.#owner.onGone(this);
    exchange.rawHeaders = head.rawHeaders;
    exchange.handler.onRequestUpgrade?.(exchange, head.status, headersWhenAsked(head.rawHeaders), socket);
  }

  #endExchange(exchange: Exchange): void {
    exchange.over = true;
    this.#exchange = undefined;
    this.#head = undefined;
    this.#trailers = undefined;
    this.#upload?.stop();
    this.#upload = undefined;
    this.#pauses.stop();
  }

  #leave(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#socket.destroy();
    this.#owner.onGone(this);
  }

  #brokenOff(): OutriggerError {
    if (this.#head !== undefined) return brokenBody('the connection ended before its end');
    return new OutriggerError('reset', 'the connection ended before the answer', { reason: 'closed' });
  }
}
