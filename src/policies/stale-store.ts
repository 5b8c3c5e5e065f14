import { hash } from 'node:crypto';
import type { HeaderReader } from './rules/cacheable.js';
import { StaleMemory, type MemoryEntry } from './rules/stale-memory.js';
import { WriteLog } from './rules/write-log.js';

/** A request that an answer may be kept for. */
export interface StaleRequest {
  readonly method: 'GET' | 'HEAD';
  /** Host and URL: what an unsafe method invalidates. */
  readonly resource: string;
  /** What else must be the same, hashed, since it holds credentials. */
  readonly key: string;
  readonly header: HeaderReader;
}

/** An answer that is kept. Times are in milliseconds. */
export interface KeptAnswer {
  readonly status: number;
  readonly statusText: string | undefined;
  /** As they came: [name, value, …], latin1. */
  readonly rawHeaders: readonly string[];
  /** Latin1, one byte a character: unlike buffers, strings cost no memory outside the heap, which is dear to come by. */
  readonly body: string;
  readonly etag: string | undefined;
  /** The request headers that it was chosen by, in lower case, sorted. */
  readonly vary: readonly string[];
  /** How old it was, by its own word, at the monotonic time `since`. */
  ageMs: number;
  since: number;
}

interface Entry extends MemoryEntry {
  readonly id: string;
  readonly resource: string;
  readonly vary: string;
  answer: KeptAnswer;
}

/** What is known of one host and URL. */
interface Resource {
  readonly entries: Set<Entry>;
  /** How many entries were chosen by each list of headers. */
  readonly varies: Map<string, number>;
}

/** What an entry takes beside its texts, in bytes: objects, maps, keys. An estimate. */
const ENTRY_BYTES = 1024;

/** A hash of texts, each told apart from the next. */
export function hashOf(texts: readonly (string | undefined)[]): string {
  let all = '';
  for (const text of texts) all += text === undefined ? '-' : `${text.length}:${text}`;
  return hash('sha256', all, 'base64');
}

/** The stores of all routes, by the route's name, bounded together. They outlive a reload. */
export class StaleStores {
  readonly #memory: StaleMemory;
  readonly #writes = new WriteLog();
  readonly #stores = new Map<string, StaleStore>();

  /** `maxBytes`: of all routes together (limits.staleMemory). */
  constructor({ maxBytes }: { readonly maxBytes: number }) {
    this.#memory = new StaleMemory(maxBytes);
  }

  /** Bytes taken. */
  get used(): number {
    return this.#memory.used;
  }

  /** Whether any route keeps answers. */
  get inUse(): boolean {
    return this.#stores.size > 0;
  }

  /** The store of a route; what was kept under its name stays, as far as it fits. */
  for(route: string, { maxEntries }: { readonly maxEntries: number }): StaleStore {
    let store = this.#stores.get(route);
    if (store === undefined) {
      store = new StaleStore(this.#memory, this.#writes, maxEntries);
      this.#stores.set(route, store);
    }
    store.setMaxEntries(maxEntries);
    return store;
  }

  /** Forgets all answers of a host and URL, whichever routes and callers they are for, and those that are on their way. */
  invalidate(resource: string): void {
    this.#writes.note(resource);
    for (const store of this.#stores.values()) store.invalidate(resource);
  }

  /** Forgets what was kept for routes that are no more. */
  retain(routes: ReadonlySet<string>): void {
    for (const [route, store] of this.#stores) {
      if (routes.has(route)) continue;
      // Calls that are under way may still bring answers.
      store.setMaxEntries(0);
      this.#stores.delete(route);
    }
  }
}

/** The answers kept for one route, bounded; the least recently used goes first. */
export class StaleStore {
  readonly #memory: StaleMemory;
  readonly #writes: WriteLog;
  /** By id, the least recently used first. */
  readonly #entries = new Map<string, Entry>();
  readonly #resources = new Map<string, Resource>();
  #maxEntries: number;

  constructor(memory: StaleMemory, writes: WriteLog, maxEntries: number) {
    this.#memory = memory;
    this.#writes = writes;
    this.#maxEntries = maxEntries;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Stands for this moment: what is asked for from now on knows of all writes so far. */
  get moment(): number {
    return this.#writes.moment;
  }

  /** Takes bytes for an answer on its way. */
  reserve(bytes: number): boolean {
    return this.#memory.reserve(bytes);
  }

  release(bytes: number): void {
    this.#memory.release(bytes);
  }

  /** The newest answer to the same request; one to a GET answers a HEAD too (RFC 9111, 4). */
  find(request: StaleRequest): KeptAnswer | undefined {
    let newest: Entry | undefined;
    for (const entry of this.#matching(request)) {
      if (newest === undefined || entry.answer.since > newest.answer.since) newest = entry;
    }
    if (newest !== undefined) this.#touch(newest);
    return newest?.answer;
  }

  /**
   * Keeps an answer in place of the one there was. One that is larger than the whole memory is not kept, nor one that may
   * be older than a write, or is older than the one there is.
   *
   * @param askedAt the moment at which it was asked for
   */
  put(request: StaleRequest, answer: KeptAnswer, askedAt = this.moment): void {
    if (this.#writes.isWrittenSince(request.resource, askedAt)) return;
    const vary = answer.vary.join();
    const id = idOf(request.method, request, vary);
    let bytes = ENTRY_BYTES + id.length + answer.body.length;
    for (const text of answer.rawHeaders) bytes += text.length;
    const kept = this.#entries.get(id);
    if (kept !== undefined && kept.answer.since > answer.since) return;
    if (kept !== undefined && this.#memory.resize(kept, bytes)) {
      kept.answer = answer;
      this.#touch(kept);
      return;
    }
    this.#forget(id);
    if (this.#memory.reserve(bytes)) this.#add(id, request.resource, vary, answer, bytes);
  }

  /** Forgets the answers to this request. */
  drop(request: StaleRequest): void {
    for (const entry of this.#matching({ ...request, method: 'HEAD' })) entry.forget();
  }

  /** Forgets all answers of a host and URL, whoever they are for. */
  invalidate(resource: string): void {
    for (const entry of this.#resources.get(resource)?.entries ?? []) entry.forget();
  }

  clear(): void {
    for (const entry of this.#entries.values()) entry.forget();
  }

  setMaxEntries(maxEntries: number): void {
    this.#maxEntries = maxEntries;
    this.#trim();
  }

  #matching(request: StaleRequest): Entry[] {
    const found: Entry[] = [];
    for (const vary of this.#resources.get(request.resource)?.varies.keys() ?? []) {
      for (const method of request.method === 'HEAD' ? (['GET', 'HEAD'] as const) : (['GET'] as const)) {
        const entry = this.#entries.get(idOf(method, request, vary));
        if (entry !== undefined) found.push(entry);
      }
    }
    return found;
  }

  #add(id: string, resource: string, vary: string, answer: KeptAnswer, bytes: number): void {
    const entry: Entry = { id, resource, vary, answer, bytes, forget: () => this.#forget(id) };
    let known = this.#resources.get(resource);
    if (known === undefined) {
      known = { entries: new Set(), varies: new Map() };
      this.#resources.set(resource, known);
    }
    known.entries.add(entry);
    known.varies.set(vary, (known.varies.get(vary) ?? 0) + 1);
    this.#entries.set(id, entry);
    this.#memory.add(entry);
    this.#trim();
  }

  /** Who was used last matters only once the store fills. */
  #touch(entry: Entry): void {
    if (this.#entries.size * 2 > this.#maxEntries) {
      this.#entries.delete(entry.id);
      this.#entries.set(entry.id, entry);
    }
    this.#memory.touch(entry);
  }

  #trim(): void {
    for (const entry of this.#entries.values()) {
      if (this.#entries.size <= this.#maxEntries) return;
      entry.forget();
    }
  }

  #forget(id: string): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    this.#entries.delete(id);
    this.#memory.remove(entry);
    const known = this.#resources.get(entry.resource);
    if (known === undefined) return;
    known.entries.delete(entry);
    const others = (known.varies.get(entry.vary) ?? 1) - 1;
    if (others > 0) known.varies.set(entry.vary, others);
    else known.varies.delete(entry.vary);
    if (known.entries.size === 0) this.#resources.delete(entry.resource);
  }
}

/** What tells answers apart. Values of Vary may be secrets too, and long. */
function idOf(method: string, { resource, key, header }: StaleRequest, vary: string): string {
  const chosenBy = vary === '' ? '' : `${vary}=${hashOf(vary.split(',').map(header))}`;
  return `${method} ${key} ${chosenBy} ${resource}`;
}
