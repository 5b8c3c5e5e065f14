import type { Duplex } from 'node:stream';
import { util } from 'undici';
import type { Controller, Handler, ResponseHeaders } from '../policies/policy.js';

/**
 * Speaks undici's inner handler interface for a handler of the public one. undici has such an adapter itself, which makes
 * two objects and parses every answer's headers; this one is handler and controller in one, and parses them when somebody
 * asks: for most answers nobody does, since the edge passes the raw ones on.
 */
export class UndiciHandler implements Controller {
  readonly #handler: Handler;
  #abort: ((reason?: Error) => void) | undefined;
  #resume: (() => void) | undefined;
  paused = false;
  reason: Error | null = null;
  rawHeaders: Buffer[] | string[] | null = null;
  rawTrailers: string[] | null = null;
  #bodiless = false;

  constructor(handler: Handler) {
    this.#handler = handler;
  }

  // The layers above steer.

  get aborted(): boolean {
    return this.reason !== null;
  }

  abort(reason: Error): void {
    if (this.aborted) return;
    this.reason = reason;
    this.#abort?.(reason);
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    this.#resume?.();
  }

  // undici calls.

  onConnect(abort: (reason?: Error) => void): void {
    this.#abort = abort;
    this.#handler.onRequestStart?.(this, null);
  }

  onUpgrade(status: number, rawHeaders: Buffer[] | string[] | null, socket: Duplex): void {
    this.rawHeaders = rawHeaders;
    this.#handler.onRequestUpgrade?.(this, status, parsedWhenAsked(rawHeaders ?? []), socket);
  }

  onHeaders(status: number, rawHeaders: Buffer[], resume: () => void, statusText: string): boolean {
    this.#resume = resume;
    this.rawHeaders = rawHeaders;
    this.#bodiless = status === 204 || status === 304;
    this.#handler.onResponseStart?.(this, status, parsedWhenAsked(rawHeaders), statusText);
    return !this.paused;
  }

  onData(chunk: Buffer): boolean {
    this.#handler.onResponseData?.(this, chunk);
    return !this.paused;
  }

  onComplete(rawTrailers: string[] | null): void {
    this.rawTrailers = rawTrailers;
    this.#handler.onResponseEnd?.(this, parsedWhenAsked(rawTrailers ?? []));
  }

  onError(error: Error): void {
    // A 304 may say how long the answer to a GET would be (RFC 9110, 8.6), and undici misses that body: the head was all.
    if (this.#bodiless && !this.aborted && isLengthMismatch(error)) this.onComplete(null);
    else this.#handler.onResponseError?.(this, error);
  }
}

function isLengthMismatch(error: Error): boolean {
  return 'code' in error && error.code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH';
}

/** An object of header values by name in lower case that is made from the raw list at the first look. */
function parsedWhenAsked(raw: Buffer[] | string[]): ResponseHeaders {
  return new Proxy<ResponseHeaders>({}, new WhenAsked(raw));
}

class WhenAsked implements ProxyHandler<ResponseHeaders> {
  readonly #raw: Buffer[] | string[];
  #parsed: ResponseHeaders | undefined;

  constructor(raw: Buffer[] | string[]) {
    this.#raw = raw;
  }

  get(_target: ResponseHeaders, name: string | symbol): unknown {
    return Reflect.get(this.#fields(), name);
  }

  has(_target: ResponseHeaders, name: string | symbol): boolean {
    return Reflect.has(this.#fields(), name);
  }

  ownKeys(): (string | symbol)[] {
    return Reflect.ownKeys(this.#fields());
  }

  getOwnPropertyDescriptor(_target: ResponseHeaders, name: string | symbol): PropertyDescriptor | undefined {
    return Reflect.getOwnPropertyDescriptor(this.#fields(), name);
  }

  #fields(): ResponseHeaders {
    return (this.#parsed ??= util.parseHeaders(this.#raw) as ResponseHeaders);
  }
}
