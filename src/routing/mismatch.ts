import type { RoutedRequest, RouteMatch } from './match.js';
import { createRouter } from './router.js';

/** One thing that a route asks of a call and the call has not. */
export interface Mismatch {
  readonly on: 'host' | 'path' | 'method' | 'header';
  /** The header's name; undefined for what is no header. */
  readonly name: string | undefined;
  /** What the route asks for. */
  readonly wanted: string;
  /** What the call has; undefined for a header that it has not. */
  readonly found: string | undefined;
}

/** Why a route does not take a call; nothing if it does. Each thing asked for is put to the router by itself. */
export function mismatches({ host, path, methods, headers = {} }: RouteMatch, request: RoutedRequest): Mismatch[] {
  const found: Mismatch[] = [];
  const ask = (match: RouteMatch, mismatch: Omit<Mismatch, 'name'>, name?: string) => {
    if (createRouter([{ match }]).find(request) === undefined) found.push({ ...mismatch, name });
  };
  if (host !== undefined) ask({ host }, { on: 'host', wanted: host, found: request.host });
  if (path !== undefined) ask({ path }, { on: 'path', wanted: path, found: request.path });
  if (methods !== undefined) ask({ methods }, { on: 'method', wanted: methods.join(', '), found: request.method });
  for (const [name, wanted] of Object.entries(headers)) {
    ask({ headers: { [name]: wanted } }, { on: 'header', wanted, found: request.header(name.toLowerCase()) }, name);
  }
  return found;
}
