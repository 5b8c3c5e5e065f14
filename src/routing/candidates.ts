import type { RouteMatch, RoutedRequest } from './match.js';

type Header = readonly [name: string, value: string];

/** A route, and what is left to ask of a request whose host and path match it. */
export class Candidate<T> {
  readonly route: T;
  /** Its place in the file's order. */
  readonly index: number;
  readonly headers: readonly Header[];
  readonly #methods: ReadonlySet<string> | undefined;

  constructor(route: T, index: number, { methods, headers }: RouteMatch) {
    this.route = route;
    this.index = index;
    this.#methods = methods === undefined ? undefined : new Set(methods);
    this.headers = Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), value] as const);
  }

  takes(request: RoutedRequest): boolean {
    if (this.#methods?.has(request.method) === false) return false;
    return this.headers.every(([name, value]) => request.header(name) === value);
  }
}

/**
 * Candidates of one host and path. Those that ask for a header are looked up by its value, each by the one of its headers
 * that tells it best from the others, so that the cost grows with the number of names that are asked for and not of routes.
 */
export class Candidates<T> {
  readonly #withoutHeaders: Candidate<T>[] = [];
  readonly #byHeader = new Map<string, Map<string, Candidate<T>[]>>();

  /** In the file's order. */
  add(candidate: Candidate<T>): void {
    const lists = candidate.headers.map((header) => this.#listOf(header));
    const shortest = lists.reduce((a, b) => (b.length < a.length ? b : a), lists[0] ?? this.#withoutHeaders);
    shortest.push(candidate);
  }

  #listOf([name, value]: Header): Candidate<T>[] {
    const byValue = this.#byHeader.get(name) ?? new Map<string, Candidate<T>[]>();
    const list = byValue.get(value) ?? [];
    this.#byHeader.set(name, byValue);
    byValue.set(value, list);
    return list;
  }

  /** The first that takes the request, if it comes before `best`; else `best`. */
  first(request: RoutedRequest, best: Candidate<T> | undefined): Candidate<T> | undefined {
    let first = firstOf(this.#withoutHeaders, request, best);
    for (const [name, byValue] of this.#byHeader) {
      const value = request.header(name);
      const list = value === undefined ? undefined : byValue.get(value);
      if (list !== undefined) first = firstOf(list, request, first);
    }
    return first;
  }
}

function firstOf<T>(
  list: readonly Candidate<T>[],
  request: RoutedRequest,
  best: Candidate<T> | undefined,
): Candidate<T> | undefined {
  for (const candidate of list) {
    if (best !== undefined && candidate.index >= best.index) return best;
    if (candidate.takes(request)) return candidate;
  }
  return best;
}
