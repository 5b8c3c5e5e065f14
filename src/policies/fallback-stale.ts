import { Type, type Static } from '@sinclair/typebox';
import type { AnswerObserver, BodyObserver, FallbackAnswerer, FailedCall } from './fallback-step.js';
import { LocalController } from './pass-through.js';
import type { Call, CallOptions, Clock, Controller, ResponseHeaders } from './policy.js';
import { ageOf, freshnessOf, judgeAnswer, varyNames, type HeaderReader, type StoreRules } from './rules/cacheable.js';
import { flag, headerNames, integer, positiveDuration, size } from './rules/option-types.js';
import { headersByName, headerTexts, valueAmong } from './rules/raw-headers.js';
import { parseDuration, parseSize } from './rules/units.js';
import { resourceOf } from './stale-invalidation.js';
import { hashOf, type KeptAnswer, type StaleRequest, type StaleStore } from './stale-store.js';

/** The last good answer to the same request. */
export const StaleOptions = Type.Object(
  {
    maxAge: positiveDuration('10m', 'An older answer is not given.'),
    maxEntries: integer(1000, 'Answers kept at most; the least recently used goes first.', { minimum: 1 }),
    maxBodySize: size('1MiB', 'An answer with a larger body is not kept.'),
    key: headerNames(
      ['authorization', 'cookie'],
      'Request headers that, besides method, host, URL and Vary, must be the same.',
    ),
    overrideCacheControl: flag(false, 'Keeps answers also against private, no-cache and the like.'),
  },
  { additionalProperties: false, description: 'Gives the last good answer to the same request.' },
);
export type StaleOptions = Static<typeof StaleOptions>;

/**
 * The step that gives the last good answer to the same request. It is also an observer of good answers: it keeps them as
 * they pass. What another upstream answered is not kept: it may be a poorer answer than the route's own upstream gave.
 *
 * The answer is given whole even if the request has conditions: a 304 would have the app take its own copy for confirmed,
 * which nobody could do. A request for a range is another one than the request for the whole.
 */
export class StaleAnswerer implements FallbackAnswerer, AnswerObserver {
  readonly kind = 'stale';
  readonly #store: StaleStore;
  readonly #clock: Clock;
  readonly #maxAgeMs: number;
  readonly #rules: StoreRules;
  /** In lower case, sorted. */
  readonly #keyHeaders: readonly string[];

  constructor(options: StaleOptions, store: StaleStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
    this.#maxAgeMs = parseDuration(options.maxAge);
    this.#keyHeaders = [...new Set(options.key.map((name) => name.toLowerCase()))].sort();
    this.#rules = {
      overrideCacheControl: options.overrideCacheControl,
      keyedByAuthorization: this.#keyHeaders.includes('authorization'),
      maxBodySize: parseSize(options.maxBodySize),
    };
  }

  start(failed: FailedCall, outcome: Parameters<FallbackAnswerer['start']>[1]): void {
    const { call, opts } = failed;
    const request = this.#requestOf(call, opts);
    const kept = request === undefined ? undefined : this.#store.find(request);
    const ageMs = kept === undefined ? Infinity : kept.ageMs + this.#clock.now() - kept.since;
    if (kept === undefined || ageMs > this.#maxAgeMs) {
      outcome.fails();
      return;
    }
    const rawHeaders = withoutAge(kept.rawHeaders);
    rawHeaders.push('age', String(Math.floor(ageMs / 1_000)), 'cache-status', cacheStatus(failed, kept, ageMs));
    const handler = outcome.answers();
    const controller = new LocalController(rawHeaders);
    handler.onResponseStart?.(controller, kept.status, headersByName(rawHeaders), kept.statusText);
    if (call.method !== 'HEAD' && kept.body !== '') {
      handler.onResponseData?.(controller, Buffer.from(kept.body, 'latin1'));
    }
    handler.onResponseEnd?.(controller, {});
  }

  get moment(): number {
    return this.#store.moment;
  }

  answered(
    askedAt: number,
    call: Call,
    opts: CallOptions,
    controller: Controller,
    status: number,
    headers: ResponseHeaders,
    statusText: string | undefined,
  ): BodyObserver | undefined {
    const request = this.#requestOf(call, opts);
    if (request === undefined) return undefined;
    const rawHeaders = headerTexts(controller.rawHeaders ?? headers);
    const answer: HeaderReader = (name) => valueAmong(rawHeaders, name);
    switch (judgeAnswer(call.method, status, request.header, answer, this.#rules)) {
      case 'leave':
        return undefined;
      case 'evict':
        this.#store.drop(request);
        return undefined;
      case 'confirm':
        this.#confirm(request, answer);
        return undefined;
      case 'store':
        return new AnswerCopy(this.#store, request, askedAt, this.#rules.maxBodySize, {
          status,
          statusText,
          rawHeaders,
          etag: answer('etag'),
          vary: varyNames(answer('vary')),
          ageMs: ageOf(answer),
          since: this.#clock.now(),
        });
    }
  }

  /** What a call asks for, if answers to it may be kept. The meaning of a GET's body is not in its URL. */
  #requestOf(call: Call, opts: CallOptions): StaleRequest | undefined {
    const { method } = call;
    if (method !== 'GET' && method !== 'HEAD') return undefined;
    if (call.body.state !== 'none' || typeof opts.upgrade === 'string') return undefined;
    const header: HeaderReader = (name) => call.header(name);
    if (header('range') !== undefined) return undefined;
    const values = this.#keyHeaders.map(header);
    const plain = values.every((value) => value === undefined);
    const key = plain ? '' : hashOf([...this.#keyHeaders, ...values]);
    return { method, resource: resourceOf(call, opts), key, header };
  }

  /** The app's own copy is still good, and by that ours, if it is the same (RFC 9111, 4.3.4). */
  #confirm(request: StaleRequest, answer: HeaderReader): void {
    const kept = this.#store.find(request);
    if (kept?.etag === undefined || kept.etag !== answer('etag')) return;
    kept.ageMs = ageOf(answer);
    kept.since = this.#clock.now();
  }
}

/** Copies a good answer's body as it passes, up to a size; once whole, it is kept. */
class AnswerCopy implements BodyObserver {
  readonly #store: StaleStore;
  readonly #request: StaleRequest;
  readonly #askedAt: number;
  readonly #maxBytes: number;
  readonly #head: Omit<KeptAnswer, 'body'>;
  /** As text: a chunk itself is a piece of what was read from a socket, and would keep all of that. */
  #chunks: string[] | undefined = [];
  #bytes = 0;

  constructor(
    store: StaleStore,
    request: StaleRequest,
    askedAt: number,
    maxBytes: number,
    head: Omit<KeptAnswer, 'body'>,
  ) {
    this.#store = store;
    this.#request = request;
    this.#askedAt = askedAt;
    this.#maxBytes = maxBytes;
    this.#head = head;
  }

  data(chunk: Buffer): void {
    if (this.#chunks === undefined) return;
    if (this.#bytes + chunk.length > this.#maxBytes || !this.#store.reserve(chunk.length)) {
      this.broken();
      return;
    }
    this.#bytes += chunk.length;
    this.#chunks.push(chunk.toString('latin1'));
  }

  ended(): void {
    if (this.#chunks === undefined) return;
    const body = this.#chunks.length === 1 ? this.#chunks[0]! : this.#chunks.join('');
    this.broken();
    this.#store.put(this.#request, { ...this.#head, body }, this.#askedAt);
  }

  broken(): void {
    if (this.#chunks === undefined) return;
    this.#store.release(this.#bytes);
    this.#chunks = undefined;
  }
}

/** RFC 9211: after an attempt the request was forwarded; without one the answer is a hit, mostly past its time. */
function cacheStatus({ call, status }: FailedCall, kept: KeptAnswer, ageMs: number): string {
  if (call.attempts === 0) {
    const freshMs = freshnessOf((name) => valueAmong(kept.rawHeaders, name));
    return `outrigger; hit; ttl=${Math.floor((freshMs - ageMs) / 1_000)}`;
  }
  return status === undefined ? 'outrigger; fwd=stale' : `outrigger; fwd=stale; fwd-status=${status}`;
}

function withoutAge(raw: readonly string[]): string[] {
  return raw.filter((_, index) => raw[index - (index % 2)]!.toLowerCase() !== 'age');
}
