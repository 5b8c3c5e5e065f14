/** Which calls take a route; all that is given must hold. */
export interface RouteMatch {
  /** Exact or `*.suffix`; compared without case and port. */
  readonly host?: string;
  /** Exact, or a prefix that ends in `/*`; compared with the path whichever of its characters are encoded (normalizePath). */
  readonly path?: string;
  /** In upper case. */
  readonly methods?: readonly string[];
  /** Headers that must have exactly these values. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** A request, as far as routes can tell requests apart. */
export interface RoutedRequest {
  readonly host: string;
  /** As sent, without the query. */
  readonly path: string;
  readonly method: string;
  /** A header's value; the name in lower case. */
  header(name: string): string | undefined;
}
