import type { ResultClass } from '../events.js';

/** What happened, as far as an `on` list asks. */
export interface Happening {
  readonly result: ResultClass;
  /** The status, if there was an answer. */
  readonly status: number | undefined;
}

const HEADER_PREFIX = 'retriable-header:';

/**
 * A compiled `on` or `failOn` list: class names, statuses (`503`), families (`5xx`) and `retriable-header:NAME`.
 * A malformed response without a byte passed on (`bad-response` before the head) is for a retry what a `reset` is.
 */
export class ClassSet {
  readonly #classes = new Set<string>();
  readonly #statuses = new Set<number>();
  readonly #families = new Set<number>();
  /** Header names, in lower case, that make any answer of 400 or above match. */
  readonly headers: readonly string[];

  constructor(entries: readonly (string | number)[]) {
    const headers: string[] = [];
    for (const entry of entries) {
      const text = String(entry);
      if (/^\d{3}$/.test(text)) this.#statuses.add(Number(text));
      else if (/^[1-5]xx$/.test(text)) this.#families.add(Number(text[0]));
      else if (text.startsWith(HEADER_PREFIX)) headers.push(text.slice(HEADER_PREFIX.length).toLowerCase());
      else this.#classes.add(text);
    }
    this.headers = headers;
  }

  has(happening: Happening): boolean {
    const { status } = happening;
    if (status === undefined) return this.#classes.has(happening.result);
    return this.#statuses.has(status) || this.#families.has(Math.floor(status / 100));
  }

  hasClass(result: ResultClass): boolean {
    return this.#classes.has(result);
  }
}
