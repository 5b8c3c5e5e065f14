import { stringify } from 'node:querystring';
import { Type } from '@sinclair/typebox';
import { OutriggerError } from '../errors.js';
import { headerEntries, withCall } from '../policies/call-context.js';
import { Steering } from '../policies/pass-through.js';
import type { CallOptions, Controller, Handler, Policy, ResponseHeaders } from '../policies/policy.js';
import { size } from '../policies/rules/option-types.js';
import { parseSize } from '../policies/rules/units.js';
import { withDefaults } from '../policies/rules/with-defaults.js';
import { checkOptions } from './check-options.js';
import { systemDeps, type SomeDeps } from './deps.js';

/** What stands in for the edge inside a process. */
export interface InProcessOptions {
  /** A request body up to this size is kept in memory, so that the request can be sent again. Default 64KiB. */
  readonly maxBodySize?: string;
}

/** The same as a schema, with its default. */
export const InProcessSchema = Type.Object({
  maxBodySize: size(
    '64KiB',
    'A request body up to this size is kept in memory, so that the request can be sent again.',
  ),
});

/**
 * The outermost layer inside a process, in place of the sidecar's edge: each dispatch becomes a call of its own; a body
 * that `fetch` hands over as an iterable is kept, if its length is known and small, so that it can be sent again; and the
 * caller's abort is the caller's doing, for which no circuit blames the upstream. The caller gets its own reason back.
 */
export function inProcess(options: InProcessOptions = {}, some: SomeDeps = {}): Policy {
  checkOptions(options, InProcessSchema);
  const { clock } = systemDeps(some);
  const maxBodySize = parseSize(withDefaults(InProcessSchema, options).maxBodySize);
  return (dispatch) => (given: CallOptions, handler) => {
    const opts = ownOptions(given);
    const call: InProcessCall = new InProcessCall(
      (body) => dispatch(withCall({ ...opts, body }, clock), call),
      handler,
    );
    call.start(opts.body, bytesToKeep(opts, maxBodySize));
    return true;
  };
}

/** The path with its query: what is kept or counted by path must tell queries apart. */
function ownOptions({ query, call: _, attempt: __, ...opts }: CallOptions): CallOptions {
  const text = query === undefined ? '' : stringify(query as Readonly<Record<string, string>>);
  return text === '' ? opts : { ...opts, path: `${opts.path}${opts.path.includes('?') ? '&' : '?'}${text}` };
}

type Body = CallOptions['body'];
type IterableBody = AsyncIterable<unknown> | Iterable<unknown>;

/** How many bytes an iterable says it has, if they are few enough to be kept. */
function bytesToKeep({ body, headers }: CallOptions, most: number): number | undefined {
  if (!isIterable(body)) return undefined;
  for (const [name, value] of headerEntries(headers)) {
    if (name.toLowerCase() === 'content-length' && /^\d{1,15}$/.test(value) && Number(value) <= most) {
      return Number(value);
    }
  }
  return undefined;
}

function isIterable(body: Body): body is Body & IterableBody {
  if (typeof body !== 'object' || body === null || body instanceof Uint8Array) return false;
  // A form iterates over its fields; undici makes its bytes.
  return Symbol.asyncIterator in body || (Symbol.iterator in body && !('getAll' in body));
}

/** One call: undici's handler above, our line below. */
class InProcessCall extends Steering implements Handler {
  readonly #dispatch: (body: Body) => boolean;
  readonly #next: Handler;
  #over = false;

  constructor(dispatch: (body: Body) => boolean, next: Handler) {
    super();
    this.#dispatch = dispatch;
    this.#next = next;
  }

  start(body: Body, keep: number | undefined): void {
    this.#next.onRequestStart?.(this, null);
    if (this.aborted) return;
    if (keep === undefined || !isIterable(body)) this.#dispatch(body);
    else void this.#collect(body, keep);
  }

  // The caller steers.

  /** undici's own callers may leave the reason out. */
  abort(reason?: Error): void {
    if (this.aborted || this.#over) return;
    this.reason = reason ?? new DOMException('This operation was aborted', 'AbortError');
    const cause = this.reason;
    if (this.inner === undefined) this.#fail(cause);
    else this.inner.abort(new OutriggerError('client-gone', 'the caller aborted the call', { cause }));
  }

  // The line tells.

  onRequestStart(controller: Controller): void {
    this.inner = controller;
  }

  onRequestUpgrade(...[, status, headers, socket]: Parameters<NonNullable<Handler['onRequestUpgrade']>>): void {
    this.#over = true;
    this.#next.onRequestUpgrade?.(this, status, headers, socket);
  }

  onResponseStart(_controller: Controller, status: number, headers: ResponseHeaders, text?: string): void {
    this.#next.onResponseStart?.(this, status, headers, text);
  }

  onResponseData(_controller: Controller, chunk: Buffer): void {
    this.#next.onResponseData?.(this, chunk);
  }

  onResponseEnd(_controller: Controller, trailers: ResponseHeaders): void {
    this.#over = true;
    this.#next.onResponseEnd?.(this, trailers);
  }

  onResponseError(_controller: Controller, error: Error): void {
    this.#fail(this.reason ?? error);
  }

  #fail(error: Error): void {
    if (this.#over) return;
    this.#over = true;
    this.#next.onResponseError?.(this, error);
  }

  async #collect(body: IterableBody, bytes: number): Promise<void> {
    try {
      const chunks: Buffer[] = [];
      let left = bytes;
      for await (const chunk of body) {
        if (this.aborted) return;
        const piece = Buffer.from(chunk as Uint8Array);
        left -= piece.length;
        // undici says so of a body that is too short.
        if (left < 0) throw new OutriggerError('bad-request', 'the body is longer than its content-length');
        chunks.push(piece);
      }
      if (!this.aborted) this.#dispatch(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks));
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(String(error)));
    }
  }
}
