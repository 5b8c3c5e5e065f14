import type { Clock } from '../runtime/clock.js';
import type { RetryReason } from './events.js';
import type { Attempt, Call, CallOptions, RequestBody } from './policy.js';

/** Dispatch options that belong to a call, and are the line's own to write in. */
export interface OwnOptions extends CallOptions {
  call: Call;
}

/**
 * The options with the call that they belong to. The edge makes it; inside a process, where undici's options come alone,
 * the outermost policy makes it from them, on a copy: they are the caller's.
 */
export function withCall(opts: CallOptions, clock: Clock): OwnOptions {
  return opts.call === undefined ? { ...opts, call: new PlainCall(opts, clock.now()) } : (opts as OwnOptions);
}

/** The options with the attempt that they belong to; the first one of the call where no retry or hedge has made it. */
export function withAttempt(opts: CallOptions, clock: Clock): OwnOptions & { attempt: Attempt } {
  const own = withCall(opts, clock);
  own.attempt ??= createAttempt(own.call, 1, false);
  return own as OwnOptions & { attempt: Attempt };
}

export function createAttempt(call: Call, number: number, hedge: boolean, retryReason?: RetryReason): Attempt {
  return {
    call,
    number,
    hedge,
    retryReason,
    endpoint: undefined,
    permit: undefined,
    mayRepeat: undefined,
    waiting: undefined,
    timeLeftMs: Infinity,
  };
}

/** How many retries the app itself says it has made of this call. */
export function retriesBefore(call: Pick<Call, 'header'>): number {
  const header = call.header('x-retry-attempt');
  return header !== undefined && /^\d{1,6}$/.test(header) ? Number(header) : 0;
}

/** How long the app itself waits for the whole call, in milliseconds; what is no number of them is no bound. */
export function appTimeoutMs(call: Pick<Call, 'header'>): number {
  const header = call.header('x-request-timeout-ms');
  return header !== undefined && /^\d{1,15}$/.test(header) ? Number(header) : Infinity;
}

/** What calls have in common until they have something of their own: an array for each would be most of its memory. */
export const NONE_YET: readonly never[] = [];

/** A call that did not come through the edge: undici's options are all there is. */
class PlainCall implements Call {
  readonly route = '-';
  readonly upstream: string;
  readonly method: string;
  readonly host: string;
  readonly path: string;
  readonly startedAt: number;
  readonly trace = undefined;
  readonly traceId = undefined;
  readonly body: RequestBody;
  readonly forwarded = [];
  tried: Call['tried'] = NONE_YET;
  suppressed: Call['suppressed'] = NONE_YET;
  deadlineAt = Infinity;
  attempts = 0;
  sent = false;
  retries = 0;
  fallback = undefined;
  readonly #headers: CallOptions['headers'];

  constructor(opts: CallOptions, now: number) {
    this.upstream = opts.origin === undefined ? '-' : String(opts.origin);
    this.method = opts.method;
    this.path = opts.path.split('?', 1)[0] ?? '';
    this.startedAt = now;
    this.body = new PlainBody(opts.body);
    this.#headers = opts.headers;
    this.host = this.header('host') ?? (opts.origin === undefined ? '' : new URL(opts.origin).host);
  }

  get root(): Call {
    return this;
  }

  header(name: string): string | undefined {
    for (const [key, value] of headerEntries(this.#headers)) {
      if (key.toLowerCase() === name) return value;
    }
    return undefined;
  }
}

/** Every header as [name, value], whichever of undici's forms they are in. */
export function* headerEntries(headers: CallOptions['headers']): Generator<[string, string]> {
  if (headers === null || headers === undefined) return;
  if (Array.isArray(headers) && typeof headers[0] !== 'object') {
    for (let i = 0; i + 1 < headers.length; i += 2) yield [String(headers[i]), String(headers[i + 1])];
    return;
  }
  const pairs =
    Symbol.iterator in headers
      ? (headers as Iterable<[string, string | string[] | undefined]>)
      : Object.entries(headers);
  for (const [name, value] of pairs) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined) yield [name, one];
    }
  }
}

/** A body as undici takes it: what lies in memory can be sent again, a stream only if none of it was sent. */
class PlainBody implements RequestBody {
  readonly complete = true;
  readonly #body: CallOptions['body'];

  constructor(body: CallOptions['body']) {
    this.#body = body;
  }

  get state(): RequestBody['state'] {
    if (this.#body === null || this.#body === undefined) return 'none';
    return typeof this.#body === 'string' || this.#body instanceof Uint8Array ? 'kept' : 'streaming';
  }

  get notKept(): RequestBody['notKept'] {
    return this.state === 'streaming' ? 'committed' : undefined;
  }

  onComplete(callback: () => void): () => void {
    callback();
    return () => undefined;
  }

  forAttempt(): CallOptions['body'] {
    return this.#body;
  }

  release(): void {
    // It belongs to the caller.
  }
}
